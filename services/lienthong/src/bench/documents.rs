//! Documents: from a desk through the broker into a department's own store, verified and synced at
//! both. Departments keep inbox and documents here, since fetching them is what is measured.

use super::{
    Options, proc,
    shape::Shape,
    town::{Manner, Town, with_logs},
};
use anyhow::Context as _;
use bytes::Bytes;
use contract::v1::Document;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use node::{
    tls::{ChannelOptions, channel},
    transfer::{self, Source},
};
use rand::{RngCore as _, SeedableRng as _, rngs::SmallRng};
use serde::Serialize;
use sha2::{Digest as _, Sha256};
use std::{
    collections::BTreeMap,
    fs::{self, File},
    io::Write as _,
    path::{Path, PathBuf},
    time::{Duration, Instant},
};
use tonic::transport::Channel;

/// The published mix: bytes, and how many of a thousand.
const MIX: [(u64, usize); 5] = [
    (2 << 10, 300),
    (10 << 10, 600),
    (100 << 10, 90),
    (2 << 20, 9),
    (10 << 20, 1),
];
/// Bytes of the large one.
const LARGE: u64 = 1 << 30;
/// Documents under way at once.
const AT_ONCE: usize = 8;
/// How long all may take to arrive.
const ARRIVE_MAX: Duration = Duration::from_secs(300);
/// The same documents in every run.
const SEED: u64 = 20_261_101;

/// One kind of load.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Documents {
    /// What was sent.
    pub(crate) what: &'static str,
    /// Documents.
    pub(crate) documents: usize,
    /// Bytes of all.
    pub(crate) bytes: u64,
    /// Megabytes a second, from the first byte at the desk to the last document that the department
    /// has acknowledged.
    pub(crate) mb_per_second: f64,
    /// Of the large one: megabytes a second into the broker alone.
    pub(crate) upload_mb_per_second: Option<f64>,
    /// Microseconds of processor time for each megabyte, by process.
    pub(crate) cpu_us_per_mb: BTreeMap<String, f64>,
    /// Bytes of peak memory, by process; that of the load holds the documents themselves.
    pub(crate) memory_peak: BTreeMap<String, u64>,
}

/// Measures it: each kind in a town of its own, so that one does not show the other's memory.
pub(crate) async fn measure(options: &Options, folder: &Path) -> anyhow::Result<Vec<Documents>> {
    let mut random = SmallRng::seed_from_u64(SEED);
    let sizes = MIX.iter().flat_map(|(bytes, count)| vec![*bytes; *count]);
    let mix = sizes.map(|bytes| Paper::made(bytes, &mut random)).collect();
    let mix = in_a_town(options, &folder.join("documents"), "mix", mix).await?;
    let path = folder.join("large.bin");
    let large = Paper::written(&path, options.large_bytes.unwrap_or(LARGE), &mut random)?;
    let folder = folder.join("document");
    let large = in_a_town(options, &folder, "one large", vec![large]).await?;
    fs::remove_file(&path)?;
    Ok(vec![mix, large])
}

async fn in_a_town(
    options: &Options,
    folder: &Path,
    what: &'static str,
    papers: Vec<Paper>,
) -> anyhow::Result<Documents> {
    fs::create_dir_all(folder)?;
    let manner = Manner {
        durable: true,
        log: options.log.clone(),
        ..Manner::default()
    };
    let mut town = Town::found(folder, &Shape::chain(1, 1, options.bytes), manner)?;
    let measured = async {
        town.open().await?;
        let line = channel(
            &town.broker.port.to_string(),
            town.broker.identity.clone(),
            &town.site.credentials("desk")?,
            ChannelOptions::documents(),
        )?;
        send(&mut town, &line, what, papers).await
    };
    let measured = measured.await;
    town.close().await;
    measured.map_err(|error| with_logs(&error, &town))
}

/// A document to send.
struct Paper {
    source: Source,
    digest: [u8; 32],
    bytes: u64,
}

impl Paper {
    fn made(bytes: u64, random: &mut SmallRng) -> Self {
        let mut content = vec![0; usize::try_from(bytes).unwrap_or(usize::MAX)];
        random.fill_bytes(&mut content);
        Self {
            digest: Sha256::digest(&content).into(),
            source: Source::Bytes(Bytes::from(content)),
            bytes,
        }
    }

    fn written(path: &PathBuf, bytes: u64, random: &mut SmallRng) -> anyhow::Result<Self> {
        let cannot = || format!("cannot write {}", path.display());
        let mut file = File::create(path).with_context(cannot)?;
        let (mut hash, mut chunk, mut left) = (Sha256::new(), vec![0; 1 << 20], bytes);
        while left > 0 {
            let now = usize::try_from(left.min(chunk.len() as u64))?;
            random.fill_bytes(&mut chunk[..now]);
            hash.update(&chunk[..now]);
            file.write_all(&chunk[..now]).with_context(cannot)?;
            left -= now as u64;
        }
        file.sync_all().with_context(cannot)?;
        Ok(Self {
            source: Source::File(path.clone()),
            digest: hash.finalize().into(),
            bytes,
        })
    }

    fn document(&self) -> Document {
        Document {
            digest: Bytes::copy_from_slice(&self.digest),
            size_bytes: self.bytes,
            media_type: "application/octet-stream".into(),
            file_name: "paper.bin".into(),
        }
    }
}

/// Sends documents, each in a dossier of its own, and waits until the department has them all.
async fn send(
    town: &mut Town,
    line: &Channel,
    what: &'static str,
    papers: Vec<Paper>,
) -> anyhow::Result<Documents> {
    for (_, pid) in town.pids() {
        proc::forget_peak(pid);
    }
    let (documents, bytes) = (
        papers.len(),
        papers.iter().map(|one| one.bytes).sum::<u64>(),
    );
    let wanted = town.load.ended() + documents as u64;
    let before = town.used()?;
    let began = Instant::now();
    let load = town.load.clone();
    let sending = stream::iter(papers).map(|paper| {
        let (line, load) = (line.clone(), load.clone());
        async move {
            let agency = super::shape::DESK_AGENCY;
            transfer::upload(line, agency, &paper.source, paper.digest, paper.bytes).await?;
            load.submit_papers(vec![paper.document()]).await?;
            Ok::<_, anyhow::Error>(())
        }
    });
    sending
        .buffer_unordered(AT_ONCE)
        .try_collect::<Vec<()>>()
        .await?;
    let uploaded = began.elapsed().as_secs_f64();
    town.until("the last document", ARRIVE_MAX, |town| {
        town.load.ended() >= wanted
    })
    .await?;
    let seconds = began.elapsed().as_secs_f64();
    let after = town.used()?;
    let megabytes = bytes as f64 / 1e6;
    let cpu = before.iter().filter_map(|(name, used)| {
        let spent = used.until(after.get(name)?);
        Some((name.clone(), spent.cpu_ns as f64 / 1_000.0 / megabytes))
    });
    let memory = town
        .pids()
        .into_iter()
        .map(|(name, pid)| Ok((name, proc::memory(pid)?.peak)));
    Ok(Documents {
        what,
        documents,
        bytes,
        mb_per_second: megabytes / seconds,
        upload_mb_per_second: (documents == 1).then_some(megabytes / uploaded),
        cpu_us_per_mb: cpu.collect(),
        memory_peak: memory.collect::<anyhow::Result<_>>()?,
    })
}
