//! The ground of a town: a folder that goes with it, an authority, certificates, ports that the
//! system picked, and the configuration files of everybody in it.

use super::settings;
use jiff::{SignedDuration, Timestamp};
use node::{
    identity::{Identity, Role},
    pki::{Authority, CA_CERTIFICATE_FILE, Issued, Validity},
    tls::Credentials,
};
use std::{
    collections::BTreeMap,
    fs,
    net::{Ipv4Addr, SocketAddr},
    path::{Path, PathBuf},
};
use tempfile::TempDir;
use tokio::net::TcpSocket;

pub(crate) const TRUST_DOMAIN: &str = "town.example";
/// The broker's code in its certificate.
pub(crate) const BROKER: &str = "broker";

/// A department of the sample province, as the tests speak of it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Post {
    pub(crate) name: &'static str,
    pub(crate) agency: &'static str,
    pub(crate) system: &'static str,
    pub(crate) script: &'static str,
}

/// Everybody that a birth dossier of the first commune meets.
pub(crate) const POSTS: [Post; 4] = [
    Post {
        name: "civil-status",
        agency: "H99.01.02",
        system: "civil-status-mau-mot",
        script: include_str!("../../../deploy/scripts/civil-status.toml"),
    },
    Post {
        name: "police",
        agency: "G01.99.01",
        system: "police-mau-mot",
        script: include_str!("../../../deploy/scripts/police-residence.toml"),
    },
    Post {
        name: "social-insurance",
        agency: "G24.99",
        system: "social-insurance-mau",
        script: include_str!("../../../deploy/scripts/social-insurance.toml"),
    },
    Post {
        name: "police-identity",
        agency: "G01.99",
        system: "police-identity-mau",
        script: include_str!("../../../deploy/scripts/police-identity.toml"),
    },
];
/// The police of the other commune, to whom work can be moved.
pub(crate) const OTHER_POLICE: Post = Post {
    name: "other-police",
    agency: "G01.99.02",
    system: "police-mau-hai",
    script: include_str!("../../../deploy/scripts/police-residence.toml"),
};
/// Who holds birth notices, and is asked for one before the citizen is.
pub(crate) const HOSPITAL: Post = Post {
    name: "hospital",
    agency: "H99.13.01",
    system: "hospital-mau",
    script: include_str!("../../../deploy/scripts/hospital.toml"),
};

pub(crate) const DIRECTORY: &str = include_str!("../../../deploy/directory.toml");
const PROCEDURE: &str = include_str!("../../../deploy/procedures/birth.toml");

/// Where a service listens: kept for it while it does not run, so that nobody else gets it.
#[derive(Debug)]
pub(crate) struct Port {
    pub(crate) address: SocketAddr,
    /// Bound and never listening; who sets `SO_REUSEADDR` may listen beside it.
    _held: TcpSocket,
}

impl Port {
    pub(crate) fn pick() -> Self {
        let held = TcpSocket::new_v4().unwrap();
        held.set_reuseaddr(true).unwrap();
        held.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let address = held.local_addr().unwrap();
        Self {
            address,
            _held: held,
        }
    }
}

/// See the module.
pub(crate) struct Ground {
    folder: TempDir,
    authority: Authority,
    ports: BTreeMap<String, Port>,
}

impl Ground {
    /// Writes everything that a town needs; starts nothing.
    pub(crate) fn found(broker_settings: &str, office_settings: &str) -> Self {
        let folder = tempfile::Builder::new().prefix("town-").tempdir().unwrap();
        let authority = Authority::create(TRUST_DOMAIN, Validity::days(2)).unwrap();
        let mut ground = Self {
            folder,
            authority,
            ports: BTreeMap::new(),
        };
        fs::create_dir(ground.path("pki")).unwrap();
        ground.authority.save(&ground.path("pki")).unwrap();
        ground.write("denied.txt", "# nobody yet\n");
        ground.write("procedures/birth.toml", PROCEDURE);
        for name in ["calendars", "schemas"] {
            super::copy(&deployed(name), &ground.path(name));
        }

        let broker = ground.settle(BROKER, Role::Broker, BROKER);
        let text = settings::broker(&broker.to_string(), broker_settings);
        ground.write("broker.toml", &text);
        let mut directory: toml::Table = toml::from_str(DIRECTORY).unwrap();
        for post in POSTS.into_iter().chain([OTHER_POLICE, HOSPITAL]) {
            let address = ground.settle(post.name, Role::Department, post.system);
            set_address(&mut directory, post.system, address);
            let text = settings::office(&post, address, broker, office_settings);
            ground.write(&format!("{}.toml", post.name), &text);
            ground.write(
                &format!("scripts/{}.toml", post.name),
                &without_delay(post.script),
            );
        }
        ground.write("directory.toml", &directory.to_string());
        ground
    }

    fn settle(&mut self, name: &str, role: Role, code: &str) -> SocketAddr {
        let issued = self.issue(role, code, Validity::days(2));
        issued.save(&self.path("pki"), name).unwrap();
        let port = Port::pick();
        let address = port.address;
        self.ports.insert(name.to_owned(), port);
        address
    }

    /// A path in the town's folder.
    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file of the town's folder.
    pub(crate) fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// Where a service listens, or would listen.
    pub(crate) fn address(&self, name: &str) -> SocketAddr {
        self.ports[name].address
    }

    /// A certificate for a system of this town.
    pub(crate) fn issue(&self, role: Role, code: &str, validity: Validity) -> Issued {
        let identity = Identity::new(TRUST_DOMAIN, role, code).unwrap();
        self.authority.issue(&identity, validity).unwrap()
    }

    /// As [`issue`](Self::issue), for a server that browsers know by these names too.
    pub(crate) fn issue_for_hosts(
        &self,
        role: Role,
        code: &str,
        hosts: &[String],
        validity: Validity,
    ) -> Issued {
        let identity = Identity::new(TRUST_DOMAIN, role, code).unwrap();
        self.authority
            .issue_for_hosts(&identity, hosts, validity)
            .unwrap()
    }

    /// What a system of this town shows and believes.
    pub(crate) fn credentials(&self, role: Role, code: &str) -> Credentials {
        let issued = self.issue(role, code, Validity::days(2));
        self.credentials_of(&issued)
    }

    pub(crate) fn credentials_of(&self, issued: &Issued) -> Credentials {
        let authority = self.authority.certificate_pem();
        Credentials::from_pem(authority, &issued.certificate_pem, &issued.key_pem).unwrap()
    }

    /// The file with the authority's certificate.
    pub(crate) fn authority_file(&self) -> PathBuf {
        self.path("pki").join(CA_CERTIFICATE_FILE)
    }

    /// The authority's certificate.
    pub(crate) fn authority_pem(&self) -> &str {
        self.authority.certificate_pem()
    }

    /// Puts other words in the place of these in the birth procedure.
    pub(crate) fn edit_birth(&self, words: &str, others: &str) {
        let text = fs::read_to_string(self.path("procedures/birth.toml")).unwrap();
        assert!(text.contains(words), "{words}");
        self.write("procedures/birth.toml", &text.replace(words, others));
    }

    /// Changes the directory's file.
    pub(crate) fn edit_directory(&self, edit: impl FnOnce(&mut toml::Table)) {
        let text = fs::read_to_string(self.path("directory.toml")).unwrap();
        let mut directory = toml::from_str(&text).unwrap();
        edit(&mut directory);
        self.write("directory.toml", &directory.to_string());
    }
}

/// A folder that is delivered as it is.
pub(crate) fn deployed(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("deploy")
        .join(name)
}

/// A certificate that was valid until an hour ago.
pub(crate) fn past() -> Validity {
    let hours = |hours| Timestamp::now() - SignedDuration::from_hours(hours);
    Validity::between(hours(48), hours(1))
}

pub(crate) fn set_address(directory: &mut toml::Table, system: &str, address: SocketAddr) {
    let systems = directory["system"].as_array_mut().unwrap();
    let found = systems
        .iter_mut()
        .find(|one| one["code"].as_str() == Some(system))
        .unwrap();
    found["address"] = toml::Value::String(address.to_string());
}

/// Offices of the tests do not pretend to think.
fn without_delay(script: &str) -> String {
    let lines = script.lines().filter(|line| !line.starts_with("delay_ms"));
    lines.collect::<Vec<_>>().join("\n")
}
