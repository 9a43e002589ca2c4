//! What the broker tells Prometheus: the ledger, the store, the couriers and the documents, as they are when
//! it asks.

use crate::{
    documents::Documents,
    hot::Hot,
    ledger::Ledger,
    standings::Standings,
    store::{CauseOpen, Counts, Load, OpenCounts, Reader, StoreError, Suspended, Suspension},
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
    pub(crate) standings: Standings,
    /// The store's.
    pub(crate) folder: PathBuf,
}

/// What the store says at one moment.
struct Reading {
    counts: Counts,
    open: OpenCounts,
    loads: Vec<Load>,
    causes: Vec<CauseOpen>,
    suspensions: Vec<Suspension>,
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
        open: reader.open_counts()?,
        loads: reader.loads()?,
        causes: reader.causes_open()?,
        suspensions: reader.suspensions()?,
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
        let all = self.standings.all();
        let mut open = page.gauge(
            "lienthong_courier_stream_open",
            "1 while a stream to the department is open. One is opened when something is owed to it.",
        );
        for (agency, standing, _) in &all {
            open.row(
                &[("agency", agency.as_str())],
                standing.connected_since.is_some(),
            );
        }
        let mut under_way = page.gauge(
            "lienthong_courier_under_way",
            "Items that were offered to the department and are not answered yet.",
        );
        for (agency, standing, _) in &all {
            under_way.row(&[("agency", agency.as_str())], standing.under_way);
        }
        let mut expiry = page.gauge(
            "lienthong_department_certificate_expiry_timestamp_seconds",
            "When the certificate expires that the department showed last, in Unix time.",
        );
        for (agency, standing, _) in &all {
            if let Some(at) = standing.certificate_expires_at {
                expiry.row(&[("agency", agency.as_str())], at.as_second());
            }
        }
        let mut opened = page.counter(
            "lienthong_courier_streams_total",
            "Streams to the department that were opened.",
        );
        for (agency, _, totals) in &all {
            opened.row(&[("agency", agency.as_str())], totals.opened);
        }
        let mut failures = page.counter(
            "lienthong_courier_failures_total",
            "Streams to the department that could not be opened, or ended.",
        );
        for (agency, _, totals) in &all {
            failures.row(&[("agency", agency.as_str())], totals.failures);
        }
        let mut verdicts = page.counter(
            "lienthong_courier_verdicts_total",
            "What the department said of handovers and notices, by verdict.",
        );
        for (agency, _, totals) in &all {
            for (verdict, count) in totals.heard.by_word() {
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
        let (counts, open) = (&reading.counts, &reading.open);
        page.gauge("lienthong_dossiers", "Dossiers that were received.")
            .is(counts.dossiers);
        page.gauge("lienthong_dossiers_open", "Dossiers that are not closed.")
            .is(open.open);
        page.gauge(
            "lienthong_dossiers_overdue",
            "Dossiers with which somebody is late: an open incident says that a limit or the promised date has passed.",
        )
        .is(open.overdue);
        page.gauge(
            "lienthong_dossiers_waiting_for_citizen",
            "Dossiers that are not closed and wait for the citizen.",
        )
        .is(open.waiting_for_citizen);
        page.gauge("lienthong_records", "Records of all dossiers.")
            .is(counts.records);
        self.tell_loads(&reading.loads, page);
        let mut rows = page.gauge(
            "lienthong_incidents_open",
            "Incidents that are open, by cause.",
        );
        for open in &reading.causes {
            rows.row(&[("cause", &open.cause)], open.count);
        }
        let mut rows = page.gauge(
            "lienthong_incidents_open_oldest_seconds",
            "For how long the first incident of the cause that is open has been open.",
        );
        for open in &reading.causes {
            rows.row(&[("cause", &open.cause)], age_seconds(open.oldest_at));
        }
        let is_procedure = |one: &&Suspension| matches!(one.what, Suspended::Procedure(_));
        page.gauge(
            "lienthong_procedures_suspended",
            "Procedures that are not received, by an operator's word.",
        )
        .is(reading.suspensions.iter().filter(is_procedure).count());
        let mut rows = page.gauge(
            "lienthong_department_suspended",
            "1 while nothing is handed over to the department, by an operator's word.",
        );
        for (agency, ..) in self.standings.all() {
            let is_it =
                |one: &Suspension| matches!(&one.what, Suspended::Department(it) if *it == agency);
            let is_suspended = reading.suspensions.iter().any(is_it);
            rows.row(&[("agency", agency.as_str())], is_suspended);
        }
        let mut rows = page.counter(
            "lienthong_supplements_denied_total",
            "How often the agency wanted to ask the citizen for what is already held. Counts from the store's beginning.",
        );
        for (agency, count) in &reading.denials {
            rows.row(&[("agency", agency.as_str())], *count);
        }
    }

    fn tell_loads(&self, loads: &[Load], page: &mut Page) {
        let loads: BTreeMap<_, _> = loads.iter().map(|load| (&load.agency, load)).collect();
        // The others of the directory have nothing before them.
        let agencies: Vec<_> = self
            .standings
            .all()
            .into_iter()
            .map(|(agency, ..)| agency)
            .collect();
        let agencies = || {
            agencies
                .iter()
                .map(|agency| (agency.as_str(), loads.get(agency)))
        };
        let mut rows = page.gauge(
            "lienthong_handovers_owed",
            "Handovers and notices that are owed to the department.",
        );
        for (agency, load) in agencies() {
            rows.row(&[("agency", agency)], load.map_or(0, |load| load.owed));
        }
        let mut rows = page.gauge(
            "lienthong_handovers_owed_oldest_seconds",
            "For how long the oldest of what is owed to the department has been owed; 0 when nothing is.",
        );
        for (agency, load) in agencies() {
            let since = load.and_then(|load| load.owed_since);
            rows.row(&[("agency", agency)], since.map_or(0.0, age_seconds));
        }
        let mut rows = page.gauge(
            "lienthong_steps_open",
            "Steps that are open at the department.",
        );
        for (agency, load) in agencies() {
            rows.row(
                &[("agency", agency)],
                load.map_or(0, |load| load.open_steps),
            );
        }
    }
}
