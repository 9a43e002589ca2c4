//! The folder that a town is founded in, with the authority that issues everybody's certificate.

use anyhow::Context as _;
use node::{
    identity::{Identity, Role},
    pki::{Authority, CA_CERTIFICATE_FILE, Validity},
    tls::{CredentialPaths, Credentials},
};
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Days that the throwaway certificates are valid.
const VALID_DAYS: u32 = 2;

/// The folder and its authority.
pub(crate) struct Site {
    pub(crate) folder: PathBuf,
    trust_domain: &'static str,
    authority: Authority,
}

impl Site {
    /// Makes the folders for certificates and logs, and an authority.
    pub(crate) fn found(folder: &Path, trust_domain: &'static str) -> anyhow::Result<Self> {
        for inner in ["pki", "logs"] {
            let folder = folder.join(inner);
            fs::create_dir_all(&folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        let authority = Authority::create(trust_domain, Validity::days(VALID_DAYS))?;
        authority.save(&folder.join("pki"))?;
        Ok(Self {
            folder: folder.to_owned(),
            trust_domain,
            authority,
        })
    }

    /// Where processes log.
    pub(crate) fn logs(&self) -> PathBuf {
        self.folder.join("logs")
    }

    /// Issues a certificate for this system; its files carry `name`.
    pub(crate) fn issue(&self, role: Role, code: &str, name: &str) -> anyhow::Result<Identity> {
        let identity = Identity::new(self.trust_domain, role, code)?;
        self.authority
            .issue(&identity, Validity::days(VALID_DAYS))?
            .save(&self.folder.join("pki"), name)?;
        Ok(identity)
    }

    /// As [`issue`](Self::issue), for a server that browsers on this machine know as localhost.
    pub(crate) fn issue_for_browsers(&self, code: &str) -> anyhow::Result<Identity> {
        let identity = Identity::new(self.trust_domain, Role::Operator, code)?;
        let hosts = ["localhost", "127.0.0.1"].map(str::to_owned);
        self.authority
            .issue_for_hosts(&identity, &hosts, Validity::days(VALID_DAYS))?
            .save(&self.folder.join("pki"), code)?;
        Ok(identity)
    }

    /// The credentials of this name.
    pub(crate) fn credentials(&self, name: &str) -> anyhow::Result<Credentials> {
        let pki = self.folder.join("pki");
        Ok(Credentials::load(&CredentialPaths {
            ca: pki.join(CA_CERTIFICATE_FILE),
            certificate: pki.join(format!("{name}.pem")),
            key: pki.join(format!("{name}.key")),
            denied: None,
        })?)
    }

    /// Where the credentials of this name lie, seen from the town's folder.
    #[cfg(feature = "bench")]
    pub(crate) fn credential_paths(name: &str) -> CredentialPaths {
        let pki = Path::new("pki");
        CredentialPaths {
            ca: pki.join(CA_CERTIFICATE_FILE),
            certificate: pki.join(format!("{name}.pem")),
            key: pki.join(format!("{name}.key")),
            denied: None,
        }
    }

    /// The lines of a configuration that name the credentials of this name.
    pub(crate) fn credential_lines(name: &str) -> String {
        format!("ca = \"pki/ca.pem\"\ncertificate = \"pki/{name}.pem\"\nkey = \"pki/{name}.key\"\n")
    }

    /// Writes a file of the town, with the folders that it lies in.
    pub(crate) fn write(&self, name: &str, text: &str) -> anyhow::Result<PathBuf> {
        let path = self.folder.join(name);
        let write = || {
            fs::create_dir_all(path.parent().unwrap_or(&self.folder))?;
            fs::write(&path, text)
        };
        write().with_context(|| format!("cannot write {}", path.display()))?;
        Ok(path)
    }
}
