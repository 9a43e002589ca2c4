//! What a process shows and believes: its certificate and key, and its authority's certificate.

use super::{
    ALPN_H2, ALPN_HTTP_1, provider,
    verifier::{ClientVerifier, ServerVerifier},
};
use crate::identity::{DenyList, Identity, IdentityError, Peer};
use jiff::Timestamp;
use rustls::{
    CertificateError, ClientConfig, RootCertStore, ServerConfig,
    client::{Resumption, verify_server_cert_signed_by_trust_anchor},
    pki_types::{CertificateDer, PrivateKeyDer, UnixTime, pem::PemObject},
    server::{NoServerSessionStorage, ParsedCertificate},
    sign::CertifiedKey,
    version::TLS13,
};
use serde::{Deserialize, Serialize};
use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::Arc,
};

/// Where a process finds its credentials, as a configuration says it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CredentialPaths {
    /// The authority's certificate, PEM; several while one takes over from another.
    pub ca: PathBuf,
    /// This system's certificate, PEM, with whatever chain leads to the authority.
    pub certificate: PathBuf,
    /// Its private key, PEM, for the owner's eyes alone.
    pub key: PathBuf,
    /// Denied certificates, one serial or fingerprint a line; none when left out.
    pub denied: Option<PathBuf>,
}

/// A process's certificate and key, and whom it believes. Cheap to clone.
#[derive(Clone)]
pub struct Credentials {
    own: Arc<Peer>,
    certified: Arc<CertifiedKey>,
    key: Arc<PrivateKeyDer<'static>>,
    roots: Arc<RootCertStore>,
    denied: DenyList,
}

/// Credentials that cannot be used; nothing has been started.
#[derive(Debug, thiserror::Error)]
pub enum CredentialsError {
    /// Name a file that exists and may be read.
    #[error("cannot read {name}: {source}; name a PEM file that exists and may be read")]
    Read {
        /// The file.
        name: String,
        /// What the operating system says.
        source: io::Error,
    },
    /// Name the file that holds it; the two may have been exchanged.
    #[error("{name} holds no {what} in PEM; name the file that does")]
    Empty {
        /// The file.
        name: String,
        /// What was looked for.
        what: &'static str,
    },
    /// Issue it anew.
    #[error("{name} cannot be used: {message}")]
    Unusable {
        /// The file.
        name: String,
        /// What is wrong with it.
        message: String,
    },
    /// Name the key that was issued with this certificate.
    #[error(
        "the key {key} is not the one of the certificate {certificate}; name the two that were issued together"
    )]
    Mismatch {
        /// The certificate's file.
        certificate: String,
        /// The key's file.
        key: String,
    },
    /// Issue a new certificate.
    #[error("the certificate {name} expired at {not_after}; issue a new one")]
    Expired {
        /// The certificate's file.
        name: String,
        /// When it expired.
        not_after: Timestamp,
    },
    /// Name the authority that issued the certificate.
    #[error(
        "the certificate {certificate} was not issued by the authority {ca}; name the authority that did, or issue a new certificate"
    )]
    OtherAuthority {
        /// The certificate's file.
        certificate: String,
        /// The authority's file.
        ca: String,
    },
    /// Issue a certificate with an identity.
    #[error("the certificate {name} tells no identity: {source}")]
    Identity {
        /// The certificate's file.
        name: String,
        /// Why not.
        source: IdentityError,
    },
    /// Mend the deny-list.
    #[error(transparent)]
    DenyList(#[from] crate::identity::DenyListError),
}

/// A PEM text and how to name it in messages.
struct Pem {
    name: String,
    bytes: Vec<u8>,
}

impl CredentialPaths {
    /// The same, seen from where the configuration file `base` lies.
    #[must_use]
    pub fn resolved(&self, base: &Path) -> Self {
        let resolve = |path: &PathBuf| crate::config::resolve(base, path);
        Self {
            ca: resolve(&self.ca),
            certificate: resolve(&self.certificate),
            key: resolve(&self.key),
            denied: self.denied.as_ref().map(resolve),
        }
    }
}

impl Credentials {
    /// Reads and checks the files that a configuration names.
    ///
    /// # Errors
    /// Says which file is missing, empty, expired, or does not fit the others.
    pub fn load(paths: &CredentialPaths) -> Result<Self, CredentialsError> {
        warn_of_loose_mode(&paths.key);
        let own = Self::new(
            Pem::read(&paths.ca)?,
            Pem::read(&paths.certificate)?,
            Pem::read(&paths.key)?,
        )?;
        match &paths.denied {
            Some(path) => Ok(own.with_deny_list(DenyList::load(path)?)),
            None => Ok(own),
        }
    }

    /// Checks credentials that are in memory, as PEM.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn from_pem(ca: &str, certificate: &str, key: &str) -> Result<Self, CredentialsError> {
        let pem = |name: &str, text: &str| Pem {
            name: name.into(),
            bytes: text.into(),
        };
        Self::new(
            pem("(ca)", ca),
            pem("(certificate)", certificate),
            pem("(key)", key),
        )
    }

    /// The same, refusing the certificates on a deny-list.
    #[must_use]
    pub fn with_deny_list(self, denied: DenyList) -> Self {
        Self { denied, ..self }
    }

    fn new(ca: Pem, certificate: Pem, key: Pem) -> Result<Self, CredentialsError> {
        let mut roots = RootCertStore::empty();
        for root in ca.certificates()? {
            roots.add(root).map_err(|error| ca.unusable(error))?;
        }
        let chain = certificate.certificates()?;
        let private_key = key.private_key()?;
        let own =
            Peer::from_certificate(&chain[0]).map_err(|source| CredentialsError::Identity {
                name: certificate.name.clone(),
                source,
            })?;
        check_chain(&chain, &own, &roots, &ca, &certificate)?;

        let certified = CertifiedKey::from_der(chain, private_key.clone_key(), &provider());
        let certified = certified.map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => CredentialsError::Mismatch {
                certificate: certificate.name.clone(),
                key: key.name.clone(),
            },
            error => key.unusable(error),
        })?;
        Ok(Self {
            own: Arc::new(own),
            certified: Arc::new(certified),
            key: Arc::new(private_key),
            roots: Arc::new(roots),
            denied: DenyList::none(),
        })
    }

    /// Who this process is, by its own certificate.
    pub fn identity(&self) -> &Identity {
        &self.own.identity
    }

    /// This process's own certificate, as others see it.
    pub fn own(&self) -> &Peer {
        &self.own
    }

    /// The certificates that are no longer believed, for [`Peer::check`] on open streams.
    pub fn denied(&self) -> &DenyList {
        &self.denied
    }

    /// How this process answers a connection: TLS 1.3 only, a certificate of its own trust domain
    /// required, no session resumption in any form.
    ///
    /// # Errors
    /// The cryptographic library refuses the certificate or its key.
    pub fn server_config(&self) -> Result<Arc<ServerConfig>, rustls::Error> {
        let verifier = ClientVerifier::new(self)?;
        let mut config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])?
            .with_client_cert_verifier(Arc::new(verifier))
            .with_single_cert(self.certified.cert.clone(), self.key.clone_key())?;
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.alpn_protocols = vec![ALPN_H2.to_vec()];
        Ok(Arc::new(config))
    }

    /// How this process opens a connection to the system `expected`: TLS 1.3 only, its own
    /// certificate shown, and the other's identity checked, wherever it runs.
    ///
    /// # Errors
    /// The cryptographic library refuses the certificate or its key.
    pub fn client_config(&self, expected: Identity) -> Result<Arc<ClientConfig>, rustls::Error> {
        let mut config = ClientConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(ServerVerifier::new(self, expected)))
            .with_client_auth_cert(self.certified.cert.clone(), self.key.clone_key())?;
        config.resumption = Resumption::disabled();
        config.alpn_protocols = vec![ALPN_H2.to_vec()];
        Ok(Arc::new(config))
    }

    /// How this process answers browsers, with a certificate and key of their own: TLS 1.3 only. Who shows a
    /// certificate must be of this trust domain; who shows none is let in, and is nobody yet.
    ///
    /// # Errors
    /// Says which file cannot be read or does not fit the other.
    pub fn web_server_config(
        &self,
        certificate: &Path,
        key: &Path,
    ) -> Result<Arc<ServerConfig>, CredentialsError> {
        warn_of_loose_mode(key);
        let (certificate, key) = (Pem::read(certificate)?, Pem::read(key)?);
        let (chain, private_key) = (certificate.certificates()?, key.private_key()?);
        let verifier =
            ClientVerifier::optional(self).map_err(|error| certificate.unusable(error))?;
        let config = ServerConfig::builder_with_provider(provider())
            .with_protocol_versions(&[&TLS13])
            .map_err(|error| certificate.unusable(error))?
            .with_client_cert_verifier(Arc::new(verifier))
            .with_single_cert(chain, private_key);
        let mut config = config.map_err(|error| match error {
            rustls::Error::InconsistentKeys(_) => CredentialsError::Mismatch {
                certificate: certificate.name.clone(),
                key: key.name.clone(),
            },
            error => certificate.unusable(error),
        })?;
        config.send_tls13_tickets = 0;
        config.session_storage = Arc::new(NoServerSessionStorage {});
        config.alpn_protocols = vec![ALPN_H2.to_vec(), ALPN_HTTP_1.to_vec()];
        Ok(Arc::new(config))
    }

    pub(super) fn roots(&self) -> &Arc<RootCertStore> {
        &self.roots
    }
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.debug_struct("Credentials")
            .field("own", &self.own)
            .finish_non_exhaustive()
    }
}

fn check_chain(
    chain: &[CertificateDer<'static>],
    own: &Peer,
    roots: &RootCertStore,
    ca: &Pem,
    certificate: &Pem,
) -> Result<(), CredentialsError> {
    let parsed = ParsedCertificate::try_from(&chain[0]).map_err(|e| certificate.unusable(e))?;
    let verified = verify_server_cert_signed_by_trust_anchor(
        &parsed,
        roots,
        &chain[1..],
        UnixTime::now(),
        provider().signature_verification_algorithms.all,
    );
    verified.map_err(|error| match error {
        rustls::Error::InvalidCertificate(
            CertificateError::Expired | CertificateError::ExpiredContext { .. },
        ) if Timestamp::now() > own.not_after => CredentialsError::Expired {
            name: certificate.name.clone(),
            not_after: own.not_after,
        },
        rustls::Error::InvalidCertificate(
            CertificateError::UnknownIssuer | CertificateError::BadSignature,
        ) => CredentialsError::OtherAuthority {
            certificate: certificate.name.clone(),
            ca: ca.name.clone(),
        },
        error => certificate.unusable(error),
    })
}

impl Pem {
    fn read(path: &Path) -> Result<Self, CredentialsError> {
        let name = path.display().to_string();
        match fs::read(path) {
            Ok(bytes) => Ok(Self { name, bytes }),
            Err(source) => Err(CredentialsError::Read { name, source }),
        }
    }

    fn certificates(&self) -> Result<Vec<CertificateDer<'static>>, CredentialsError> {
        let certificates = CertificateDer::pem_slice_iter(&self.bytes)
            .collect::<Result<Vec<_>, _>>()
            .map_err(|error| self.unusable(error))?;
        if certificates.is_empty() {
            return Err(CredentialsError::Empty {
                name: self.name.clone(),
                what: "certificate",
            });
        }
        Ok(certificates)
    }

    fn private_key(&self) -> Result<PrivateKeyDer<'static>, CredentialsError> {
        PrivateKeyDer::from_pem_slice(&self.bytes).map_err(|error| match error {
            rustls::pki_types::pem::Error::NoItemsFound => CredentialsError::Empty {
                name: self.name.clone(),
                what: "private key",
            },
            error => self.unusable(error),
        })
    }

    fn unusable(&self, error: impl std::fmt::Display) -> CredentialsError {
        CredentialsError::Unusable {
            name: self.name.clone(),
            message: error.to_string(),
        }
    }
}

fn warn_of_loose_mode(key: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    if let Ok(metadata) = fs::metadata(key)
        && metadata.permissions().mode() & 0o077 != 0
    {
        tracing::warn!(key = %key.display(), "others may read the private key; chmod 600 it");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        identity::Role,
        pki::{Authority, Issued, Validity},
        testing::Lines,
    };
    use jiff::ToSpan as _;
    use tempfile::TempDir;

    struct Folder {
        dir: TempDir,
        authority: Authority,
        issued: Issued,
    }

    impl Folder {
        fn new() -> Self {
            let dir = TempDir::new().unwrap();
            let authority = Authority::create("hue.example", Validity::days(10)).unwrap();
            authority.save(dir.path()).unwrap();
            let issued = authority.issue(&police(), Validity::days(1)).unwrap();
            issued.save(dir.path(), "police").unwrap();
            Self {
                dir,
                authority,
                issued,
            }
        }

        fn load(&self) -> Result<Credentials, CredentialsError> {
            let at = |name: &str| self.dir.path().join(name);
            Credentials::load(&CredentialPaths {
                ca: at("ca.pem"),
                certificate: at("police.pem"),
                key: at("police.key"),
                denied: None,
            })
        }

        fn refusal_with(&self, name: &str, text: &str) -> String {
            fs::write(self.dir.path().join(name), text).unwrap();
            self.load().unwrap_err().to_string()
        }
    }

    fn police() -> Identity {
        Identity::new("hue.example", Role::Department, "police").unwrap()
    }

    #[test]
    fn credentials_that_fit_tell_who_we_are() {
        let folder = Folder::new();
        let credentials = folder.load().unwrap();
        assert_eq!(credentials.identity(), &police());
        assert_eq!(credentials.own().fingerprint.len(), 64);
    }

    #[test]
    fn a_missing_or_wrong_file_is_named() {
        let folder = Folder::new();
        let text = folder.refusal_with("police.key", &folder.issued.certificate_pem);
        assert!(text.contains("police.key holds no private key"), "{text}");
        let text = folder.refusal_with("police.pem", &folder.issued.key_pem);
        assert!(text.contains("police.pem holds no certificate"), "{text}");
        fs::remove_file(folder.dir.path().join("ca.pem")).unwrap();
        let text = folder.load().unwrap_err().to_string();
        assert!(text.contains("ca.pem"), "{text}");
    }

    #[test]
    fn a_key_of_another_certificate_is_refused() {
        let folder = Folder::new();
        let other = folder
            .authority
            .issue(&police(), Validity::days(1))
            .unwrap();
        let text = folder.refusal_with("police.key", &other.key_pem);
        assert!(text.contains("police.key is not the one of"), "{text}");
    }

    #[test]
    fn an_expired_certificate_and_one_of_another_authority_are_refused() {
        let folder = Folder::new();
        let now = Timestamp::now();
        let ago = |hours: i64| now.checked_sub(hours.hours()).unwrap();
        let expired = folder
            .authority
            .issue(&police(), Validity::between(ago(2), ago(1)))
            .unwrap();
        let text = folder.refusal_with("police.pem", &expired.certificate_pem);
        assert!(text.contains("police.pem expired at"), "{text}");

        let other = Authority::create("hue.example", Validity::days(10)).unwrap();
        let foreign = other.issue(&police(), Validity::days(1)).unwrap();
        let text = folder.refusal_with("police.pem", &foreign.certificate_pem);
        assert!(text.contains("was not issued by the authority"), "{text}");
    }

    #[test]
    fn a_key_that_others_may_read_is_warned_of() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = Folder::new();
        let key = folder.dir.path().join("police.key");
        fs::set_permissions(&key, fs::Permissions::from_mode(0o640)).unwrap();
        let lines = Lines::default();
        let log = lines.subscriber();
        tracing::subscriber::with_default(log, || folder.load().unwrap());
        assert!(
            lines.text().contains("others may read the private key"),
            "{}",
            lines.text()
        );
    }

    #[test]
    fn nothing_secret_is_shown() {
        let shown = format!(
            "{:?} {:?}",
            Folder::new().load().unwrap(),
            Folder::new().issued
        );
        assert!(
            shown.contains("police") && !shown.to_lowercase().contains("private"),
            "{shown}"
        );
    }
}
