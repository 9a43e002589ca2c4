//! Makes an authority and the certificates of systems, for a town that has no PKI of its own.

use crate::identity::{Identity, IdentityError, check_trust_domain};
use jiff::{SignedDuration, Timestamp};
use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, PKCS_ECDSA_P256_SHA256, PublicKeyData as _, SanType,
    SerialNumber,
};
use rustls::pki_types::{CertificateDer, pem::PemObject as _};
use std::{
    fs::{self, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    time::Duration,
};
use x509_parser::{certificate::X509Certificate, extensions::GeneralName, prelude::FromDer as _};

/// The authority's certificate in its folder.
pub const CA_CERTIFICATE_FILE: &str = "ca.pem";
/// The authority's key in its folder.
pub const CA_KEY_FILE: &str = "ca.key";

/// How long before it is made a certificate is valid, for machines whose clocks are behind.
const BACKDATED: SignedDuration = SignedDuration::from_mins(5);
const SERIAL_BYTES: usize = 16;

/// When a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Validity {
    /// From when, to the second.
    pub not_before: Timestamp,
    /// Until when, to the second.
    pub not_after: Timestamp,
}

/// Signs certificates of one trust domain.
#[derive(Debug)]
pub struct Authority {
    trust_domain: String,
    certificate_pem: String,
    not_after: Timestamp,
    issuer: Issuer<'static, KeyPair>,
}

/// A system's certificate and key, as PEM.
#[derive(Clone)]
pub struct Issued {
    /// Whose they are.
    pub identity: Identity,
    /// When the certificate is valid.
    pub validity: Validity,
    /// The certificate. The authority signs directly, so there is no other in the chain.
    pub certificate_pem: String,
    /// The private key, PKCS #8. Show it to nobody.
    pub key_pem: String,
}

/// Why no certificate was made.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// Choose another folder or name, or move the file away: keys are never overwritten.
    #[error("{path} exists already and is never overwritten; choose another folder or name", path = path.display())]
    Exists {
        /// The file.
        path: PathBuf,
    },
    /// See that the folder exists and may be written.
    #[error("cannot use {path}: {source}", path = path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Give the folder of an authority made with `lienthong pki init`.
    #[error("{path} is not what an authority keeps: {message}; name the folder made by `lienthong pki init`", path = path.display())]
    Authority {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        message: String,
    },
    /// Use a trust domain and code of the right shape.
    #[error(transparent)]
    Identity(#[from] IdentityError),
    /// Name systems of the authority's own trust domain, or use the other one's authority.
    #[error("this authority vouches for `{own}`, not for `{other}`")]
    TrustDomain {
        /// The authority's.
        own: String,
        /// The one asked for.
        other: String,
    },
    /// Let the validity end after it begins.
    #[error("a validity from {not_before} to {not_after} holds no time")]
    Validity {
        /// The beginning asked for.
        not_before: Timestamp,
        /// The end asked for.
        not_after: Timestamp,
    },
    /// The cryptographic library refused.
    #[error("cannot make the certificate: {0}")]
    Crypto(#[from] rcgen::Error),
}

impl Validity {
    /// From five minutes ago, for `days` of 24 hours.
    pub fn days(days: u32) -> Self {
        let now = Timestamp::now();
        let span = SignedDuration::from_hours(24 * i64::from(days));
        let not_after = now.checked_add(span).unwrap_or(Timestamp::MAX);
        Self {
            not_before: now.checked_sub(BACKDATED).unwrap_or(now),
            not_after,
        }
    }

    /// Between two instants, past ones too.
    pub fn between(not_before: Timestamp, not_after: Timestamp) -> Self {
        Self {
            not_before,
            not_after,
        }
    }

    fn put_into(self, params: &mut CertificateParams) -> Result<(), PkiError> {
        let epoch = rcgen::date_time_ymd(1970, 1, 1);
        let after_epoch = |instant: Timestamp| {
            u64::try_from(instant.as_second()).map(|seconds| epoch + Duration::from_secs(seconds))
        };
        match (after_epoch(self.not_before), after_epoch(self.not_after)) {
            (Ok(begin), Ok(end)) if begin < end => {
                params.not_before = begin;
                params.not_after = end;
                Ok(())
            }
            _ => Err(PkiError::Validity {
                not_before: self.not_before,
                not_after: self.not_after,
            }),
        }
    }
}

impl Authority {
    /// Makes a new authority for a trust domain; it exists in memory until [`save`](Self::save).
    ///
    /// # Errors
    /// The trust domain is no DNS name, or the validity holds no time.
    pub fn create(trust_domain: &str, validity: Validity) -> Result<Self, PkiError> {
        check_trust_domain(trust_domain)?;
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::default();
        validity.put_into(&mut params)?;
        params.distinguished_name = named(&format!("CA {trust_domain}"));
        params.serial_number = Some(serial());
        // A signing certificate of SPIFFE carries the trust domain alone (X.509-SVID §4.1).
        params.subject_alt_names =
            vec![SanType::URI(format!("spiffe://{trust_domain}").try_into()?)];
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let certificate = params.self_signed(&key)?;
        Ok(Self {
            trust_domain: trust_domain.to_owned(),
            certificate_pem: certificate.pem(),
            not_after: validity.not_after,
            issuer: Issuer::new(params, key),
        })
    }

    /// Reads the authority in a folder.
    ///
    /// # Errors
    /// `ca.pem` or `ca.key` cannot be read, is no authority's, or does not fit the other.
    pub fn load(folder: &Path) -> Result<Self, PkiError> {
        let (certificate_path, key_path) =
            (folder.join(CA_CERTIFICATE_FILE), folder.join(CA_KEY_FILE));
        let read = |path: &Path| {
            fs::read_to_string(path).map_err(|source| PkiError::File {
                path: path.into(),
                source,
            })
        };
        let certificate_pem = read(&certificate_path)?;
        let bad = |path: &Path, message: String| PkiError::Authority {
            path: path.into(),
            message,
        };
        let key = KeyPair::from_pem(&read(&key_path)?)
            .map_err(|error| bad(&key_path, error.to_string()))?;

        let der = CertificateDer::from_pem_slice(certificate_pem.as_bytes())
            .map_err(|error| bad(&certificate_path, error.to_string()))?;
        let (_, certificate) = X509Certificate::from_der(&der)
            .map_err(|error| bad(&certificate_path, error.to_string()))?;
        if !certificate.is_ca() {
            return Err(bad(
                &certificate_path,
                "the certificate may not sign others".into(),
            ));
        }
        if certificate.public_key().raw != key.subject_public_key_info() {
            return Err(bad(&key_path, "the key is not that of ca.pem".into()));
        }
        let trust_domain = trust_domain_of(&certificate)
            .ok_or_else(|| bad(&certificate_path, "it names no trust domain".into()))?;
        let not_after = Timestamp::from_second(certificate.validity().not_after.timestamp())
            .map_err(|error| bad(&certificate_path, error.to_string()))?;
        let issuer = Issuer::from_ca_cert_der(&der, key)?;
        Ok(Self {
            trust_domain,
            certificate_pem,
            not_after,
            issuer,
        })
    }

    /// Writes `ca.pem` and `ca.key` (readable by the owner alone) into a folder that exists.
    ///
    /// # Errors
    /// [`PkiError::Exists`] when either is there; nothing is written then.
    pub fn save(&self, folder: &Path) -> Result<(), PkiError> {
        let key = self.issuer.key().serialize_pem();
        save_pair(
            (&folder.join(CA_CERTIFICATE_FILE), &self.certificate_pem),
            (&folder.join(CA_KEY_FILE), &key),
        )
    }

    /// The trust domain that it vouches for.
    pub fn trust_domain(&self) -> &str {
        &self.trust_domain
    }

    /// Its certificate, which everybody in the trust domain believes.
    pub fn certificate_pem(&self) -> &str {
        &self.certificate_pem
    }

    /// Makes a key and a certificate for a system: ECDSA P-256, for both ends of a connection. It
    /// ends with the authority at the latest.
    ///
    /// # Errors
    /// The system is of another trust domain, or the validity holds no time.
    pub fn issue(&self, identity: &Identity, validity: Validity) -> Result<Issued, PkiError> {
        self.issue_for_hosts(identity, &[], validity)
    }

    /// As [`issue`](Self::issue), for a server that browsers know by these names of hosts too, or by these
    /// IP addresses.
    ///
    /// # Errors
    /// As [`issue`](Self::issue), and for a name that no host may have.
    pub fn issue_for_hosts(
        &self,
        identity: &Identity,
        hosts: &[String],
        validity: Validity,
    ) -> Result<Issued, PkiError> {
        if identity.trust_domain != self.trust_domain {
            return Err(PkiError::TrustDomain {
                own: self.trust_domain.clone(),
                other: identity.trust_domain.clone(),
            });
        }
        let mut names = vec![
            SanType::URI(identity.uri().try_into()?),
            SanType::DnsName(identity.dns_name().try_into()?),
        ];
        for host in hosts {
            names.push(match host.parse() {
                Ok(address) => SanType::IpAddress(address),
                Err(_) => SanType::DnsName(host.as_str().try_into()?),
            });
        }
        let not_after = validity.not_after.min(self.not_after);
        let validity = Validity {
            not_after,
            ..validity
        };
        let (certificate_pem, key_pem) = self.sign(&identity.code, names, validity)?;
        Ok(Issued {
            identity: identity.clone(),
            validity,
            certificate_pem,
            key_pem,
        })
    }

    /// A certificate with any names, and its key.
    pub(crate) fn sign(
        &self,
        common_name: &str,
        names: Vec<SanType>,
        validity: Validity,
    ) -> Result<(String, String), PkiError> {
        let key = KeyPair::generate_for(&PKCS_ECDSA_P256_SHA256)?;
        let mut params = CertificateParams::default();
        validity.put_into(&mut params)?;
        params.distinguished_name = named(common_name);
        params.serial_number = Some(serial());
        params.subject_alt_names = names;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        params.use_authority_key_identifier_extension = true;
        let certificate = params.signed_by(&key, &self.issuer)?;
        Ok((certificate.pem(), key.serialize_pem()))
    }
}

impl Issued {
    /// Writes `<stem>.pem` and `<stem>.key` (readable by the owner alone) into a folder that exists,
    /// and gives their paths.
    ///
    /// # Errors
    /// [`PkiError::Exists`] when either is there; nothing is written then.
    pub fn save(&self, folder: &Path, stem: &str) -> Result<(PathBuf, PathBuf), PkiError> {
        let (certificate, key) = (
            folder.join(format!("{stem}.pem")),
            folder.join(format!("{stem}.key")),
        );
        save_pair((&certificate, &self.certificate_pem), (&key, &self.key_pem))?;
        Ok((certificate, key))
    }
}

impl std::fmt::Debug for Issued {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Issued")
            .field("identity", &self.identity)
            .finish_non_exhaustive()
    }
}

fn named(common_name: &str) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    // 64 characters are all that X.520 allows a common name.
    name.push(
        DnType::CommonName,
        common_name.chars().take(64).collect::<String>(),
    );
    name
}

fn serial() -> SerialNumber {
    let mut bytes: [u8; SERIAL_BYTES] = rand::random();
    // A serial number is positive (RFC 5280 §4.1.2.2).
    bytes[0] = bytes[0] & 0x7f | 0x40;
    SerialNumber::from_slice(&bytes)
}

fn trust_domain_of(certificate: &X509Certificate<'_>) -> Option<String> {
    let names = certificate.subject_alternative_name().ok()??;
    let trust_domain = names
        .value
        .general_names
        .iter()
        .find_map(|name| match name {
            GeneralName::URI(uri) => uri.strip_prefix("spiffe://"),
            _ => None,
        })?;
    check_trust_domain(trust_domain).ok()?;
    Some(trust_domain.to_owned())
}

fn save_pair(certificate: (&Path, &str), key: (&Path, &str)) -> Result<(), PkiError> {
    for path in [certificate.0, key.0] {
        if path.exists() {
            return Err(PkiError::Exists { path: path.into() });
        }
    }
    write_new(key.0, key.1, 0o600)?;
    write_new(certificate.0, certificate.1, 0o644).inspect_err(|_| {
        // A key without its certificate would only stand in the way of the next attempt.
        let _ = fs::remove_file(key.0);
    })
}

fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), PkiError> {
    let write = || {
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|source| match source.kind() {
        io::ErrorKind::AlreadyExists => PkiError::Exists { path: path.into() },
        _ => PkiError::File {
            path: path.into(),
            source,
        },
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::Role;
    use std::os::unix::fs::PermissionsExt as _;
    use tempfile::TempDir;

    fn police() -> Identity {
        Identity::new("hue.example", Role::Department, "police").unwrap()
    }

    #[test]
    fn an_authority_is_saved_and_loaded_and_signs_alike() {
        let folder = TempDir::new().unwrap();
        let made = Authority::create("hue.example", Validity::days(10)).unwrap();
        made.save(folder.path()).unwrap();
        let loaded = Authority::load(folder.path()).unwrap();
        assert_eq!(loaded.trust_domain(), "hue.example");
        assert_eq!(loaded.certificate_pem(), made.certificate_pem());

        let ca = CertificateDer::from_pem_slice(made.certificate_pem().as_bytes()).unwrap();
        let (_, ca) = X509Certificate::from_der(&ca).unwrap();
        for authority in [made, loaded] {
            let issued = authority.issue(&police(), Validity::days(1)).unwrap();
            let leaf = CertificateDer::from_pem_slice(issued.certificate_pem.as_bytes()).unwrap();
            let (_, leaf) = X509Certificate::from_der(&leaf).unwrap();
            leaf.verify_signature(Some(ca.public_key())).unwrap();
            assert_eq!(leaf.issuer(), ca.subject());
            assert!(!leaf.is_ca());
            let uses = leaf.extended_key_usage().unwrap().unwrap().value;
            assert!(uses.server_auth && uses.client_auth);
            assert!(leaf.raw_serial().len() == SERIAL_BYTES);
            assert!(leaf.validity().not_before.timestamp() <= Timestamp::now().as_second() - 299);
        }
    }

    #[test]
    fn keys_are_for_the_owner_alone_and_nothing_is_overwritten() {
        let folder = TempDir::new().unwrap();
        let authority = Authority::create("hue.example", Validity::days(10)).unwrap();
        authority.save(folder.path()).unwrap();
        let issued = authority.issue(&police(), Validity::days(1)).unwrap();
        let (_, key) = issued.save(folder.path(), "police").unwrap();
        for key in [folder.path().join(CA_KEY_FILE), key] {
            assert_eq!(
                fs::metadata(key).unwrap().permissions().mode() & 0o777,
                0o600
            );
        }

        let before = fs::read(folder.path().join(CA_KEY_FILE)).unwrap();
        let other = Authority::create("hue.example", Validity::days(10)).unwrap();
        assert!(matches!(
            other.save(folder.path()),
            Err(PkiError::Exists { .. })
        ));
        assert_eq!(fs::read(folder.path().join(CA_KEY_FILE)).unwrap(), before);

        fs::remove_file(folder.path().join("police.key")).unwrap();
        assert!(matches!(
            issued.save(folder.path(), "police"),
            Err(PkiError::Exists { .. })
        ));
        assert!(!folder.path().join("police.key").exists());
    }

    #[test]
    fn an_authority_vouches_only_for_its_own_and_for_no_longer_than_it_lives() {
        let authority = Authority::create("hue.example", Validity::days(10)).unwrap();
        let stranger = Identity::new("hanoi.example", Role::Department, "police").unwrap();
        let refused = authority.issue(&stranger, Validity::days(1)).unwrap_err();
        assert!(matches!(refused, PkiError::TrustDomain { .. }), "{refused}");
        let issued = authority.issue(&police(), Validity::days(11)).unwrap();
        assert_eq!(issued.validity.not_after, authority.not_after);
        let now = Timestamp::now();
        let refused = authority
            .issue(&police(), Validity::between(now, now))
            .unwrap_err();
        assert!(matches!(refused, PkiError::Validity { .. }), "{refused}");
    }

    #[test]
    fn a_folder_that_is_no_authority_is_refused_by_file() {
        let folder = TempDir::new().unwrap();
        assert!(matches!(
            Authority::load(folder.path()),
            Err(PkiError::File { .. })
        ));
        let authority = Authority::create("hue.example", Validity::days(10)).unwrap();
        let issued = authority.issue(&police(), Validity::days(1)).unwrap();
        authority.save(folder.path()).unwrap();
        fs::write(folder.path().join(CA_KEY_FILE), &issued.key_pem).unwrap();
        let refused = Authority::load(folder.path()).unwrap_err().to_string();
        assert!(
            refused.contains("the key is not that of ca.pem"),
            "{refused}"
        );
        fs::write(
            folder.path().join(CA_CERTIFICATE_FILE),
            &issued.certificate_pem,
        )
        .unwrap();
        let refused = Authority::load(folder.path()).unwrap_err().to_string();
        assert!(refused.contains("may not sign others"), "{refused}");
    }
}
