//! The ledger between any two of apply, record, answer and act: what is kept, and what is said.

mod notices;
mod reconcile;
mod rules;
mod suspended;
mod watching;

use super::*;
use crate::{
    board::News,
    documents::DocumentsConfig,
    registry::Sources,
    store::{AuditFilter, Batch, Committed as Kept, DossierFault, Erased, MemoryStore, Reader},
};
use contract::v1;
use dossier::Refusal;
use futures_util::FutureExt as _;
use std::{
    collections::{HashMap, VecDeque},
    sync::Mutex,
};
use tempfile::TempDir;

/// What goes wrong with the next commits that change dossiers.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Mishap {
    /// The process is as good as dead before the commit.
    DiesBefore,
    /// The commit is there, and nobody hears of it.
    DiesAfter,
    /// The disk is full.
    Full,
    /// The disk does not sync.
    SyncFails,
    /// The store would not have any of the dossiers.
    Refuses,
}

#[derive(Clone, Default)]
struct Mishaps(Arc<Mutex<VecDeque<Mishap>>>);

impl Mishaps {
    fn next(&self, mishap: Mishap) {
        self.0.lock().unwrap().push_back(mishap);
    }
}

struct Faulty {
    store: MemoryStore,
    mishaps: Mishaps,
}

impl Store for Faulty {
    fn commit(&mut self, mut batch: Batch) -> Result<Kept, StoreError> {
        let is_lease = !batch.code_leases.is_empty();
        let mishap = if is_lease {
            None
        } else {
            self.mishaps.0.lock().unwrap().pop_front()
        };
        match mishap {
            None => self.store.commit(batch),
            Some(Mishap::DiesBefore) => Err(StoreError::Doubt("before".into())),
            Some(Mishap::DiesAfter) => {
                self.store.commit(batch)?;
                Err(StoreError::Doubt("after".into()))
            }
            Some(Mishap::Full) => Err(StoreError::Full("test".into())),
            Some(Mishap::Refuses) => {
                let refused = |_| Err(DossierFault::Refused("test".into()));
                let changes = std::mem::take(&mut batch.changes).into_iter().map(refused);
                let changes = changes.collect();
                let kept = self.store.commit(batch)?;
                Ok(Kept { changes, ..kept })
            }
            Some(Mishap::SyncFails) => Err(StoreError::SyncFailed("test".into())),
        }
    }

    fn erase(&mut self, dossiers: &[DossierId], at: Timestamp) -> Result<Vec<Erased>, StoreError> {
        self.store.erase(dossiers, at)
    }

    fn begin_epoch(&mut self, now: Timestamp) -> Result<Origin, StoreError> {
        if self.mishaps.0.lock().unwrap().pop_front() == Some(Mishap::SyncFails) {
            return Err(StoreError::SyncFailed("test".into()));
        }
        self.store.begin_epoch(now)
    }

    fn reader(&self) -> Arc<dyn Reader> {
        self.store.reader()
    }
}

struct World {
    ledger: Ledger,
    reader: Arc<dyn Reader>,
    registry: Registry,
    documents: Documents,
    mishaps: Mishaps,
    end: oneshot::Receiver<Result<(), StoreError>>,
    belfry: Belfry,
    hot: Hot,
    folder: TempDir,
}

const DIRECTORY: &str = r#"
[[territory]]
code = "P"
name = "Tỉnh Mẫu"
[[agency]]
code = "H99"
name = "Bộ phận một cửa mẫu"
territory = "P"
valid_from = "2020-01-01"
[[agency]]
code = "H99.2"
name = "Cơ quan đăng ký mẫu"
roles = ["REGISTRY"]
territory = "P"
valid_from = "2020-01-01"
[[agency]]
code = "H99.1"
name = "Cơ quan mẫu"
roles = ["COMMUNE_CIVIL_STATUS", "COMMUNE_POLICE", "SOCIAL_INSURANCE", "POLICE_IDENTITY"]
territory = "P"
valid_from = "2020-01-01"
"#;

const PROCEDURE: &str = r#"
code = "sample"
title = { vi = "Mẫu", en = "Sample" }
legal_basis = "sample"
valid_from = "2020-01-01"
lead = "COMMUNE_POLICE"
supplement_window = "7 working days"
returns_max = 3
[part.only]
title = { vi = "Mẫu", en = "Sample" }
limit = "5 working days"
[evidence.wish]
title = { vi = "Mẫu", en = "Wish" }
source = "citizen"
[step.grant]
title = { vi = "Mẫu", en = "Grant" }
part = "only"
role = "COMMUNE_POLICE"
needs = ["wish"]
limit = "1 working day"
"#;

const CALENDAR: &str = r#"
title = { vi = "Mẫu", en = "Sample" }
covers = { from = 2026, to = 2099 }
[hours]
source = "sample"
confirmed = false
[hours.on]
monday = ["07:30-11:30", "13:00-17:00"]
tuesday = ["07:30-11:30", "13:00-17:00"]
wednesday = ["07:30-11:30", "13:00-17:00"]
thursday = ["07:30-11:30", "13:00-17:00"]
friday = ["07:30-11:30", "13:00-17:00"]
"#;

fn world() -> World {
    world_with(&[("sample", PROCEDURE)])
}

fn world_with(procedures: &[(&str, &str)]) -> World {
    let folder = TempDir::new().unwrap();
    let path = |name: &str| folder.path().join(name);
    for folder in ["procedures", "calendars", "schemas"] {
        std::fs::create_dir(path(folder)).unwrap();
    }
    for (name, text) in procedures {
        std::fs::write(path(&format!("procedures/{name}.toml")), text).unwrap();
    }
    std::fs::write(path("calendars/national.toml"), CALENDAR).unwrap();
    std::fs::write(path("directory.toml"), DIRECTORY).unwrap();
    let mishaps = Mishaps::default();
    let mut store = Faulty {
        store: MemoryStore::default(),
        mishaps: mishaps.clone(),
    };
    let reader = store.reader();
    let sources = Sources {
        procedures: path("procedures"),
        calendars: path("calendars"),
        schemas: path("schemas"),
        directory: path("directory.toml"),
    };
    let registry = Registry::open(sources, &mut store).unwrap();
    let documents =
        Documents::open(folder.path(), DocumentsConfig::default(), reader.clone()).unwrap();
    let (belfry, hot) = (Belfry::default(), Hot::new(10));
    let (ledger, end) = Ledger::start(Means {
        store: Box::new(store),
        registry: registry.clone(),
        documents: documents.clone(),
        hot: hot.clone(),
        belfry: belfry.clone(),
        limits: Limits::default(),
        code_pattern: "{agency}-{yyyymmdd}-{number:7}".parse().unwrap(),
        persons: crate::persons::PersonIndex::random(),
        suspensions: Suspensions::default(),
    })
    .unwrap();
    World {
        ledger,
        reader,
        registry,
        documents,
        mishaps,
        end,
        belfry,
        hot,
        folder,
    }
}

fn wish(key: &str, what: &str) -> Submit {
    parsed(&request(key, what))
}

fn parsed(request: &v1::SubmitRequest) -> Submit {
    let directory = dossier::directory::Directory::parse("directory", DIRECTORY).unwrap();
    crate::wire::submit(request, &directory).unwrap()
}

fn request(key: &str, what: &str) -> v1::SubmitRequest {
    v1::SubmitRequest {
        agency_code: "H99".into(),
        submit_key: key.into(),
        procedure_code: "sample".into(),
        parties: vec![v1::Party {
            party_id: "owner".into(),
            roles: vec![v1::PartyRole::Owner.into()],
            kind: v1::PartyKind::Citizen.into(),
            name: "Người Mẫu".into(),
            ..v1::Party::default()
        }],
        evidence: vec![v1::EvidenceInput {
            name: "wish".into(),
            data: format!(r#"{{"wish":"{what}"}}"#).into_bytes().into(),
            ..v1::EvidenceInput::default()
        }],
        channel: v1::Channel::Counter.into(),
        receive: true,
        ..v1::SubmitRequest::default()
    }
}

impl World {
    async fn submit(&self, key: &str, what: &str) -> Result<Recorded, Failure> {
        self.ledger.submit("desk", wish(key, what)).await
    }

    fn dossiers(&self) -> usize {
        self.reader.dossiers(None, false, None, 100).unwrap().len()
    }
}

#[tokio::test]
async fn an_answer_is_never_ahead_of_the_store() {
    let world = world();
    let recorded = world.submit("k1", "a").await.unwrap();
    let row = world.reader.dossier(&recorded.dossier.id).unwrap().unwrap();
    assert_eq!(row.sequence, recorded.dossier.sequence);
    let owed = world
        .reader
        .owed_for(&"H99.1".parse().unwrap(), None, 10)
        .unwrap();
    assert_eq!(owed.len(), 1);
}

#[tokio::test]
async fn whoever_died_before_the_commit_was_told_nothing_and_comes_again() {
    let world = world();
    world.mishaps.next(Mishap::DiesBefore);
    assert!(matches!(world.submit("k1", "a").await, Err(Failure::Doubt)));
    assert_eq!(world.dossiers(), 0);
    world.submit("k1", "a").await.unwrap();
    assert_eq!(world.dossiers(), 1);
}

#[tokio::test]
async fn whoever_died_between_commit_and_answer_gets_the_first_answer_again() {
    let world = world();
    let mut board = world.belfry.owed.listen(&"H99.1".parse().unwrap());
    world.mishaps.next(Mishap::DiesAfter);
    assert!(matches!(world.submit("k1", "a").await, Err(Failure::Doubt)));
    assert_eq!(world.dossiers(), 1);
    assert!(
        board.posted().now_or_never().is_none(),
        "nothing is done on a commit that is in doubt"
    );
    let again = world.submit("k1", "a").await.unwrap();
    assert_eq!(world.dossiers(), 1);
    // Nobody was told of what it kept: whoever would have been looks for himself.
    board.posted().await;
    assert!(matches!(board.take(), News::More));
    assert_eq!(again.at, again.dossier.received_at);
}

#[tokio::test]
async fn a_full_disk_is_said_and_the_ledger_goes_on_by_itself() {
    let world = world();
    for _ in 0..3 {
        world.mishaps.next(Mishap::Full);
    }
    assert!(matches!(
        world.submit("k1", "a").await,
        Err(Failure::Storage(_))
    ));
    assert!(!world.ledger.condition().takes.load(Ordering::Relaxed));
    // Nobody sends anything: the ledger tries the store by itself until it takes again.
    while !world.ledger.condition().takes.load(Ordering::Relaxed) {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.dossiers(), 0);
    world.submit("k1", "a").await.unwrap();
    assert_eq!(world.dossiers(), 1);
}

#[tokio::test]
async fn a_failed_sync_ends_the_ledger() {
    let world = world();
    world.mishaps.next(Mishap::SyncFails);
    assert!(matches!(world.submit("k1", "a").await, Err(Failure::Doubt)));
    assert!(matches!(
        world.end.await,
        Ok(Err(StoreError::SyncFailed(_)))
    ));
}

#[tokio::test]
async fn the_same_submit_at_the_same_time_is_one_dossier() {
    let world = world();
    let (a, b) = tokio::join!(world.submit("k1", "a"), world.submit("k1", "a"));
    assert_eq!(a.unwrap().dossier.code(), b.unwrap().dossier.code());
    assert_eq!(world.dossiers(), 1);
}

#[tokio::test]
async fn a_key_used_again_with_other_content_is_refused_and_told_to_a_person() {
    let world = world();
    world.submit("k1", "a").await.unwrap();
    let refused = world.submit("k1", "b").await;
    assert!(matches!(refused, Err(Failure::Refused(Refusal::IdReused))));
    let incidents = world.reader.incidents(false, None, None, 10).unwrap();
    assert_eq!(incidents[0].key.cause, "ID_REUSED");
}

#[tokio::test]
async fn a_code_that_is_in_use_is_passed_over() {
    let world = world();
    let first = world.submit("k1", "a").await.unwrap();
    // A desk brings back the code that the ledger would give next, as after a loss.
    let (head, number) = first.dossier.code().as_str().rsplit_once('-').unwrap();
    let next = format!("{head}-{:07}", number.parse::<u64>().unwrap() + 1);
    let mut brought = wish("k2", "b");
    brought.code = Some(next.parse().unwrap());
    let second = world.ledger.submit("desk", brought).await.unwrap();
    assert_eq!(second.dossier.code().as_str(), next);
    let third = world.submit("k3", "c").await.unwrap();
    assert_ne!(third.dossier.code(), second.dossier.code());
    assert_eq!(world.dossiers(), 3);
    // And a code of somebody else's is refused.
    let mut taken = wish("k4", "d");
    taken.code = Some(next.parse().unwrap());
    let refused = world.ledger.submit("desk", taken).await;
    assert!(matches!(refused, Err(Failure::Refused(Refusal::CodeTaken))));
}

#[tokio::test]
async fn a_dossier_that_cannot_be_kept_does_not_hold_up_the_others() {
    let world = world();
    let first = world.submit("k1", "a").await.unwrap();
    let mut taken = wish("k2", "b");
    taken.code = Some(first.dossier.code().clone());
    let taken = world.ledger.submit("desk", taken);
    let (taken, third) = tokio::join!(taken, world.submit("k3", "c"));
    assert!(taken.is_err());
    third.unwrap();
    assert_eq!(world.dossiers(), 2);
}

#[tokio::test]
async fn an_epoch_whose_begin_did_not_sync_ends_the_ledger() {
    let world = world();
    world.mishaps.next(Mishap::SyncFails);
    assert!(world.ledger.begin_epoch().await.is_err());
    assert!(matches!(
        world.end.await,
        Ok(Err(StoreError::SyncFailed(_)))
    ));
}

#[tokio::test]
async fn a_dossier_that_the_store_would_not_have_stops_and_a_person_is_told() {
    let world = world();
    let recorded = world.submit("k1", "a").await.unwrap();
    let id = recorded.dossier.id;
    world.mishaps.next(Mishap::Refuses);
    let acknowledge = || Action::Acknowledge {
        step: "grant".parse().unwrap(),
        round: 1,
    };
    let refused = world.ledger.happen(id, None, acknowledge()).await;
    assert!(matches!(refused, Err(Failure::Doubt)));
    let again = world.ledger.happen(id, None, acknowledge()).await;
    assert!(matches!(again, Err(Failure::Quarantined)));
    let incidents = world.reader.incidents(false, None, None, 10).unwrap();
    assert_eq!(incidents[0].key.cause, "DOSSIER_QUARANTINED");

    // Two let it go on at once: one does, and what happened in between is not lost.
    let release = || Note {
        quarantines: vec![Quarantine {
            dossier_id: id,
            why: None,
        }],
        audits: vec![Audit {
            at: Timestamp::now(),
            operator: "duty".into(),
            via: None,
            call: "ReleaseDossier".into(),
            dossier_id: Some(id),
            subject: id.to_string(),
            reason: "seen to".into(),
            before: "quarantined".into(),
            after: "goes on".into(),
        }],
        ..Note::default()
    };
    let (first, second) = tokio::join!(world.ledger.note(release()), world.ledger.note(release()));
    let outcomes = [first, second];
    let refused = outcomes
        .iter()
        .filter(|one| matches!(one, Err(Failure::NotQuarantined)));
    assert_eq!(refused.count(), 1, "{outcomes:?}");
    let (acknowledged, third) = tokio::join!(
        world.ledger.happen(id, None, acknowledge()),
        world.ledger.note(release())
    );
    acknowledged.unwrap();
    assert!(matches!(third, Err(Failure::NotQuarantined)));
    let audits = world
        .reader
        .audits(&AuditFilter::default(), None, 9)
        .unwrap();
    assert_eq!(audits.len(), 1, "one act, one entry");
    assert_eq!(incidents[0].code.as_ref(), Some(recorded.dossier.code()));
}

#[test]
fn a_refusal_that_rests_on_what_was_not_kept_is_a_doubt() {
    let id = wish_id();
    let told = |result| {
        let (reply, mut answer) = oneshot::channel();
        let refusal = keeper::Pending::Refusal {
            dossier: Some(id),
            failure: Refusal::IdReused.into(),
            reply,
        };
        keeper::answer(vec![refusal], &HashMap::from_iter(result));
        answer.try_recv().unwrap().unwrap_err()
    };
    let not_kept = Some((id, Err(DossierFault::Chain)));
    assert!(matches!(told(not_kept), Failure::Doubt));
    assert!(matches!(told(None), Failure::Refused(Refusal::IdReused)));
}

fn wish_id() -> DossierId {
    DossierId::derive("desk", &"k1".parse().unwrap())
}

#[tokio::test]
async fn a_timer_that_is_to_be_set_anew_reaches_the_store_without_a_change() {
    let world = world();
    let recorded = world.submit("k1", "a").await.unwrap();
    let commits = || world.ledger.condition().commits.load(Ordering::Relaxed);
    let before = commits();
    let note = Note {
        timers: vec![recorded.dossier.id],
        ..Note::default()
    };
    world.ledger.note(note).await.unwrap();
    assert_eq!(commits(), before + 1);
    world.ledger.note(Note::default()).await.unwrap();
    assert_eq!(commits(), before + 1, "nothing is no commit");
}

/// Departments take up what they hold in the order in which they got it.
#[tokio::test]
async fn of_a_row_that_goes_round_and_is_longer_than_memory_most_are_in_memory() {
    const ROOM: usize = 75;
    const DOSSIERS: u8 = 100;
    let world = world();
    let one = world.submit("k1", "a").await.unwrap().dossier;
    let hot = Hot::new(ROOM);
    let reader = MemoryStore::default().reader();
    let mut found = 0;
    for turn in 0..4 {
        for number in 0..DOSSIERS {
            let mut dossier = Dossier::clone(&one);
            dossier.id = DossierId([number; 16]);
            let is_there = hot.read(reader.as_ref(), &dossier.id).unwrap().is_some();
            found += u32::from(turn > 0 && is_there);
            hot.keep(crate::hot::Committed {
                dossier: Arc::new(dossier),
                last_hash: Digest::of(b""),
                is_erased: false,
            });
            assert!(hot.len() <= ROOM);
        }
    }
    assert!(found > 150, "of 300 looks {found} found what they wanted");
    hot.forget(&DossierId([DOSSIERS - 1; 16]));
    assert_eq!(hot.len(), ROOM - 1);
    hot.clear();
    assert!(hot.is_empty());
}

#[tokio::test]
async fn dossiers_in_memory_are_bounded_by_their_bytes_and_the_newest_stays() {
    let world = world();
    let mut committed = Vec::new();
    for key in ["k1", "k2"] {
        committed.push(crate::hot::Committed {
            dossier: world.submit(key, "a").await.unwrap().dossier,
            last_hash: Digest::of(b""),
            is_erased: false,
        });
    }
    let narrow = Hot::new(10).with_bytes_max(1);
    let wide = Hot::new(10).with_bytes_max(1 << 20);
    for one in &committed {
        narrow.keep(one.clone());
        // What changes again and again counts once.
        (0..1_000).for_each(|_| wide.keep(one.clone()));
    }
    assert_eq!((narrow.len(), wide.len()), (1, 2));
    let newest = &committed[1].dossier.id;
    let reader = MemoryStore::default().reader();
    assert!(narrow.read(reader.as_ref(), newest).unwrap().is_some());
}
