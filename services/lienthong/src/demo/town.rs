//! The demo's town: a folder with an authority, a broker, a desk and the departments of one journey,
//! each with its certificate, its configuration, its store and its process.

use super::{
    journey::Journey,
    samples::{CALENDARS, DIRECTORY, SCHEMAS},
};
use crate::town::{Port, Process, Service, Site};
use anyhow::Context as _;
use node::identity::Role;
use std::path::{Path, PathBuf};

const TRUST_DOMAIN: &str = "demo.lienthong.example";
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
    pub(crate) console: Process,
    /// Where a browser finds the console.
    pub(crate) page: String,
    _page_port: Port,
}

impl Town {
    /// Writes everything that the journey needs into `folder` and starts nothing.
    pub(crate) fn found(folder: &Path, journey: &Journey) -> anyhow::Result<Self> {
        let site = Site::found(folder, TRUST_DOMAIN)?;
        let logs = site.logs();
        let person = site.issue(Role::Operator, "operator", "operator")?;
        let operator = site.credentials("operator")?;

        let identity = site.issue(Role::Broker, "broker", "broker")?;
        let port = Port::reserve()?;
        let toward_broker = format!("[broker]\naddress = \"{port}\"\nidentity = \"{identity}\"\n");
        let config = format!(
            "listen = \"{port}\"\nstore = \"stores/broker\"\nprocedures = \"procedures\"\n\
             calendars = \"calendars\"\nschemas = \"schemas\"\n\
             directory = \"directory.toml\"\n\n[credentials]\n{}",
            Site::credential_lines("broker")
        );
        let config = site.write("broker.toml", &config)?;
        let process = Process::new("broker", "broker", &config, &logs);
        let broker = Service::new(process, identity, port, &operator)?;

        let mut directory: toml::Table = toml::from_str(DIRECTORY)?;
        let mut offices = Vec::new();
        for office in journey.offices()? {
            let (name, agency) = (office.name, office.agency);
            let system = journey.system(agency)?;
            let identity = site.issue(Role::Department, &system, name)?;
            let port = Port::reserve()?;
            set_address(&mut directory, &system, &port.to_string())?;
            site.write(&format!("scripts/{name}.toml"), office.script)?;
            let config = format!(
                "agency_code = \"{agency}\"\nlisten = \"{port}\"\nstore = \"stores/{name}\"\n\
                 script = \"scripts/{name}.toml\"\n\n{toward_broker}\n[credentials]\n{}",
                Site::credential_lines(name)
            );
            let config = site.write(&format!("{name}.toml"), &config)?;
            let process = Process::new(name, "department", &config, &logs);
            offices.push(Service::new(process, identity, port, &operator)?);
        }
        site.write("directory.toml", &toml::to_string(&directory)?)?;
        let material = journey.material;
        let procedure = format!("procedures/{}", material.file);
        site.write(&procedure, material.procedure)?;
        for (inner, files) in [("calendars", CALENDARS), ("schemas", SCHEMAS)] {
            for (name, text) in files {
                site.write(&format!("{inner}/{name}"), text)?;
            }
        }

        site.issue(Role::Desk, DESK_SYSTEM, "desk")?;
        let config = format!(
            "agency_code = \"{DESK_AGENCY}\"\nstore = \"stores/desk\"\nspool = \"spool\"\n\n\
             [times]\nspool_ms = 50\n\n{toward_broker}\n[credentials]\n{}",
            Site::credential_lines("desk")
        );
        let config = site.write("desk.toml", &config)?;
        let desk = Process::new("desk", "desk", &config, &logs);
        let config = format!(
            "{toward_broker}\n[credentials]\n{}",
            Site::credential_lines("operator")
        );
        site.write("operator.toml", &config)?;
        site.issue_for_browsers("console")?;
        let page_port = Port::reserve()?;
        let config = format!(
            "state = \"stores/console\"\n\n[web]\nlisten = \"{page_port}\"\n\
             certificate = \"pki/console.pem\"\nkey = \"pki/console.key\"\n\n\
             [login]\nlocal_operator = \"{person}\"\n\n{toward_broker}\n[credentials]\n{}",
            Site::credential_lines("console")
        );
        let config = site.write("console.toml", &config)?;
        let console = Process::new("console", "console", &config, &logs);
        Ok(Self {
            folder: folder.to_owned(),
            broker,
            offices,
            desk,
            console,
            page: format!("https://{page_port}"),
            _page_port: page_port,
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
        self.desk.start()?;
        self.console.start()
    }

    /// Ends everything, the desk first.
    pub(crate) async fn close(&mut self) {
        let Self {
            desk,
            console,
            broker,
            offices,
            ..
        } = self;
        let ending = offices.iter_mut().map(|office| office.process.stop());
        // What cannot be ended now ends with the demo.
        let _ = tokio::join!(desk.stop(), console.stop());
        let _ = tokio::join!(
            futures_util::future::join_all(ending),
            broker.process.stop()
        );
    }

    /// Every process.
    pub(crate) fn processes(&self) -> impl Iterator<Item = &Process> {
        let services = [&self.broker].into_iter().chain(&self.offices);
        services
            .map(|service| &service.process)
            .chain([&self.desk, &self.console])
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
            console,
            broker,
            offices,
            ..
        } = self;
        let mut processes: Vec<&mut Process> = offices
            .iter_mut()
            .map(|office| &mut office.process)
            .collect();
        processes.extend([&mut broker.process, desk, console]);
        let falling = processes
            .into_iter()
            .map(|process| Box::pin(process.fall()));
        futures_util::future::select_all(falling).await.0
    }
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
