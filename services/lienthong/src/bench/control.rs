//! How the bench speaks with its departments: a line of JSON for each message, on a socket of the
//! file system. It is no part of the contract, and nothing that is measured goes over it.

use anyhow::Context as _;
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use std::path::Path;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
};

/// What the bench tells a department.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Order {
    /// Report each round as soon as it is acknowledged.
    AtOnce,
    /// Report so many rounds a second, at times fixed beforehand; 0 reports nothing.
    Paced {
        /// Rounds a second.
        per_second: f64,
    },
    /// Say what was counted since the last time.
    Count,
    /// Take handovers in this way from now on.
    Take {
        /// How.
        temper: Temper,
    },
}

/// How a department takes handovers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Temper {
    /// It acknowledges at once.
    #[default]
    Ordinary,
    /// It takes a second for each, one after the other.
    Slow,
    /// It hears everything and acknowledges nothing.
    Silent,
    /// It acknowledges at once, and reconnects ten times a second.
    Restless,
}

/// What a department tells the bench.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Told {
    /// Who it is, once it is there.
    Here {
        /// Its name.
        name: String,
    },
    /// So many last steps of dossiers have been recorded by the broker.
    Finished {
        /// How many.
        steps: u64,
    },
    /// What was counted since the last time.
    Counted(Box<Counted>),
}

/// What one department process counted.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Counted {
    /// When, on the clock of [`now_ns`].
    pub(crate) at_ns: u64,
    /// Rounds acknowledged that followed a report.
    pub(crate) handoffs: u64,
    /// Rounds acknowledged that followed a submit.
    pub(crate) firsts: u64,
    /// Other items acknowledged.
    pub(crate) others: u64,
    /// Reports that the broker recorded.
    pub(crate) recorded: u64,
    /// Reports that it refused; the bench does something wrong then.
    pub(crate) refused: u64,
    /// Reports that it will take later, or cannot tell.
    pub(crate) later: u64,
    /// Rounds held and not reported.
    pub(crate) waiting: u64,
    /// Times fixed for a report at which there was no round to report.
    pub(crate) starved: u64,
    /// From the time at which a report was meant to be sent until the next step was acknowledged:
    /// microseconds, and how often.
    pub(crate) latency_us: Vec<(u64, u64)>,
    /// The same from the time at which a submit was sent.
    pub(crate) first_us: Vec<(u64, u64)>,
    /// Items that the broker takes at a time, as it said in its hello.
    pub(crate) broker_window_items: u32,
    /// Streams of handovers that are open.
    pub(crate) streams: u64,
    /// Calls of a restless department that were answered.
    pub(crate) calls: u64,
}

/// Nanoseconds on a clock that all processes of this machine share and that never jumps.
pub(crate) fn now_ns() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec.cast_unsigned() * 1_000_000_000 + now.tv_nsec.cast_unsigned()
}

/// One end of a control line, for hearing.
pub(crate) struct Ear(Lines<BufReader<OwnedReadHalf>>);

/// One end of a control line, for speaking.
pub(crate) struct Mouth(OwnedWriteHalf);

/// Parts a line into its two directions.
pub(crate) fn part(stream: UnixStream) -> (Ear, Mouth) {
    let (read, write) = stream.into_split();
    (Ear(BufReader::new(read).lines()), Mouth(write))
}

/// Goes to the bench.
pub(crate) async fn call(path: &Path) -> anyhow::Result<(Ear, Mouth)> {
    let stream = UnixStream::connect(path).await;
    Ok(part(stream.with_context(|| {
        format!("no bench listens at {}", path.display())
    })?))
}

impl Ear {
    /// The next message; none when the other end is gone.
    pub(crate) async fn hear<T: DeserializeOwned>(&mut self) -> anyhow::Result<Option<T>> {
        match self.0.next_line().await? {
            Some(line) => Ok(Some(serde_json::from_str(&line)?)),
            None => Ok(None),
        }
    }
}

impl Mouth {
    /// Says something.
    pub(crate) async fn say(&mut self, what: &impl Serialize) -> anyhow::Result<()> {
        let mut line = serde_json::to_string(what)?;
        line.push('\n');
        Ok(self.0.write_all(line.as_bytes()).await?)
    }
}
