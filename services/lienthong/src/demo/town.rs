//! The demo's town: a folder with an authority, a broker, a desk and the departments of one journey,
//! each with its certificate, its configuration, its store and its process.

use super::{
    journey::Journey,
    port::Port,
    process::Process,
    samples::{CALENDARS, DIRECTORY, SCHEMAS},
};
use anyhow::{Context as _, bail};
use node::{
    identity::{Identity, Role},
    pki::{Authority, CA_CERTIFICATE_FILE, Validity},
    tls::{ChannelOptions, CredentialPaths, Credentials, channel},
};
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::time::{Instant, sleep};
use tonic::transport::Channel;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

const TRUST_DOMAIN: &str = "demo.lienthong.example";
/// Days that the throwaway certificates are valid.
const VALID_DAYS: u32 = 2;
/// How long a service may take from its start until it serves.
const OPEN_MAX: Duration = Duration::from_secs(10);
/// Between two looks at whether a service serves.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// The desk's agency in the sample directory.
pub(crate) const DESK_AGENCY: &str = "H99.01.01";
/// The desk's system there.
const DESK_SYSTEM: &str = "desk-mau-mot";

/// The town.
pub(crate) struct Town {
    pub(crate) folder: PathBuf,
    pub(crate) broker: Service,
    pub(crate) offices: Vec<Service>,
    pub(crate) desk: Process,
}

/// A process that others connect to.
pub(crate) struct Service {
    pub(crate) process: Process,
    pub(crate) identity: Identity,
    pub(crate) port: Port,
    /// To ask how it does.
    health: HealthClient<Channel>,
}

impl Town {
    /// Writes everything that the journey needs into `folder` and starts nothing.
    pub(crate) fn found(folder: &Path, journey: &Journey) -> anyhow::Result<Self> {
        let (pki, logs) = (folder.join("pki"), folder.join("logs"));
        for folder in [&pki, &logs] {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
        }
        let authority = Authority::create(TRUST_DOMAIN, Validity::days(VALID_DAYS))?;
        authority.save(&pki)?;
        let issue = |role, code: &str, name: &str| -> anyhow::Result<Identity> {
            let identity = Identity::new(TRUST_DOMAIN, role, code)?;
            authority
                .issue(&identity, Validity::days(VALID_DAYS))?
                .save(&pki, name)?;
            Ok(identity)
        };
        issue(Role::Operator, "operator", "operator")?;
        let operator = Credentials::load(&credentials(folder, "operator"))?;

        let identity = issue(Role::Broker, "broker", "broker")?;
        let port = Port::reserve()?;
        let toward_broker = format!("[broker]\naddress = \"{port}\"\nidentity = \"{identity}\"\n");
        let config = format!(
            "listen = \"{port}\"\nstore = \"stores/broker\"\nprocedures = \"procedures\"\n\
             calendars = \"calendars\"\nschemas = \"schemas\"\n\
             directory = \"directory.toml\"\n\n[credentials]\n{}",
            credential_lines("broker")
        );
        let config = write(folder, "broker.toml", &config)?;
        let process = Process::new("broker", "broker", &config, &logs);
        let broker = Service::new(process, identity, port, &operator)?;

        let mut directory: toml::Table = toml::from_str(DIRECTORY)?;
        let mut offices = Vec::new();
        for office in journey.offices()? {
            let (name, agency) = (office.name, office.agency);
            let system = journey.system(agency)?;
            let identity = issue(Role::Department, &system, name)?;
            let port = Port::reserve()?;
            set_address(&mut directory, &system, &port.to_string())?;
            write(folder, &format!("scripts/{name}.toml"), office.script)?;
            let config = format!(
                "agency_code = \"{agency}\"\nlisten = \"{port}\"\nstore = \"stores/{name}\"\n\
                 script = \"scripts/{name}.toml\"\n\n{toward_broker}\n[credentials]\n{}",
                credential_lines(name)
            );
            let config = write(folder, &format!("{name}.toml"), &config)?;
            let process = Process::new(name, "department", &config, &logs);
            offices.push(Service::new(process, identity, port, &operator)?);
        }
        write(folder, "directory.toml", &toml::to_string(&directory)?)?;
        let material = journey.material;
        let procedure = format!("procedures/{}", material.file);
        write(folder, &procedure, material.procedure)?;
        for (inner, files) in [("calendars", CALENDARS), ("schemas", SCHEMAS)] {
            for (name, text) in files {
                write(folder, &format!("{inner}/{name}"), text)?;
            }
        }

        issue(Role::Desk, DESK_SYSTEM, "desk")?;
        let config = format!(
            "agency_code = \"{DESK_AGENCY}\"\nstore = \"stores/desk\"\nspool = \"spool\"\n\n\
             [times]\nspool_ms = 50\n\n{toward_broker}\n[credentials]\n{}",
            credential_lines("desk")
        );
        let config = write(folder, "desk.toml", &config)?;
        let desk = Process::new("desk", "desk", &config, &logs);
        let config = format!(
            "{toward_broker}\n[credentials]\n{}",
            credential_lines("operator")
        );
        write(folder, "operator.toml", &config)?;
        Ok(Self {
            folder: folder.to_owned(),
            broker,
            offices,
            desk,
        })
    }

    /// Starts everything and waits until all of it serves.
    pub(crate) async fn open(&mut self) -> anyhow::Result<()> {
        for service in self.offices.iter_mut().chain([&mut self.broker]) {
            service.process.start()?;
        }
        for service in self.offices.iter_mut().chain([&mut self.broker]) {
            service.serves().await?;
        }
        self.desk.start()
    }

    /// Ends everything, the desk first.
    pub(crate) async fn close(&mut self) {
        let Self {
            desk,
            broker,
            offices,
            ..
        } = self;
        let ending = offices.iter_mut().map(|office| office.process.stop());
        // What cannot be ended now ends with the demo.
        let _ = desk.stop().await;
        let _ = tokio::join!(
            futures_util::future::join_all(ending),
            broker.process.stop()
        );
    }

    /// Every process.
    pub(crate) fn processes(&self) -> impl Iterator<Item = &Process> {
        let services = [&self.broker].into_iter().chain(&self.offices);
        services.map(|service| &service.process).chain([&self.desk])
    }

    /// The office of this name.
    pub(crate) fn office(&mut self, name: &str) -> anyhow::Result<&mut Service> {
        let office = self
            .offices
            .iter_mut()
            .find(|office| office.process.name == name);
        office.with_context(|| format!("the town has no office {name}"))
    }

    /// Waits until a process falls that nobody ended, and says which.
    pub(crate) async fn fall(&mut self) -> anyhow::Error {
        let Self {
            desk,
            broker,
            offices,
            ..
        } = self;
        let mut processes: Vec<&mut Process> = offices
            .iter_mut()
            .map(|office| &mut office.process)
            .collect();
        processes.extend([&mut broker.process, desk]);
        let falling = processes
            .into_iter()
            .map(|process| Box::pin(process.fall()));
        futures_util::future::select_all(falling).await.0
    }
}

impl Service {
    fn new(
        process: Process,
        identity: Identity,
        port: Port,
        operator: &Credentials,
    ) -> anyhow::Result<Self> {
        let options = ChannelOptions::exchange();
        let line = channel(&port.to_string(), identity.clone(), operator, options)?;
        Ok(Self {
            process,
            identity,
            port,
            health: HealthClient::new(line),
        })
    }

    /// Waits until it says that it serves.
    pub(crate) async fn serves(&mut self) -> anyhow::Result<()> {
        let deadline = Instant::now() + OPEN_MAX;
        while Instant::now() < deadline {
            let request = HealthCheckRequest::default();
            tokio::select! {
                fallen = self.process.fall() => return Err(fallen),
                health = self.health.check(request) => if health
                    .is_ok_and(|health| health.into_inner().status() == ServingStatus::Serving)
                {
                    return Ok(());
                }
            }
            sleep(LOOK_INTERVAL).await;
        }
        let (name, log) = (self.process.name, self.process.log.display());
        bail!("the {name} does not serve {OPEN_MAX:?} after its start; see {log}")
    }
}

/// Where the credentials of this name lie.
pub(crate) fn credentials(folder: &Path, name: &str) -> CredentialPaths {
    let pki = folder.join("pki");
    CredentialPaths {
        ca: pki.join(CA_CERTIFICATE_FILE),
        certificate: pki.join(format!("{name}.pem")),
        key: pki.join(format!("{name}.key")),
        denied: None,
    }
}

fn credential_lines(name: &str) -> String {
    format!("ca = \"pki/ca.pem\"\ncertificate = \"pki/{name}.pem\"\nkey = \"pki/{name}.key\"\n")
}

fn write(folder: &Path, name: &str, text: &str) -> anyhow::Result<PathBuf> {
    let path = folder.join(name);
    let write = || {
        fs::create_dir_all(path.parent().unwrap_or(folder))?;
        fs::write(&path, text)
    };
    write().with_context(|| format!("cannot write {}", path.display()))?;
    Ok(path)
}

/// Says in the directory where a system is dialled.
fn set_address(directory: &mut toml::Table, system: &str, address: &str) -> anyhow::Result<()> {
    let systems = directory
        .get_mut("system")
        .and_then(toml::Value::as_array_mut);
    let found = systems
        .into_iter()
        .flatten()
        .filter_map(toml::Value::as_table_mut)
        .find(|one| one.get("code").and_then(toml::Value::as_str) == Some(system));
    let found = found.with_context(|| format!("the sample directory has no system {system}"))?;
    found.insert("address".into(), address.into());
    Ok(())
}
