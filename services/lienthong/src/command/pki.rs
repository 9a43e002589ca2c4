//! Makes a certificate authority, and certificates for systems.

use crate::screen::{self, json, tell};
use anyhow::Context as _;
use clap::{Args, Subcommand, ValueEnum};
use jiff::Timestamp;
use node::{
    identity::{Identity, Role},
    pki::{Authority, CA_CERTIFICATE_FILE, CA_KEY_FILE, Validity},
};
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
};

/// Make a certificate authority, and certificates for systems.
#[derive(Debug, Subcommand)]
#[command(after_help = "Example:\n  lienthong pki init --trust-domain lienthong.example")]
pub(crate) enum PkiCommand {
    Init(InitCommand),
    Issue(IssueCommand),
}

/// Make a new authority: `ca.pem`, which everybody believes, and `ca.key`, which nobody may see.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong pki init\n  lienthong pki init --trust-domain h99.lienthong.example --dir ca --days 1825"
)]
pub(crate) struct InitCommand {
    /// Whom the authority vouches for: a DNS name in lower case.
    #[arg(long, value_name = "NAME", default_value = "lienthong.example")]
    trust_domain: String,
    /// The folder to put it in, made when it is not there.
    #[arg(long, value_name = "DIR", default_value = "pki")]
    dir: PathBuf,
    /// How many days it is valid.
    #[arg(long, default_value_t = 3650, value_parser = clap::value_parser!(u32).range(1..))]
    days: u32,
}

/// Issue a system its certificate and key: ECDSA P-256, for both ends of a connection.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong pki issue broker broker\n  lienthong pki issue department police-mau-mot --out police --days 90\n  lienthong pki issue operator console --host localhost\n  lienthong pki issue desk desk-mau-mot \\\n      --not-before 2026-12-01T00:00:00Z --not-after 2027-01-01T00:00:00Z"
)]
pub(crate) struct IssueCommand {
    /// What the system is.
    #[arg(value_enum)]
    role: RoleArg,
    /// Its code: 1 to 63 of a-z, 0-9 and inner hyphens, as the directory names it.
    code: String,
    /// The authority's folder, as `pki init` made it.
    #[arg(long, value_name = "DIR", default_value = "pki")]
    ca: PathBuf,
    /// The folder for the files, made when it is not there; the authority's when left out.
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
    /// A host's name, or IP address, by which browsers know it too; may be given several times.
    #[arg(long, value_name = "NAME")]
    host: Vec<String>,
    /// How many days the certificate is valid.
    #[arg(long, default_value_t = 365, value_parser = clap::value_parser!(u32).range(1..))]
    days: u32,
    /// From when it is valid, such as 2026-12-01T00:00:00Z; five minutes ago when left out.
    #[arg(long, value_name = "INSTANT")]
    not_before: Option<Timestamp>,
    /// Until when it is valid, in place of --days.
    #[arg(long, value_name = "INSTANT", conflicts_with = "days")]
    not_after: Option<Timestamp>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum RoleArg {
    /// The broker.
    Broker,
    /// A department's system.
    Department,
    /// A desk's or portal's system.
    Desk,
    /// An operator's.
    Operator,
}

impl PkiCommand {
    pub(crate) fn run(self, json: bool) -> anyhow::Result<()> {
        match self {
            Self::Init(command) => command.run(json),
            Self::Issue(command) => command.run(json),
        }
    }
}

impl InitCommand {
    fn run(self, json: bool) -> anyhow::Result<()> {
        let validity = Validity::days(self.days);
        let authority = Authority::create(&self.trust_domain, validity)?;
        make_folder(&self.dir)?;
        authority.save(&self.dir)?;
        let (certificate, key) = (
            self.dir.join(CA_CERTIFICATE_FILE),
            self.dir.join(CA_KEY_FILE),
        );
        if json {
            return json::print(&json!({
                "trust_domain": self.trust_domain,
                "certificate": certificate,
                "key": key,
                "not_after": validity.not_after.to_string(),
            }));
        }
        tell!(
            "An authority for {}, valid until {}",
            self.trust_domain,
            screen::time::full(validity.not_after)
        );
        tell!(
            "  certificate  {}   give it to every system",
            certificate.display()
        );
        tell!(
            "  key          {}   keep it; nobody else may have it",
            key.display()
        );
        tell!(
            "\nNext: lienthong pki issue broker broker --ca {}",
            self.dir.display()
        );
        Ok(())
    }
}

impl IssueCommand {
    fn run(self, json: bool) -> anyhow::Result<()> {
        let authority = Authority::load(&self.ca)?;
        let identity = Identity::new(authority.trust_domain(), self.role.into(), &self.code)?;
        let lasting = Validity::days(self.days);
        let validity = Validity::between(
            self.not_before.unwrap_or(lasting.not_before),
            self.not_after.unwrap_or(lasting.not_after),
        );
        let issued = authority.issue_for_hosts(&identity, &self.host, validity)?;
        let folder = self.out.as_deref().unwrap_or(&self.ca);
        make_folder(folder)?;
        let (certificate, key) = issued.save(folder, &self.code)?;
        let ca = self.ca.join(CA_CERTIFICATE_FILE);
        let [ca, certificate, key] = [&ca, &certificate, &key].map(|path| absolute(path));
        let not_after = issued.validity.not_after;
        if json {
            return json::print(&json!({
                "identity": identity.uri(),
                "dns_name": identity.dns_name(),
                "ca": ca,
                "certificate": certificate,
                "key": key,
                "not_before": issued.validity.not_before.to_string(),
                "not_after": not_after.to_string(),
            }));
        }
        tell!("{identity}, valid until {}", screen::time::full(not_after));
        tell!("\nFor its configuration:");
        for (name, path) in [("ca", ca), ("certificate", certificate), ("key", key)] {
            tell!("  {name} = {:?}", path.display().to_string());
        }
        Ok(())
    }
}

impl From<RoleArg> for Role {
    fn from(role: RoleArg) -> Self {
        match role {
            RoleArg::Broker => Self::Broker,
            RoleArg::Department => Self::Department,
            RoleArg::Desk => Self::Desk,
            RoleArg::Operator => Self::Operator,
        }
    }
}

fn make_folder(folder: &Path) -> anyhow::Result<()> {
    fs::create_dir_all(folder)
        .with_context(|| format!("cannot make the folder {}", folder.display()))
}

/// Configurations lie elsewhere, so the paths to paste into them must not depend on this folder.
fn absolute(path: &Path) -> PathBuf {
    fs::canonicalize(path).unwrap_or_else(|_| path.to_owned())
}
