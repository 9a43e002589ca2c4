//! What only a store on disk can get wrong.

use super::*;
use crate::{
    records::Stored,
    store::{
        Change, DossierFault, NoticeRow, OwedKind, OwedRow, Search, StepRow, TallyKey,
        conformance::{at, id, named, received, what_is_counted_is_there},
    },
};

fn open(folder: &Path) -> SqliteStore {
    SqliteStore::open(folder, SqliteConfig::default()).unwrap()
}

fn commit(store: &mut SqliteStore, number: u64) -> Result<Committed, StoreError> {
    store.commit(Batch {
        changes: vec![big(number)],
        ..Batch::default()
    })
}

/// One more record of the dossier, with a debt.
fn next(before: &Change) -> Change {
    let last = before.records.last().unwrap();
    let record = Stored {
        sequence: last.sequence + 1,
        previous_hash: Some(last.hash),
        ..last.clone()
    };
    Change {
        records: vec![record],
        ..before.clone()
    }
}

fn commit_all(store: &mut SqliteStore, changes: &[&Change]) -> Result<Committed, StoreError> {
    store.commit(Batch {
        changes: changes.iter().map(|change| (*change).clone()).collect(),
        ..Batch::default()
    })
}

/// A dossier whose change takes some pages.
fn big(number: u64) -> Change {
    let bytes = vec![b'n'; 64 * 1024];
    Change {
        notices: vec![NoticeRow {
            desk: named("H26.1"),
            bytes,
        }],
        ..received(number)
    }
}

#[test]
fn what_was_committed_is_there_after_a_crash() {
    let (folder, crashed) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let mut store = open(folder.path());
    commit(&mut store, 1).unwrap();
    // The files as a killed process leaves them: nothing closed, nothing copied back.
    for name in [FILE_NAME.to_owned(), format!("{FILE_NAME}-wal")] {
        fs::copy(folder.path().join(&name), crashed.path().join(&name)).unwrap();
    }
    let reader = open(crashed.path()).reader();
    assert_eq!(reader.load(&id(1)).unwrap().unwrap().records.len(), 2);
}

#[test]
fn a_second_broker_on_the_folder_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let first = open(folder.path());
    let second = SqliteStore::open(folder.path(), SqliteConfig::default())
        .err()
        .unwrap();
    assert!(matches!(second, StoreError::InUse { .. }), "{second}");
    drop(first);
    open(folder.path());
}

#[test]
fn an_older_release_refuses_a_newer_store() {
    let folder = tempfile::tempdir().unwrap();
    drop(open(folder.path()));
    let file = Connection::open(folder.path().join(FILE_NAME)).unwrap();
    file.execute_batch("PRAGMA user_version = 99").unwrap();
    drop(file);
    let refused = SqliteStore::open(folder.path(), SqliteConfig::default())
        .err()
        .unwrap();
    assert!(
        matches!(refused, StoreError::Newer { found: 99, .. }),
        "{refused}"
    );
    let said = refused.to_string();
    assert!(
        said.contains("version 99") && said.ends_with("start the newer release"),
        "{said}"
    );
}

#[test]
fn a_store_of_a_row_for_each_record_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let file = Connection::open(folder.path().join(FILE_NAME)).unwrap();
    file.execute_batch("CREATE TABLE dossier (id); PRAGMA user_version = 3")
        .unwrap();
    drop(file);
    let refused = SqliteStore::open(folder.path(), SqliteConfig::default())
        .err()
        .unwrap();
    let found_3 = matches!(refused, StoreError::Older { found: 3, known: 4 });
    assert!(found_3, "{refused}");
    let said = refused.to_string();
    assert!(said.ends_with("give this one a new folder"), "{said}");
}

#[test]
fn a_store_of_the_version_before_is_brought_to_this_one() {
    let folder = tempfile::tempdir().unwrap();
    let file = Connection::open(folder.path().join(FILE_NAME)).unwrap();
    file.execute_batch(include_str!("schema_4.sql")).unwrap();
    file.execute_batch(
        "PRAGMA user_version = 4;
         INSERT INTO word (word, text) VALUES (1, 'H26.1'), (2, 'birth'), (3, 'P');
         INSERT INTO dossier (number, partition, id, code, desk, procedure, territory, calendar,
           received_at, promised_at, closed_at)
         VALUES (1, 0, x'00000000000000000000000000000001', 'H26.1-260901-0001', 1, 2, 3,
           zeroblob(32), 1, 2, 3);
         INSERT INTO head (dossier, state, sequence, last_position, last_hash, owed, steps)
         VALUES (1, 5, 1, 1, zeroblob(32), x'', x'');
         INSERT INTO incident (cause, dossier_id, step, agency, vi, en, opened_at, last_at, count)
         VALUES ('REFUSED_LATE', x'00000000000000000000000000000001', '', '', '', '', 4, 4, 1);",
    )
    .unwrap();
    drop(file);
    let store = open(folder.path());
    let withdrawn = Search {
        state: Some(5),
        ..Search::default()
    };
    let stuck = Search {
        stuck: true,
        ..Search::default()
    };
    for search in [withdrawn, stuck] {
        let page = store.reader().search(&search, None, 9).unwrap();
        assert_eq!(page.found.len(), 1, "{search:?}");
    }
    what_is_counted_is_there(&*store.reader());
}

#[test]
fn a_store_of_before_the_counts_counts_what_it_has() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let steps = |agency: &str| StepRow {
        step: named("card"),
        agency: named(agency),
        round: 1,
        state: contract::v1::StepState::Held.into(),
        due_at: None,
    };
    for (number, agency) in [(1, "H26.2"), (2, "H26.2"), (3, "H26.3")] {
        let change = Change {
            steps: vec![steps(agency)],
            ..received(number)
        };
        commit_all(&mut store, &[&change]).unwrap();
    }
    drop(store);
    let file = Connection::open(folder.path().join(FILE_NAME)).unwrap();
    file.execute_batch(
        "DROP TABLE flow; DROP TABLE open_by_state; DROP TABLE tally_month;
         ALTER TABLE owed DROP COLUMN since; PRAGMA user_version = 5",
    )
    .unwrap();
    drop(file);
    let reader = open(folder.path()).reader();
    assert_eq!(reader.flows().unwrap().len(), 2);
    assert_eq!(reader.open_counts().unwrap().open, 3);
    what_is_counted_is_there(&*reader);
}

#[test]
fn a_store_of_before_the_months_has_them_summed() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let day = jiff::civil::date(2026, 9, 2);
    let key = TallyKey {
        day,
        name: "received",
        agency: named("H26.1"),
        bucket: 0,
    };
    let change = Change {
        tallies: vec![key; 3],
        ..received(1)
    };
    commit_all(&mut store, &[&change]).unwrap();
    drop(store);
    let file = Connection::open(folder.path().join(FILE_NAME)).unwrap();
    file.execute_batch(
        "DROP TABLE tally_month; ALTER TABLE owed DROP COLUMN since; PRAGMA user_version = 6",
    )
    .unwrap();
    drop(file);
    let reader = open(folder.path()).reader();
    let year = reader.tallies(day.first_of_year(), day.last_of_year());
    assert_eq!(year.unwrap()[0].count, 3);
}

#[test]
fn what_a_store_owed_before_it_knew_since_when_is_owed_by_now() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let owed = OwedRow {
        kind: OwedKind::Handover,
        agency: Some(named("H26.2")),
        step: Some(named("card")),
        notice: None,
        alarm: None,
        round: 1,
        due_at: at(10),
    };
    let change = Change {
        owed: vec![owed],
        ..received(1)
    };
    commit_all(&mut store, &[&change]).unwrap();
    drop(store);
    let file = Connection::open(folder.path().join(FILE_NAME)).unwrap();
    file.execute_batch("ALTER TABLE owed DROP COLUMN since; PRAGMA user_version = 7")
        .unwrap();
    drop(file);
    let second = jiff::SignedDuration::from_secs(1);
    let begun = jiff::Timestamp::now() - second;
    let loads = open(folder.path()).reader().loads().unwrap();
    let since = loads[0].owed_since.unwrap();
    assert!(begun <= since && since <= jiff::Timestamp::now(), "{since}");
    assert_eq!((loads[0].owed, loads[0].first_due_at), (1, Some(at(10))));
}

/// The free pages of the file, and what was copied back, hold nothing of it.
#[test]
fn what_was_erased_is_in_no_byte_of_the_file() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let mut change = big(1);
    change.summary.closed_at = Some(jiff::Timestamp::UNIX_EPOCH);
    change.notices[0].bytes = b"Nguyen Van Mau".repeat(9);
    let batch = Batch {
        changes: vec![change],
        ..Batch::default()
    };
    assert!(store.commit(batch).unwrap().changes[0].is_ok());
    let holds = |store: &SqliteStore| {
        let gate = store.checkpointer.gate.clone();
        let _gate = gate.lock().unwrap();
        let copied = "PRAGMA wal_checkpoint(TRUNCATE)";
        let connection = store.connection.as_ref().unwrap();
        let busy = || connection.query_row(copied, [], |row| row.get::<_, i64>(0));
        while busy().unwrap() != 0 {
            std::thread::yield_now();
        }
        let file = fs::read(folder.path().join(FILE_NAME)).unwrap();
        file.windows(14).any(|found| found == b"Nguyen Van Mau")
    };
    assert!(holds(&store));
    let erased = store.erase(&[id(1)], jiff::Timestamp::UNIX_EPOCH);
    assert_eq!(erased.unwrap().len(), 1);
    assert!(!holds(&store));
}

#[test]
fn a_file_that_is_no_store_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join(FILE_NAME), vec![b'x'; 8192]).unwrap();
    let refused = SqliteStore::open(folder.path(), SqliteConfig::default())
        .err()
        .unwrap();
    assert!(matches!(refused, StoreError::Corrupt(_)), "{refused}");
}

#[test]
fn a_full_disk_keeps_nothing_and_the_same_commit_succeeds_when_there_is_room() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    commit(&mut store, 1).unwrap();
    let pages = "PRAGMA page_count";
    let connection = store.connection.as_ref().unwrap();
    let pages: u32 = connection.query_row(pages, [], |row| row.get(0)).unwrap();
    let limit = format!("PRAGMA max_page_count = {}", pages + 2);
    connection.query_row(&limit, [], |_| Ok(())).unwrap();

    let refused = commit(&mut store, 2).unwrap_err();
    assert!(
        matches!(refused, StoreError::Full(_)) && refused.passes(),
        "{refused}"
    );
    assert_eq!(store.reader().dossier(&id(2)).unwrap(), None);

    assert!(commit(&mut store, 2).unwrap().changes[0].is_ok());
    assert_eq!(store.reader().counts().unwrap().dossiers, 2);
}

/// What the writer remembers of dossiers is of what is kept.
#[test]
fn what_was_rolled_back_is_not_remembered() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let first = received(1);
    let position = commit_all(&mut store, &[&first]).unwrap().changes[0].clone();
    assert_eq!(position.unwrap().number, 2);
    let connection = store.connection.as_ref().unwrap();
    let pages = "PRAGMA page_count";
    let pages: u32 = connection.query_row(pages, [], |row| row.get(0)).unwrap();
    let limit = format!("PRAGMA max_page_count = {}", pages + 2);
    connection.query_row(&limit, [], |_| Ok(())).unwrap();

    let second = next(&first);
    let refused = commit_all(&mut store, &[&second, &big(2)]).unwrap_err();
    assert!(matches!(refused, StoreError::Full(_)), "{refused}");
    let kept = commit_all(&mut store, &[&second]).unwrap().changes;
    assert_eq!(kept[0].as_ref().map(|position| position.number), Ok(3));
}

#[test]
fn after_a_doubt_the_store_is_read_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    let first = received(1);
    commit_all(&mut store, &[&first]).unwrap();
    let connection = store.connection.as_ref().unwrap();
    connection.commit_hook(Some(|| true)).unwrap();

    let second = next(&first);
    let doubt = commit_all(&mut store, &[&second]).unwrap_err();
    assert!(matches!(doubt, StoreError::Doubt(_)), "{doubt}");
    assert_eq!(store.reader().dossier(&id(1)).unwrap().unwrap().sequence, 2);
    let kept = commit_all(&mut store, &[&second]).unwrap().changes;
    assert_eq!(kept[0].as_ref().map(|position| position.number), Ok(3));
    let again = commit_all(&mut store, &[&second]).unwrap().changes;
    let gone_on = DossierFault::Sequence {
        expected: 2,
        found: 3,
    };
    assert_eq!(again[0], Err(gone_on));
}

/// A timer that moves to later costs nothing until its time has come; then it is listed with the time
/// that it has, until it is set anew.
#[test]
fn a_timer_that_moved_to_later_keeps_its_row_until_it_is_set_anew() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    // Later than any clock says.
    let years = 1_000_000_000;
    let ringing = |second| OwedRow {
        kind: OwedKind::Timer,
        agency: None,
        step: None,
        notice: None,
        alarm: Some(dossier::alarm::Alarm::IntakeLimit),
        round: 0,
        due_at: at(years + second),
    };
    let rows = |store: &SqliteStore| -> Vec<i64> {
        let connection = store.connection.as_ref().unwrap();
        let mut rows = connection.prepare("SELECT at FROM timer").unwrap();
        let rows = rows.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<rusqlite::Result<_>>().unwrap()
    };
    let micros = |second| at(years + second).as_microsecond();
    let mut change = received(1);
    for (second, row) in [(50, 50), (90, 50), (70, 50), (20, 20), (80, 20)] {
        change.owed = vec![ringing(second)];
        assert!(commit_all(&mut store, &[&change]).unwrap().changes[0].is_ok());
        assert_eq!(rows(&store), [micros(row)], "set for {second}");
        change = next(&change);
    }
    let early = |store: &SqliteStore| {
        let timers = store.reader().timers_until(at(years + 20), 9).unwrap();
        timers.iter().map(|one| one.row.due_at).collect::<Vec<_>>()
    };
    assert_eq!(early(&store), [at(years + 80)]);
    let anew = Batch {
        timers: vec![id(1), id(1), id(9)],
        ..Batch::default()
    };
    store.commit(anew).unwrap();
    assert_eq!(rows(&store), [micros(80)]);
    assert!(early(&store).is_empty());

    change.owed = Vec::new();
    assert!(commit_all(&mut store, &[&change]).unwrap().changes[0].is_ok());
    assert!(rows(&store).is_empty());
}

#[test]
fn the_log_stays_within_its_bound() {
    let folder = tempfile::tempdir().unwrap();
    let config = SqliteConfig {
        wal_copy_bytes: 128 * 1024,
        wal_bytes_max: 512 * 1024,
        ..Default::default()
    };
    let mut store = SqliteStore::open(folder.path(), config).unwrap();
    let path = folder.path().join(format!("{FILE_NAME}-wal"));
    // Another thread opens it than writes, as with the ledger.
    let writing = std::thread::spawn(move || {
        for number in 0..100 {
            commit(&mut store, number).unwrap();
            let log = fs::metadata(&path).unwrap().len();
            assert!(log < 1024 * 1024, "{log} bytes after {number}");
        }
        store.reader().counts().unwrap().dossiers
    });
    assert_eq!(writing.join().unwrap(), 100);
}

#[test]
fn a_long_read_does_not_stop_the_writer() {
    let folder = tempfile::tempdir().unwrap();
    let mut store = open(folder.path());
    commit(&mut store, 1).unwrap();
    let reader = store.reader.clone();
    let (begun, is_begun) = std::sync::mpsc::sync_channel(1);
    let (end, may_end) = std::sync::mpsc::sync_channel(1);
    let reading = std::thread::spawn(move || {
        reader.readers.read(|c| {
            let read = c.unchecked_transaction()?;
            let count = "SELECT count(*) FROM dossier";
            let before: i64 = read.query_row(count, [], |row| row.get(0))?;
            begun.send(()).unwrap();
            may_end.recv().unwrap();
            Ok((before, read.query_row(count, [], |row| row.get(0))?))
        })
    });
    is_begun.recv().unwrap();
    commit(&mut store, 2).unwrap();
    end.send(()).unwrap();
    assert_eq!(reading.join().unwrap().unwrap(), (1, 1));
}
