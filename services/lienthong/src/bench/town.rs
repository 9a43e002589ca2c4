//! The bench's town: a broker and departments as processes of their own, with their certificates,
//! and the desk's side of the load in this process.

use super::{
    control::{self, Counted, Ear, Mouth, Order, Told},
    department::{Broker, Config as DepartmentConfig},
    load::Load,
    pass,
    proc::{self, Memory, Spent, Used},
    shape::{DESK_SYSTEM, Shape},
};
use crate::{
    demo::samples::{CALENDARS, SCHEMAS},
    town::{Port, Process, Service, Site},
};
use anyhow::{Context as _, anyhow, bail};
use contract::v1::{StatisticsRequest, operator_service_client::OperatorServiceClient};
use node::{
    identity::Role,
    tls::{ChannelOptions, channel},
};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    time::Duration,
};
use tokio::{
    net::UnixListener,
    sync::mpsc,
    time::{Instant, sleep, timeout},
};
use tonic::transport::Channel;

pub(crate) const TRUST_DOMAIN: &str = "bench.lienthong.example";
/// How long a department may take to say that it is there, or what it counted.
const ANSWER_MAX: Duration = Duration::from_secs(20);
/// Between two looks at whether something is so.
const LOOK_INTERVAL: Duration = Duration::from_millis(2);
/// Bytes of the path of a socket, by the system's own limit.
const SOCKET_PATH_BYTES_MAX: usize = 100;

/// How a town is run.
#[derive(Debug, Clone)]
pub(crate) struct Manner {
    /// Departments keep inbox and outbox.
    pub(crate) durable: bool,
    /// What processes log.
    pub(crate) log: String,
    /// How long the broker may take to start.
    pub(crate) open_max: Duration,
    /// Instead of the broker, the bench's own pass-through, which records nothing.
    /// With so many items that go round.
    pub(crate) pass: Option<usize>,
    /// Items under way on each stream.
    pub(crate) window_items_max: u32,
}

impl Default for Manner {
    fn default() -> Self {
        Self {
            durable: false,
            log: "info".into(),
            open_max: Duration::from_secs(30),
            pass: None,
            window_items_max: 256,
        }
    }
}

/// See the module.
pub(crate) struct Town {
    pub(crate) site: Site,
    pub(crate) broker: Service,
    pub(crate) departments: Vec<Service>,
    pub(crate) load: Load,
    manner: Manner,
    operator: OperatorServiceClient<Channel>,
    listener: UnixListener,
    lines: Vec<Line>,
    /// The department that is not counted with the others.
    apart: Option<usize>,
}

/// The line to one department.
struct Line {
    mouth: Mouth,
    counted: mpsc::Receiver<Counted>,
}

/// What was seen over a stretch of time.
#[derive(Debug, Clone, serde::Serialize)]
pub(crate) struct Sample {
    /// Seconds.
    pub(crate) seconds: f64,
    /// What the departments counted, together.
    pub(crate) counted: Counted,
    /// What the one counted that is set apart.
    pub(crate) apart: Counted,
    /// What each process spent.
    pub(crate) spent: BTreeMap<String, Spent>,
    /// Peak memory of each process over that time.
    pub(crate) memory: BTreeMap<String, Memory>,
    /// By how much the broker's figures grew.
    pub(crate) figures: BTreeMap<String, f64>,
    /// Dossiers that went through all their steps.
    pub(crate) dossiers: u64,
    /// Dossiers submitted.
    pub(crate) submitted: u64,
    /// Submits that were not taken at the first time, since the town was opened.
    pub(crate) submits_again: u64,
}

impl Sample {
    /// Hand-offs a second.
    pub(crate) fn handoffs_per_second(&self) -> f64 {
        self.counted.handoffs as f64 / self.seconds
    }

    /// Microseconds that a process spent for each hand-off.
    pub(crate) fn cpu_us(&self, process: &str) -> f64 {
        let spent = self.spent.get(process).map_or(0, |spent| spent.cpu_ns);
        spent as f64 / 1_000.0 / (self.counted.handoffs as f64).max(1.0)
    }

    /// The same of every process.
    pub(crate) fn cpu(&self) -> BTreeMap<String, f64> {
        let names = self.spent.keys();
        names
            .map(|name| (name.clone(), self.cpu_us(name)))
            .collect()
    }

    /// How much a figure of the broker grew.
    pub(crate) fn figure(&self, name: &str) -> f64 {
        self.figures.get(name).copied().unwrap_or_default()
    }
}

impl Town {
    /// Writes everything into `folder`, which may hold a store already, and starts nothing.
    pub(crate) fn found(folder: &Path, shape: &Shape, manner: Manner) -> anyhow::Result<Self> {
        let site = Site::found(folder, TRUST_DOMAIN)?;
        let logs = site.logs();
        site.issue(Role::Operator, "operator", "operator")?;
        let operator = site.credentials("operator")?;
        let identity = site.issue(Role::Broker, "broker", "broker")?;
        let port = Port::reserve()?;
        let control = site.folder.join("control.sock");
        if control.as_os_str().len() > SOCKET_PATH_BYTES_MAX {
            bail!(
                "the path {} is too long for a socket; name a shorter folder with --folder",
                control.display()
            );
        }
        let _ = std::fs::remove_file(&control);
        let listener = UnixListener::bind(&control)
            .with_context(|| format!("cannot listen at {}", control.display()))?;

        let toward_broker = format!("[broker]\naddress = \"{port}\"\nidentity = \"{identity}\"\n");
        let mut departments = Vec::new();
        let mut addresses = Vec::new();
        for office in &shape.offices {
            let name = office.name.as_str();
            let identity_of = site.issue(Role::Department, name, name)?;
            let its_port = Port::reserve()?;
            addresses.push(its_port.to_string());
            let durable = if manner.durable {
                let [agency] = office.agencies.as_slice() else {
                    bail!("a department with a store acts for one agency; measure it with 2");
                };
                let config = format!(
                    "agency_code = \"{}\"\nlisten = \"{its_port}\"\nstore = \"stores/{name}\"\n\n\
                     {toward_broker}\n[credentials]\n{}",
                    agency.code,
                    Site::credential_lines(name)
                );
                site.write(&format!("{name}-store.toml"), &config)?;
                Some(PathBuf::from(format!("{name}-store.toml")))
            } else {
                None
            };
            let config = DepartmentConfig {
                name: name.to_owned(),
                control: PathBuf::from("control.sock"),
                listen: its_port.to_string().parse()?,
                durable,
                agencies: office.agencies.iter().map(|one| one.code.clone()).collect(),
                data_bytes: shape.filing.data_bytes,
                window_items_max: manner.window_items_max,
                broker: Broker {
                    address: port.to_string(),
                    identity: identity.clone(),
                },
                credentials: Site::credential_paths(name),
                steps: office.steps.clone(),
            };
            let config = site.write(&format!("{name}.toml"), &toml::to_string(&config)?)?;
            let process = Process::new(name, "bench-department", &config, &logs);
            let process = process.logging(&manner.log);
            departments.push(Service::new(process, identity_of, its_port, &operator)?);
        }

        let agencies: usize = shape.offices.iter().map(|one| one.agencies.len()).sum();
        // Each agency has a stream of its own to the broker; the shipped limits are for a province.
        let connections = 1024.max(agencies * 2);
        let config = format!(
            "listen = \"{port}\"\nstore = \"stores/broker\"\nprocedures = \"procedures\"\n\
             calendars = \"calendars\"\nschemas = \"schemas\"\ndirectory = \"directory.toml\"\n\n\
             [listener]\nconnections_max = {connections}\nconnections_per_address_max = {connections}\n\
             connections_per_system_max = {connections}\n\n\
             [streams]\nwindow_items_max = {}\n\n[credentials]\n{}",
            manner.window_items_max,
            Site::credential_lines("broker")
        );
        let config = site.write("broker.toml", &config)?;
        let process = match manner.pass {
            None => Process::new("broker", "broker", &config, &logs),
            Some(items) => Process::new("broker", "bench-pass", &config, &logs)
                .knowing(pass::ITEMS_VARIABLE, &items.to_string()),
        };
        let process = process.logging(&manner.log);
        let broker = Service::new(process, identity.clone(), port, &operator)?;
        write_rules(&site, shape, &addresses)?;

        site.issue(Role::Desk, DESK_SYSTEM, "desk")?;
        let address = broker.port.to_string();
        let load = Load::new(
            &address,
            identity.clone(),
            &site.credentials("desk")?,
            shape.filing.clone(),
        )?;
        let line = channel(&address, identity, &operator, ChannelOptions::exchange())?;
        Ok(Self {
            site,
            broker,
            departments,
            load,
            manner,
            operator: OperatorServiceClient::new(line),
            listener,
            lines: Vec::new(),
            apart: None,
        })
    }

    /// Starts everything and waits until all of it is there.
    pub(crate) async fn open(&mut self) -> anyhow::Result<()> {
        self.broker.process.start()?;
        self.broker.serves_within(self.manner.open_max).await?;
        for at in 0..self.departments.len() {
            self.departments[at].process.start()?;
            let accepted = timeout(ANSWER_MAX, self.listener.accept());
            let (stream, _) = tokio::select! {
                accepted = accepted => accepted.context("a department did not call")??,
                fallen = self.departments[at].process.fall() => return Err(fallen),
            };
            let (ear, mouth) = control::part(stream);
            let (tell, counted) = mpsc::channel(4);
            let is_apart = self.apart == Some(at);
            tokio::spawn(hear(ear, self.load.clone(), is_apart, tell));
            self.lines.push(Line { mouth, counted });
            self.departments[at].serves().await?;
        }
        Ok(())
    }

    /// Waits until something is so, and fails when a process ends meanwhile, or after so long.
    pub(crate) async fn until(
        &mut self,
        what: &str,
        patience: Duration,
        is_so: impl Fn(&Self) -> bool,
    ) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        while !is_so(self) {
            if Instant::now() > deadline {
                bail!("{what} did not come about within {patience:?}");
            }
            self.pass(LOOK_INTERVAL).await?;
        }
        Ok(())
    }

    /// What the running broker said of itself at its start, and in its hello.
    pub(crate) fn settings(&self, counted: &Counted) -> serde_json::Value {
        let log = std::fs::read_to_string(&self.broker.process.log).unwrap_or_default();
        let said = |what: &str| {
            log.lines()
                .rfind(|line| line.contains(what))
                .map(str::to_owned)
        };
        let field = |line: Option<String>, key: &str| {
            let line = line?;
            let value = line.split_once(&format!("{key}="))?.1.split(' ').next()?;
            Some(value.trim_matches('"').to_owned())
        };
        let pid = self.broker.process.pid().unwrap_or_default();
        let command = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let command = String::from_utf8_lossy(&command).replace('\0', " ");
        serde_json::json!({
            "sqlite": field(said("the store is open"), "sqlite"),
            // The broker reads its pragmas back and does not start with others.
            "syncs": said("the store is open").is_some_and(|line| line.contains("every commit synced")),
            "window_items": counted.broker_window_items,
            "broker_arguments": command.split_once(' ').map(|(_, rest)| rest.replace(&self.site.folder.display().to_string(), "FOLDER")),
            "log": self.manner.log,
        })
    }

    /// Ends everything.
    pub(crate) async fn close(&mut self) {
        self.load.keep_in_flight(0);
        let ending = self.departments.iter_mut().map(|one| one.process.stop());
        // What cannot be ended now ends with the bench.
        let _ = tokio::join!(
            futures_util::future::join_all(ending),
            self.broker.process.stop()
        );
    }

    /// Tells all departments something.
    pub(crate) async fn order(&mut self, order: Order) -> anyhow::Result<()> {
        for line in &mut self.lines {
            line.mouth.say(&order).await?;
        }
        Ok(())
    }

    /// From now on the department of this number is counted for itself.
    pub(crate) fn set_apart(&mut self, number: usize) {
        self.apart = Some(number);
    }

    /// Tells one department something.
    pub(crate) async fn order_one(&mut self, number: usize, order: Order) -> anyhow::Result<()> {
        let line = self.lines.get_mut(number);
        line.context("no such department")?.mouth.say(&order).await
    }

    /// What the departments counted since the last time, together.
    pub(crate) async fn count(&mut self) -> anyhow::Result<Counted> {
        Ok(self.count_each().await?.0)
    }

    /// The same, and of the one that is set apart.
    pub(crate) async fn count_each(&mut self) -> anyhow::Result<(Counted, Counted)> {
        let (mut all, mut apart) = (Counted::default(), Counted::default());
        self.order(Order::Count).await?;
        for (number, line) in self.lines.iter_mut().enumerate() {
            let counted = timeout(ANSWER_MAX, line.counted.recv()).await;
            let counted = counted.ok().flatten();
            let counted =
                counted.context("a department did not say what it counted; see its log")?;
            if self.apart == Some(number) {
                apart = counted;
            } else {
                all.add(counted);
            }
        }
        Ok((all, apart))
    }

    /// Waits until so much time has passed, and fails when a process ends meanwhile.
    pub(crate) async fn pass(&mut self, time: Duration) -> anyhow::Result<()> {
        let mut processes: Vec<_> = self
            .departments
            .iter_mut()
            .map(|one| &mut one.process)
            .collect();
        processes.push(&mut self.broker.process);
        let falling = processes.into_iter().map(|one| Box::pin(one.fall()));
        tokio::select! {
            (fallen, ..) = futures_util::future::select_all(falling) => Err(fallen),
            () = sleep(time) => Ok(()),
        }
    }

    /// What happens in so much time.
    pub(crate) async fn sample(&mut self, time: Duration) -> anyhow::Result<Sample> {
        for (_, pid) in self.pids() {
            proc::forget_peak(pid);
        }
        let figures = self.figures().await?;
        self.count().await?;
        let (ended, submitted) = (self.load.ended(), self.load.submitted());
        let began = (Instant::now(), self.used()?);
        self.pass(time).await?;
        let (counted, apart) = self.count_each().await?;
        let ended_at = (Instant::now(), self.used()?);
        let (dossiers, submitted) = (self.load.ended() - ended, self.load.submitted() - submitted);
        let later = self.figures().await?;
        let spent = began.1.iter().filter_map(|(name, used)| {
            let then = ended_at.1.get(name)?;
            Some((name.clone(), used.until(then)))
        });
        let spent = spent.collect();
        let memory = self
            .pids()
            .into_iter()
            .map(|(name, pid)| Ok((name, proc::memory(pid)?)))
            .collect::<anyhow::Result<_>>()?;
        Ok(Sample {
            seconds: ended_at.0.duration_since(began.0).as_secs_f64(),
            counted,
            apart,
            spent,
            memory,
            figures: later
                .into_iter()
                .map(|(name, value)| {
                    let before = figures.get(&name).copied().unwrap_or_default();
                    (name, value - before)
                })
                .collect(),
            dossiers,
            submitted,
            submits_again: self.load.failed(),
        })
    }

    /// The broker's figures; none from the pass-through.
    pub(crate) async fn figures(&mut self) -> anyhow::Result<BTreeMap<String, f64>> {
        if self.manner.pass.is_some() {
            return Ok(BTreeMap::new());
        }
        let asked = self.operator.statistics(StatisticsRequest::default()).await;
        let figures = asked
            .context("the broker did not tell its figures")?
            .into_inner()
            .figures;
        Ok(figures
            .into_iter()
            .filter(|figure| figure.agency_code.is_empty())
            .map(|figure| (figure.name, figure.value))
            .collect())
    }

    /// Every process that takes part, this one too, by its name.
    pub(crate) fn pids(&self) -> Vec<(String, u32)> {
        let services = self.departments.iter().chain([&self.broker]);
        let mut pids: Vec<_> = services
            .filter_map(|one| Some((one.process.name.clone(), one.process.pid()?)))
            .collect();
        pids.push(("load".into(), std::process::id()));
        pids
    }

    /// What each has used by now.
    pub(crate) fn used(&self) -> anyhow::Result<BTreeMap<String, Used>> {
        self.pids()
            .into_iter()
            .map(|(name, pid)| Ok((name, proc::used(pid)?)))
            .collect()
    }
}

impl Counted {
    /// Adds what another department counted.
    fn add(&mut self, other: Self) {
        self.at_ns = self.at_ns.max(other.at_ns);
        self.handoffs += other.handoffs;
        self.firsts += other.firsts;
        self.others += other.others;
        self.recorded += other.recorded;
        self.refused += other.refused;
        self.later += other.later;
        self.waiting += other.waiting;
        self.starved += other.starved;
        self.latency_us.extend(other.latency_us);
        self.first_us.extend(other.first_us);
        self.broker_window_items = self.broker_window_items.max(other.broker_window_items);
        self.streams += other.streams;
        self.calls += other.calls;
    }
}

/// Hears one department for as long as it speaks.
async fn hear(mut ear: Ear, load: Load, is_apart: bool, counted: mpsc::Sender<Counted>) {
    loop {
        match ear.hear::<Told>().await {
            Ok(Some(Told::Finished { steps })) if is_apart => load.finished_apart(steps),
            Ok(Some(Told::Finished { steps })) => load.finished(steps),
            Ok(Some(Told::Counted(one))) => {
                if counted.send(*one).await.is_err() {
                    return;
                }
            }
            Ok(Some(Told::Here { .. })) => {}
            Ok(None) => return,
            Err(error) => {
                tracing::error!(%error, "a department spoke in a way that is not understood");
                return;
            }
        }
    }
}

/// Writes the procedures, the calendar, the schemas and the directory that a broker works by.
pub(crate) fn write_rules(site: &Site, shape: &Shape, addresses: &[String]) -> anyhow::Result<()> {
    site.write("directory.toml", &shape.directory(addresses))?;
    for (file, text) in &shape.procedures {
        site.write(&format!("procedures/{file}"), text)?;
    }
    // That of all territories alone: the others name territories of the sample directory.
    let national = CALENDARS
        .iter()
        .filter(|(name, _)| *name == "national.toml");
    for (name, text) in national {
        site.write(&format!("calendars/{name}"), text)?;
    }
    for (name, text) in SCHEMAS {
        site.write(&format!("schemas/{name}"), text)?;
    }
    Ok(())
}

/// Where a town's processes say more.
pub(crate) fn with_logs(error: &anyhow::Error, town: &Town) -> anyhow::Error {
    anyhow!("{error:#}; the logs are in {}", town.site.logs().display())
}
