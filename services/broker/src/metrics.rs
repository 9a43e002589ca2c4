//! What the broker tells Prometheus: the ledger, the store, the couriers and the documents, as they are when
//! it asks.

use crate::{
    courier::Tallies,
    documents::Documents,
    hot::Hot,
    ledger::Ledger,
    store::{Counts, Reader, StoreError},
};
use dossier::name::AgencyCode;
use jiff::Timestamp;
use node::metrics::{Page, Source, disk};
use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::{Arc, atomic::Ordering},
};
use tokio::task::spawn_blocking;

/// See the module.
pub(crate) struct Broker {
    pub(crate) ledger: Ledger,
    pub(crate) reader: Arc<dyn Reader>,
    pub(crate) documents: Documents,
    pub(crate) hot: Hot,
    pub(crate) tallies: Tallies,
    /// The store's.
    pub(crate) folder: PathBuf,
}

/// What the store says at one moment.
struct Reading {
    counts: Counts,
    owed: Vec<(AgencyCode, u64, Timestamp)>,
    incidents: Vec<(String, u64, Timestamp)>,
    denials: Vec<(AgencyCode, u64)>,
}

#[async_trait::async_trait]
impl Source for Broker {
    async fn tell(&self, page: &mut Page) {
        self.tell_ledger(page);
        self.tell_couriers(page);
        self.tell_documents(page);
        let (reader, folder) = (self.reader.clone(), self.folder.clone());
        let read = spawn_blocking(move || {
            let files = ["broker.db", "broker.db-wal"].map(|name| file_bytes(&folder.join(name)));
            (read(reader.as_ref()), files, disk::room(&folder))
        });
        let Ok((reading, [database, log], room)) = read.await else {
            return;
        };
        let mut bytes = page.gauge(
            "lienthong_store_bytes",
            "Bytes of the store's files: the database, and its write-ahead log.",
        );
        bytes.row(&[("file", "database")], database);
        bytes.row(&[("file", "log")], log);
        disk::tell(room, page);
        page.gauge(
            "lienthong_store_readable",
            "1 while the store can be read; what is read from it is left out otherwise.",
        )
        .is(reading.is_ok());
        match reading {
            Ok(reading) => self.tell_reading(&reading, page),
            Err(error) => tracing::warn!(%error, "the store cannot be read for its metrics"),
        }
    }
}

fn read(reader: &dyn Reader) -> Result<Reading, StoreError> {
    Ok(Reading {
        counts: reader.counts()?,
        owed: reader.owed_counts()?,
        incidents: reader.incident_counts()?,
        denials: reader.denials()?,
    })
}

/// 0 where there is none.
fn file_bytes(path: &Path) -> u64 {
    std::fs::metadata(path).map_or(0, |found| found.len())
}

/// Seconds since then; 0 if it is still to come.
fn age_seconds(since: Timestamp) -> f64 {
    Timestamp::now()
        .duration_since(since)
        .as_secs_f64()
        .max(0.0)
}

impl Broker {
    fn tell_ledger(&self, page: &mut Page) {
        let condition = self.ledger.condition();
        let count = |of: &std::sync::atomic::AtomicU64| of.load(Ordering::Relaxed);
        page.gauge(
            "lienthong_ledger_takes",
            "1 while the store takes what it is given, 0 while it is full or broken.",
        )
        .is(condition.takes.load(Ordering::Relaxed));
        #[allow(clippy::cast_precision_loss)] // milliseconds of Unix time are exact
        page.gauge(
            "lienthong_ledger_epoch_timestamp_seconds",
            "When the epoch began, in Unix time: new after each restore from a copy, 0 before the first.",
        )
        .is(self.ledger.epoch() as f64 / 1_000.0);
        page.counter(
            "lienthong_ledger_commits_total",
            "Transactions that were committed, each with one sync.",
        )
        .is(count(&condition.commits));
        page.counter(
            "lienthong_ledger_commands_total",
            "Commands that were answered once a commit held what they did.",
        )
        .is(count(&condition.commands));
        page.counter(
            "lienthong_ledger_changes_total",
            "Changes of dossiers that were committed.",
        )
        .is(count(&condition.changes));
        page.histogram(
            "lienthong_ledger_commit_seconds",
            "How long commits took, their sync included.",
        )
        .spread(&[], condition.commit_seconds.histogram());
        let mut refused = page.counter(
            "lienthong_ledger_refusals_total",
            "Commands that were not recorded, by the reason word that their sender was told.",
        );
        for (reason, count) in condition.refused.by_reason() {
            refused.row(&[("reason", reason)], count);
        }
        let waiting = self.ledger.waiting();
        let mut commands = page.gauge(
            "lienthong_ledger_waiting",
            "Commands that wait for the ledger, by line: its own, what goes on, what begins something.",
        );
        commands.row(&[("line", "own")], waiting.own);
        commands.row(&[("line", "going_on")], waiting.going_on);
        commands.row(&[("line", "beginning")], waiting.beginning);
        page.gauge(
            "lienthong_ledger_waiting_bytes",
            "Bytes of what came from outside and waits for the ledger.",
        )
        .is(waiting.bytes);
        page.gauge(
            "lienthong_dossiers_cached",
            "Dossiers that are kept in memory.",
        )
        .is(self.hot.len());
    }

    fn tell_couriers(&self, page: &mut Page) {
        let tallies = self.tallies.all();
        let mut open = page.gauge(
            "lienthong_courier_stream_open",
            "1 while a stream to the department is open. One is opened when something is owed to it.",
        );
        for (agency, tally) in &tallies {
            open.row(&[("agency", agency.as_str())], tally.is_open());
        }
        let mut under_way = page.gauge(
            "lienthong_courier_under_way",
            "Items that were offered to the department and are not answered yet.",
        );
        for (agency, tally) in &tallies {
            under_way.row(&[("agency", agency.as_str())], tally.under_way());
        }
        let mut opened = page.counter(
            "lienthong_courier_streams_total",
            "Streams to the department that were opened.",
        );
        for (agency, tally) in &tallies {
            opened.row(&[("agency", agency.as_str())], tally.opened());
        }
        let mut failures = page.counter(
            "lienthong_courier_failures_total",
            "Streams to the department that could not be opened, or ended.",
        );
        for (agency, tally) in &tallies {
            failures.row(&[("agency", agency.as_str())], tally.failures());
        }
        let mut verdicts = page.counter(
            "lienthong_courier_verdicts_total",
            "What the department said of handovers and notices, by verdict.",
        );
        for (agency, tally) in &tallies {
            for (verdict, count) in tally.verdicts() {
                let labels = [("agency", agency.as_str()), ("verdict", verdict)];
                verdicts.row(&labels, count);
            }
        }
    }

    fn tell_documents(&self, page: &mut Page) {
        let usage = self.documents.usage();
        page.counter(
            "lienthong_documents_received_bytes_total",
            "Bytes of documents that were uploaded.",
        )
        .is(usage.received_bytes);
        page.counter(
            "lienthong_documents_given_bytes_total",
            "Bytes of documents that were downloaded.",
        )
        .is(usage.given_bytes);
        page.gauge("lienthong_documents_uploads", "Uploads that are under way.")
            .is(usage.uploads);
        page.gauge(
            "lienthong_documents_downloads",
            "Downloads that are under way.",
        )
        .is(usage.downloads);
        page.gauge(
            "lienthong_documents_parts",
            "Uploads that have begun and not ended, those that were broken off among them.",
        )
        .is(usage.parts);
        page.gauge(
            "lienthong_documents_unnamed_bytes",
            "Bytes that count against their systems: of uploads, and of documents that no dossier was seen to name.",
        )
        .is(usage.unnamed_bytes);
    }

    fn tell_reading(&self, reading: &Reading, page: &mut Page) {
        let counts = &reading.counts;
        page.gauge("lienthong_dossiers", "Dossiers that were received.")
            .is(counts.dossiers);
        page.gauge("lienthong_dossiers_open", "Dossiers that are not closed.")
            .is(counts.dossiers_open);
        page.gauge("lienthong_records", "Records of all dossiers.")
            .is(counts.records);
        let owed: BTreeMap<_, _> = reading
            .owed
            .iter()
            .map(|(agency, count, since)| (agency, (*count, age_seconds(*since))))
            .collect();
        // Nothing is owed to the others of the directory.
        let agencies: Vec<_> = self
            .tallies
            .all()
            .into_iter()
            .map(|(agency, _)| agency)
            .collect();
        let of = |agency| owed.get(agency).copied().unwrap_or((0, 0.0));
        let mut rows = page.gauge(
            "lienthong_handovers_owed",
            "Handovers and notices that are owed to the department.",
        );
        for agency in &agencies {
            rows.row(&[("agency", agency.as_str())], of(agency).0);
        }
        let mut rows = page.gauge(
            "lienthong_handovers_owed_oldest_seconds",
            "For how long the first of what is owed to the department has been due; 0 when nothing is owed.",
        );
        for agency in &agencies {
            rows.row(&[("agency", agency.as_str())], of(agency).1);
        }
        let mut rows = page.gauge(
            "lienthong_incidents_open",
            "Incidents that are open, by cause.",
        );
        for (cause, count, _) in &reading.incidents {
            rows.row(&[("cause", cause)], *count);
        }
        let mut rows = page.gauge(
            "lienthong_incidents_open_oldest_seconds",
            "For how long the first incident of the cause that is open has been open.",
        );
        for (cause, _, since) in &reading.incidents {
            rows.row(&[("cause", cause)], age_seconds(*since));
        }
        let mut rows = page.counter(
            "lienthong_supplements_denied_total",
            "How often the agency wanted to ask the citizen for what is already held. Counts from the store's beginning.",
        );
        for (agency, count) in &reading.denials {
            rows.row(&[("agency", agency.as_str())], *count);
        }
    }
}
