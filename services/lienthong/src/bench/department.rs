//! A department that only measures: it speaks the real contract over real lines, acknowledges at
//! once and reports at once, or at times fixed beforehand. From memory, so that the broker is what
//! is measured; or with the inbox and outbox that departments run.

mod durable;
mod line;
mod office;
mod pace;
mod restless;
mod service;

use super::control::{self, Order, Told};
use anyhow::Context as _;
use node::{
    identity::Identity,
    shutdown::Shutdown,
    stream::StreamLimits,
    tls::{ChannelOptions, CredentialPaths, Credentials, Listener, ListenerLimits, channel},
};
use office::Office;
pub(crate) use office::{stamp, stamped};
use serde::{Deserialize, Serialize};
use std::{
    collections::BTreeMap,
    net::SocketAddr,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};
use tokio::task::JoinSet;

/// Agencies whose reports share one connection: fewer than a connection may have streams.
const AGENCIES_PER_CONNECTION: usize = 100;
/// Between two looks at whether dossiers have been finished.
const TELL_INTERVAL: Duration = Duration::from_micros(500);

/// What a bench department is told at its start.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    /// Its name.
    pub(crate) name: String,
    /// The socket of the bench.
    pub(crate) control: PathBuf,
    /// Where it listens.
    pub(crate) listen: SocketAddr,
    /// The configuration of a department with a store; none to acknowledge from memory.
    pub(crate) durable: Option<PathBuf>,
    /// The agencies that it acts for.
    pub(crate) agencies: Vec<String>,
    /// Bytes of the data of each piece of evidence that says when it was sent.
    pub(crate) data_bytes: usize,
    /// Items under way on each stream without a verdict.
    pub(crate) window_items_max: u32,
    /// The broker.
    pub(crate) broker: Broker,
    /// Its credentials.
    pub(crate) credentials: CredentialPaths,
    /// What it does.
    pub(crate) steps: BTreeMap<String, Step>,
}

/// Who the broker is.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Broker {
    /// Where.
    pub(crate) address: String,
    /// Who.
    pub(crate) identity: Identity,
}

/// One step that it does.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Step {
    /// It follows a submit and no report.
    pub(crate) first: bool,
    /// No step follows it.
    pub(crate) last: bool,
    /// The evidence whose data says when it was sent, if any does.
    pub(crate) stamp: Option<String>,
    /// What it gives.
    pub(crate) gives: Vec<Give>,
}

/// Evidence that a step gives.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Give {
    /// As the procedure names it.
    pub(crate) evidence: String,
    /// The schema of its data, if it has one.
    #[serde(default)]
    pub(crate) schema_id: String,
    /// Whom it is about; empty means the owner.
    #[serde(default)]
    pub(crate) subject: String,
    /// Its data, in which `{n}` becomes a number of nine digits that is never repeated; left out, data
    /// that says when it was sent.
    pub(crate) data: Option<String>,
}

impl Config {
    /// Reads it. Relative paths start in the file's folder.
    pub(crate) fn load(path: &Path) -> anyhow::Result<Self> {
        let mut config: Self = node::config::load(path, "LIENTHONG_BENCH_DEPARTMENT")?;
        config.control = node::config::resolve(path, &config.control);
        config.durable = config
            .durable
            .map(|durable| node::config::resolve(path, &durable));
        config.credentials = config.credentials.resolved(path);
        Ok(config)
    }
}

/// Runs a bench department until the shutdown.
pub(crate) async fn run(config: Config, shutdown: Shutdown) -> anyhow::Result<()> {
    let (mut ear, mut mouth) = control::call(&config.control).await?;
    let name = config.name.clone();
    let mut tasks = JoinSet::new();
    let office = Arc::new(Office::new(&config));
    match &config.durable {
        Some(path) => {
            let config = ::department::Config::load(path)?;
            let (office, shutdown) = (office.clone(), shutdown.clone());
            tasks.spawn(durable::run(config, office, shutdown));
        }
        None => open(&config, &office, &mut tasks, &shutdown).await?,
    }
    mouth.say(&Told::Here { name }).await?;
    let pacer = pace::Pacer::start(office.clone());
    let mut telling = tokio::time::interval(TELL_INTERVAL);
    telling.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            () = shutdown.triggered() => return Ok(()),
            Some(ended) = tasks.join_next() => {
                return ended.context("a part of the department panicked")?;
            }
            order = ear.hear::<Order>() => match order? {
                None => return Ok(()),
                Some(Order::AtOnce) => {
                    pacer.rest();
                    office.report_at_once();
                }
                Some(Order::Paced { per_second }) => {
                    office.hold();
                    pacer.pace(per_second);
                }
                Some(Order::Take { temper }) => {
                    office.temper.send_replace(temper);
                }
                Some(Order::Count) => {
                    mouth.say(&Told::Counted(Box::new(office.count()))).await?;
                }
            },
            () = office.finished.notified() => {
                // Several that finish together are told together.
                telling.tick().await;
                let steps = office.take_finished();
                if steps > 0 {
                    mouth.say(&Told::Finished { steps }).await?;
                }
            }
        }
    }
}

/// Opens a door for the broker, and lines to it.
async fn open(
    config: &Config,
    office: &Arc<Office>,
    tasks: &mut JoinSet<anyhow::Result<()>>,
    shutdown: &Shutdown,
) -> anyhow::Result<()> {
    let credentials = Credentials::load(&config.credentials)?;
    let limits = ListenerLimits {
        connections_max: usize::MAX,
        connections_per_address_max: usize::MAX,
        connections_per_system_max: usize::MAX,
        handshakes_max: 4096,
        ..ListenerLimits::default()
    };
    let listener = Listener::bind(config.listen, &credentials, limits).await;
    let listener = listener.with_context(|| format!("cannot listen on {}", config.listen))?;
    let streams = StreamLimits {
        window_items_max: config.window_items_max,
        window_bytes_max: 64 << 20,
        ..StreamLimits::default()
    };
    tasks.spawn(service::serve(
        listener,
        office.clone(),
        streams,
        shutdown.clone(),
    ));
    let (address, broker) = (&config.broker.address, &config.broker.identity);
    if let Some(agency) = config.agencies.first() {
        let (office, credentials) = (office.clone(), credentials.clone());
        let line = restless::Caller::new(office, agency, config, credentials, streams);
        tasks.spawn(line.run(shutdown.clone()));
    }
    for agencies in config.agencies.chunks(AGENCIES_PER_CONNECTION) {
        let options = ChannelOptions::exchange();
        let channel = channel(address, broker.clone(), &credentials, options)?;
        for agency in agencies {
            let line = line::Line::new(office, agency, channel.clone(), streams);
            tasks.spawn(line.run(shutdown.clone()));
        }
    }
    Ok(())
}
