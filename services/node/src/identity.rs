//! Who is at the other end: the system that a certificate names, and whether it still may speak.

mod deny;
mod peer;

pub use self::deny::{DENY_LIST_BYTES_MAX, DenyList, DenyListError};
pub use self::peer::{Peer, PeerRefused};

use rustls::pki_types::CertificateDer;
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer as _};

/// Characters of a code.
pub const CODE_CHARS_MAX: usize = 63;
/// Characters of a trust domain; the DNS name of every system in it must fit in 253.
pub const TRUST_DOMAIN_CHARS_MAX: usize = 178;

/// What a system is, and with that what it may call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Does steps.
    Department,
    /// Speaks with the citizen.
    Desk,
    /// Watches over the broker.
    Operator,
    /// Carries dossiers between all the others.
    Broker,
}

/// The name of a system: `spiffe://<trust domain>/<role>/<code>`, after the SPIFFE-ID standard.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Identity {
    /// Who vouches for the system: a DNS name such as `lienthong.example`.
    pub trust_domain: String,
    /// What the system is.
    pub role: Role,
    /// Its name within trust domain and role: 1 to 63 of `a-z`, `0-9` and inner hyphens.
    pub code: String,
}

/// A name or a certificate that tells no identity.
#[derive(Debug, Clone, thiserror::Error, PartialEq, Eq)]
pub enum IdentityError {
    /// Write the name in the shape shown.
    #[error("`{0}` is no identity; write spiffe://<trust domain>/<role>/<code>")]
    Shape(String),
    /// Use a DNS name in lower case.
    #[error(
        "trust domain `{0}` is no lower-case DNS name of 1 to {TRUST_DOMAIN_CHARS_MAX} characters"
    )]
    TrustDomain(String),
    /// Use one of the four roles.
    #[error("role `{0}` is not one of department, desk, operator, broker")]
    Role(String),
    /// Use another code.
    #[error(
        "code `{0}` is not 1 to {CODE_CHARS_MAX} of a-z, 0-9 and hyphens, with none at either end"
    )]
    Code(String),
    /// Issue the certificate anew, with `lienthong pki issue`.
    #[error("the certificate has {0} URI names; it must have exactly one, its spiffe:// identity")]
    UriNames(usize),
    /// Issue the certificate anew.
    #[error("the certificate cannot be read: {0}")]
    Certificate(String),
}

impl Role {
    /// Every role.
    pub const ALL: [Self; 4] = [Self::Department, Self::Desk, Self::Operator, Self::Broker];

    /// The word for it in names.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Department => "department",
            Self::Desk => "desk",
            Self::Operator => "operator",
            Self::Broker => "broker",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for Role {
    type Err = IdentityError;

    fn from_str(word: &str) -> Result<Self, IdentityError> {
        let role = Self::ALL.into_iter().find(|role| role.as_str() == word);
        role.ok_or_else(|| IdentityError::Role(shown(word)))
    }
}

impl Identity {
    /// The identity of these parts.
    ///
    /// # Errors
    /// The trust domain or the code has another shape.
    pub fn new(trust_domain: &str, role: Role, code: &str) -> Result<Self, IdentityError> {
        check_trust_domain(trust_domain)?;
        if !is_label(code) {
            return Err(IdentityError::Code(shown(code)));
        }
        Ok(Self {
            trust_domain: trust_domain.into(),
            role,
            code: code.into(),
        })
    }

    /// Reads `spiffe://<trust domain>/<role>/<code>`.
    ///
    /// # Errors
    /// Says which part has another shape.
    pub fn parse_uri(uri: &str) -> Result<Self, IdentityError> {
        let shape = || IdentityError::Shape(shown(uri));
        let rest = uri.strip_prefix("spiffe://").ok_or_else(shape)?;
        let mut parts = rest.split('/');
        let (Some(trust_domain), Some(role), Some(code), None) =
            (parts.next(), parts.next(), parts.next(), parts.next())
        else {
            return Err(shape());
        };
        Self::new(trust_domain, role.parse()?, code)
    }

    /// Reads the identity that a certificate names. Whether the certificate is to be believed is
    /// for TLS to say.
    ///
    /// # Errors
    /// The certificate has no or several URI names (SPIFFE X.509-SVID §2), or one that is no identity.
    pub fn from_certificate(der: &CertificateDer<'_>) -> Result<Self, IdentityError> {
        Self::from_x509(&parse(der)?)
    }

    fn from_x509(certificate: &X509Certificate<'_>) -> Result<Self, IdentityError> {
        let names = certificate
            .subject_alternative_name()
            .map_err(|error| IdentityError::Certificate(error.to_string()))?;
        let uris: Vec<&str> = names
            .iter()
            .flat_map(|extension| &extension.value.general_names)
            .filter_map(|name| {
                if let GeneralName::URI(uri) = name {
                    Some(*uri)
                } else {
                    None
                }
            })
            .collect();
        match uris[..] {
            [uri] => Self::parse_uri(uri),
            _ => Err(IdentityError::UriNames(uris.len())),
        }
    }

    /// The name as a URI, as the certificate carries it.
    pub fn uri(&self) -> String {
        self.to_string()
    }

    /// The name for clients that know only DNS names: `<code>.<role>.<trust domain>`.
    pub fn dns_name(&self) -> String {
        format!("{}.{}.{}", self.code, self.role, self.trust_domain)
    }
}

impl fmt::Display for Identity {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            out,
            "spiffe://{}/{}/{}",
            self.trust_domain, self.role, self.code
        )
    }
}

impl FromStr for Identity {
    type Err = IdentityError;

    fn from_str(uri: &str) -> Result<Self, IdentityError> {
        Self::parse_uri(uri)
    }
}

impl TryFrom<String> for Identity {
    type Error = IdentityError;

    fn try_from(uri: String) -> Result<Self, IdentityError> {
        Self::parse_uri(&uri)
    }
}

impl From<Identity> for String {
    fn from(identity: Identity) -> Self {
        identity.to_string()
    }
}

/// Checks that a trust domain is a DNS name that leaves room for role and code.
///
/// # Errors
/// [`IdentityError::TrustDomain`].
pub fn check_trust_domain(trust_domain: &str) -> Result<(), IdentityError> {
    let fits = trust_domain.len() <= TRUST_DOMAIN_CHARS_MAX;
    if fits && trust_domain.split('.').all(is_label) {
        return Ok(());
    }
    Err(IdentityError::TrustDomain(shown(trust_domain)))
}

fn is_label(text: &str) -> bool {
    (1..=CODE_CHARS_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
        && !text.starts_with('-')
        && !text.ends_with('-')
}

fn parse<'d>(der: &'d CertificateDer<'_>) -> Result<X509Certificate<'d>, IdentityError> {
    match X509Certificate::from_der(der) {
        Ok(([], certificate)) => Ok(certificate),
        Ok(_) => Err(IdentityError::Certificate("bytes follow it".into())),
        Err(error) => Err(IdentityError::Certificate(error.to_string())),
    }
}

/// What somebody else wrote, short and harmless enough for a message.
fn shown(text: &str) -> String {
    text.chars()
        .take(100)
        .flat_map(char::escape_default)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_is_written_and_read_alike() {
        for role in Role::ALL {
            let identity = Identity::new("lienthong.example", role, "civil-registry-01").unwrap();
            assert_eq!(Identity::parse_uri(&identity.uri()).unwrap(), identity);
        }
        let police = Identity::parse_uri("spiffe://hue.example/department/police").unwrap();
        assert_eq!(police.dns_name(), "police.department.hue.example");
    }

    #[test]
    fn every_other_shape_is_refused() {
        let long = "a".repeat(CODE_CHARS_MAX + 1);
        let wide = format!(
            "spiffe://{}a/desk/a",
            "a.".repeat(TRUST_DOMAIN_CHARS_MAX / 2)
        );
        for uri in [
            "",
            "https://hue.example/desk/a",
            "spiffe://hue.example/desk",
            "spiffe://hue.example/desk/a/b",
            "spiffe://hue.example/desk/a/",
            "spiffe://hue.example/mayor/a",
            "spiffe://hue.example/Desk/a",
            "spiffe://hue.example/desk/",
            "spiffe://hue.example/desk/A",
            "spiffe://hue.example/desk/a.b",
            "spiffe://hue.example/desk/-a",
            "spiffe://hue.example/desk/a?b",
            "spiffe://hue.example/desk/cảnh-sát",
            "spiffe://hue.example:1/desk/a",
            "spiffe://user@hue.example/desk/a",
            "spiffe:///desk/a",
            "spiffe://Hue.example/desk/a",
            "spiffe://hue..example/desk/a",
            &format!("spiffe://hue.example/desk/{long}"),
            &wide,
        ] {
            assert!(Identity::parse_uri(uri).is_err(), "{uri}");
        }
    }

    #[test]
    fn a_refusal_shows_no_control_characters() {
        let refused = Identity::parse_uri("spiffe://a\n\u{1b}[31m")
            .unwrap_err()
            .to_string();
        assert!(refused.chars().all(|c| !c.is_control()), "{refused}");
    }

    #[test]
    fn rubbish_is_no_certificate() {
        let rubbish = CertificateDer::from(b"rubbish".as_slice());
        assert!(matches!(
            Identity::from_certificate(&rubbish),
            Err(IdentityError::Certificate(_))
        ));
    }
}
