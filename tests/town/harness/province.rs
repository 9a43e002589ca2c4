//! The province: a broker, two desks and the departments of birth and land, each a process with its own
//! certificate, store and lines.

use super::{
    line::Line,
    member::{Member, Role},
};
use crate::town::{
    Caller,
    ground::{BROKER, DIRECTORY, Port, Post, TRUST_DOMAIN, deployed, set_address},
    settings,
};
use node::{
    identity::{Identity, Role as SystemRole},
    pki::{Authority, Validity},
    tls::Credentials,
};
use std::{
    collections::BTreeMap,
    fs,
    path::{Path, PathBuf},
};
use tempfile::TempDir;

macro_rules! office {
    ($name:literal, $agency:literal, $system:literal) => {
        Post {
            name: $name,
            agency: $agency,
            system: $system,
            script: include_str!(concat!("../../../deploy/scripts/", $name, ".toml")),
        }
    };
}

/// The departments that birth and land dossiers meet.
pub(super) const OFFICES: [Post; 9] = [
    office!("civil-status", "H99.01.02", "civil-status-mau-mot"),
    office!("police-residence", "G01.99.01", "police-mau-mot"),
    office!("social-insurance", "G24.99", "social-insurance-mau"),
    office!("police-identity", "G01.99", "police-identity-mau"),
    office!("hospital", "H99.13.01", "hospital-mau"),
    office!("population-database", "G01.98", "population-database"),
    office!("land-registry", "H99.12.01", "land-registry-mau"),
    office!(
        "land-registry-branch",
        "H99.12.01.01",
        "land-registry-branch-mau"
    ),
    office!("tax", "G12.99", "tax-mau"),
];

/// A desk of the province.
#[derive(Debug, Clone, Copy)]
pub(super) struct Counter {
    pub(super) name: &'static str,
    pub(super) agency: &'static str,
    system: &'static str,
}

/// The desks.
pub(super) const COUNTERS: [Counter; 2] = [
    Counter {
        name: "desk-one",
        agency: "H99.01.01",
        system: "desk-mau-mot",
    },
    Counter {
        name: "desk-two",
        agency: "H99.02.01",
        system: "desk-mau-hai",
    },
];

/// Work goes on around the clock, so that every second counts in somebody's time.
const CALENDAR: &str = r#"
title = { vi = "Cả ngày đêm", en = "Around the clock" }
covers = { from = 2025, to = 2035 }
[hours]
source = "the harness"
confirmed = true
[hours.on]
monday = ["00:00-24:00"]
tuesday = ["00:00-24:00"]
wednesday = ["00:00-24:00"]
thursday = ["00:00-24:00"]
friday = ["00:00-24:00"]
saturday = ["00:00-24:00"]
sunday = ["00:00-24:00"]
"#;

const STREAMS: &str = "
[streams]
heartbeat_ms = 400
silence_ms = 2000
hello_timeout_ms = 3000
[listener]
handshake_timeout_ms = 3000
";
const BROKER_SETTINGS: &str = "
[documents]
chunk_silence_s_max = 3
disk_reserve_bytes = 0
[courier]
back_off_ms_min = 10
back_off_ms_max = 300
";

/// See the module.
pub(super) struct Province {
    /// Before the ground that they stand on.
    pub(super) members: Vec<Member>,
    /// Between whom, and the line.
    pub(super) lines: Vec<(String, Line)>,
    pub(super) folder: TempDir,
    authority: Authority,
    broker_port: Port,
    _ports: Vec<Port>,
}

impl Province {
    /// Writes everything that it needs, and starts nothing. Every process is broken in this way, if it
    /// knows it.
    pub(super) async fn found(breakage: &str) -> Self {
        let folder = tempfile::Builder::new()
            .prefix("harness-")
            .tempdir()
            .unwrap();
        fs::create_dir(folder.path().join("faults")).unwrap();
        let faults = folder.path().join("faults").display().to_string();
        let told = &[
            ("LIENTHONG_BREAKAGE".to_owned(), breakage.to_owned()),
            ("LIENTHONG_FAULTS".to_owned(), faults),
        ];
        let authority = Authority::create(TRUST_DOMAIN, Validity::days(2)).unwrap();
        let path = folder.path().to_owned();
        let mut province = Self {
            members: Vec::new(),
            lines: Vec::new(),
            folder,
            authority,
            broker_port: Port::pick(),
            _ports: Vec::new(),
        };
        fs::create_dir(path.join("pki")).unwrap();
        province.authority.save(&path.join("pki")).unwrap();
        write(&path, "denied.txt", "# nobody\n");
        write(&path, "calendars/national.toml", CALENDAR);
        for folder in ["schemas", "procedures"] {
            crate::town::copy(&deployed(folder), &path.join(folder));
        }
        province.settle(BROKER, SystemRole::Broker, BROKER);
        let listen = province.broker_port.address.to_string();
        let text = settings::broker(&listen, &format!("{BROKER_SETTINGS}{STREAMS}"));
        write(&path, "broker.toml", &text);

        let mut directory: toml::Table = toml::from_str(DIRECTORY).unwrap();
        province
            .members
            .push(Member::new(BROKER, Role::Broker, &path, told));
        for post in OFFICES {
            province.settle(post.name, SystemRole::Department, post.system);
            let port = Port::pick();
            let from_broker = province
                .lay(&format!("broker to {}", post.name), port.address)
                .await;
            set_address(&mut directory, post.system, from_broker);
            let to_broker = province.lay_to_broker(post.name).await;
            let text = settings::office(&post, port.address, to_broker, STREAMS);
            write(&path, &format!("{}.toml", post.name), &text);
            write(
                &path,
                &format!("scripts/{}.toml", post.name),
                &hurried(post.script),
            );
            province._ports.push(port);
            province
                .members
                .push(Member::new(post.name, Role::Department, &path, told));
        }
        write(&path, "directory.toml", &directory.to_string());
        for counter in COUNTERS {
            province.settle(counter.name, SystemRole::Desk, counter.system);
            let to_broker = province.lay_to_broker(counter.name).await;
            write(
                &path,
                &format!("{}.toml", counter.name),
                &counter.settings(&to_broker.to_string()),
            );
            province
                .members
                .push(Member::new(counter.name, Role::Desk, &path, told));
        }
        province
    }

    async fn lay(&mut self, between: &str, target: std::net::SocketAddr) -> std::net::SocketAddr {
        let line = Line::lay(target).await;
        let address = line.address;
        self.lines.push((between.to_owned(), line));
        address
    }

    async fn lay_to_broker(&mut self, who: &str) -> std::net::SocketAddr {
        self.lay(&format!("{who} to broker"), self.broker_port.address)
            .await
    }

    fn settle(&self, name: &str, role: SystemRole, code: &str) {
        let identity = Identity::new(TRUST_DOMAIN, role, code).unwrap();
        let issued = self.authority.issue(&identity, Validity::days(2)).unwrap();
        issued.save(&self.path("pki"), name).unwrap();
    }

    /// Where the broker listens.
    pub(super) fn broker_address(&self) -> std::net::SocketAddr {
        self.broker_port.address
    }

    /// Somebody who calls the broker past all lines.
    pub(super) fn caller(&self, role: SystemRole, code: &str) -> Caller {
        let identity = Identity::new(TRUST_DOMAIN, role, code).unwrap();
        let issued = self.authority.issue(&identity, Validity::days(2)).unwrap();
        let authority = self.authority.certificate_pem();
        let credentials =
            Credentials::from_pem(authority, &issued.certificate_pem, &issued.key_pem).unwrap();
        let broker = Identity::new(TRUST_DOMAIN, SystemRole::Broker, BROKER).unwrap();
        Caller::new(credentials, self.broker_port.address, broker)
    }

    /// A desk's system, calling the broker past all lines.
    pub(super) fn desk_caller(&self, counter: &Counter) -> Caller {
        self.caller(SystemRole::Desk, counter.system)
    }

    pub(super) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The process of this name.
    pub(super) fn member(&mut self, name: &str) -> &mut Member {
        let found = self.members.iter_mut().find(|member| member.name == name);
        found.unwrap_or_else(|| panic!("the province has no {name}"))
    }

    /// The line between these two.
    pub(super) fn line(&self, between: &str) -> &Line {
        let found = self.lines.iter().find(|(name, _)| name == between);
        &found
            .unwrap_or_else(|| panic!("there is no line {between}"))
            .1
    }

    /// Starts whoever does not run.
    pub(super) fn start_all(&mut self) {
        for member in self.members.iter_mut().filter(|member| !member.runs()) {
            member.start(false);
        }
    }

    /// Ends everybody in good order, the desks first; says who did not end well.
    pub(super) async fn end_all(&mut self) -> Vec<String> {
        let mut bad = Vec::new();
        for member in self.members.iter_mut().rev() {
            bad.extend(member.end().await.err());
        }
        bad
    }

    /// The stores of everybody by name, and their folders.
    pub(super) fn offices(&self) -> BTreeMap<&'static str, PathBuf> {
        let stores = OFFICES.iter().map(|post| (post.name, self.path(post.name)));
        stores.collect()
    }
}

impl Counter {
    fn settings(&self, broker: &str) -> String {
        let Self { name, agency, .. } = self;
        format!(
            r#"
            agency_code = "{agency}"
            store = "{name}"
            spool = "{name}-spool"
            [times]
            back_off_ms_min = 10
            back_off_ms_max = 300
            silence_ms = 25000
            call_ms_max = 4000
            spool_ms = 30
            check_ms = 2000
            [broker]
            address = "{broker}"
            identity = "spiffe://{TRUST_DOMAIN}/broker/{BROKER}"
            [credentials]
            ca = "pki/ca.pem"
            certificate = "pki/{name}.pem"
            key = "pki/{name}.key"
            "#
        )
    }
}

fn write(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

/// Offices think for a moment only, so that faults strike at every stage of many dossiers.
fn hurried(script: &str) -> String {
    let lines = script
        .lines()
        .map(|line| match line.starts_with("delay_ms") {
            true => "delay_ms = 30",
            false => line,
        });
    lines.collect::<Vec<_>>().join("\n")
}
