//! What every store must do, told as stories and run on each of them.

mod again;
mod flow;
mod watch;

#[cfg(test)]
pub(crate) use flow::what_is_counted_is_there;

use super::*;
use crate::records::{Beside, Stored};
use dossier::{
    alarm::Alarm,
    evidence::{Document, Given},
    name::{DossierCode, Key},
    party::Scheme,
    vault::Deposit,
};
use std::str::FromStr;

/// A store that can be closed and opened again, or one that is only a clone of itself.
pub trait Ground {
    /// The store over what was committed before.
    fn open(&mut self) -> Box<dyn Store>;
}

/// Runs every story, each on a new store.
pub fn suite<G: Ground>(mut ground: impl FnMut() -> G) {
    for story in STORIES {
        let mut ground = ground();
        story(&mut ground);
        flow::what_is_counted_is_there(&*ground.open().reader());
    }
}

const STORIES: [fn(&mut dyn Ground); 41] = [
    a_dossier_is_read_as_it_was_committed,
    it_is_known_how_far_a_dossier_was_at_any_time,
    records_go_on_where_they_ended,
    a_bad_dossier_is_undone_alone,
    a_code_belongs_to_one_dossier,
    what_is_owed_is_read_by_due_date_and_by_pages,
    every_alarm_of_a_dossier_is_kept,
    every_notice_of_a_dossier_is_kept_and_goes_alone,
    what_is_no_longer_owed_is_gone,
    watch::what_is_owed_is_as_old_as_the_debt_however_its_due_date_moves,
    what_is_owed_for_a_stopped_dossier_holds_up_nobody,
    attempts_last_as_long_as_the_debt,
    steps_are_found_by_agency_and_state,
    notices_are_read_from_a_cursor_on,
    dossiers_are_listed_newest_first,
    both_desks_see_a_dossier_once,
    open_dossiers_are_found_by_their_calendar,
    an_incident_is_one_while_it_is_open,
    an_open_incident_is_found_behind_any_number_of_newer_ones,
    code_numbers_are_never_given_twice,
    documents_blobs_and_epochs_are_kept,
    the_vault_finds_what_was_not_superseded,
    denials_are_counted_by_agency,
    a_register_is_read_by_reception_over_any_number_of_pages,
    what_is_personal_of_a_closed_dossier_can_be_erased_and_its_chain_stays,
    only_what_closed_long_enough_ago_is_erased,
    again::every_record_of_a_change_keeps_its_own_values,
    again::what_one_change_tells_is_read_by_pages_too,
    again::a_refused_change_leaves_its_dossier_as_it_was,
    again::what_an_erased_dossier_owed_can_be_owed_anew,
    again::a_step_is_found_while_it_is_open,
    again::a_timer_rings_at_the_time_that_it_was_set_for_last,
    watch::what_is_searched_for_is_found_whatever_narrows_it,
    watch::what_changed_is_told_once_from_a_position_on,
    watch::a_person_is_found_until_the_dossier_is_erased,
    watch::what_happens_is_counted_by_day_and_with_what_it_is_of,
    watch::a_time_is_summed_as_its_days_are,
    watch::an_act_stands_in_the_audit_for_ever_and_in_its_chain,
    watch::what_is_suspended_stays_so_until_it_is_resumed,
    watch::page_one_counts_what_is_open,
    flow::page_one_counts_what_was_kept_alone,
];

pub(crate) fn named<T: FromStr>(text: &str) -> T
where
    T::Err: std::fmt::Debug,
{
    text.parse().unwrap()
}

pub(crate) fn id(number: u64) -> DossierId {
    DossierId::derive("desk", &named::<Key>(&format!("k{number}")))
}

pub(crate) fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_790_000_000 + second).unwrap()
}

fn records(sequence: u64, count: u64, mut last: Option<Digest>) -> Vec<Stored> {
    let mut records = Vec::new();
    for sequence in sequence..sequence + count {
        let bytes = format!("record {sequence}").into_bytes();
        let hash = Digest::of(&[&bytes, last.map_or(vec![], |l| l.0.to_vec()).as_slice()].concat());
        let personal = (sequence == 1).then(|| Beside {
            salt: [3; 16],
            bytes: b"who".to_vec(),
        });
        records.push(Stored {
            sequence,
            previous_hash: last,
            hash,
            bytes,
            personal,
        });
        last = Some(hash);
    }
    records
}

/// A new dossier with two records.
pub(crate) fn received(number: u64) -> Change {
    Change {
        dossier_id: id(number),
        records: records(1, 2, None),
        summary: Summary {
            code: named::<DossierCode>(&format!("H26.1-260901-{number:04}")),
            desk: named("H26.1"),
            hand_out_desk: named("H26.1"),
            procedure: named("birth"),
            territory: named("P"),
            calendar: Digest([1; 32]),
            state: 2,
            received_at: at(0),
            promised_at: at(86_400),
            closed_at: None,
        },
        owed: Vec::new(),
        steps: Vec::new(),
        notices: Vec::new(),
        grants: Vec::new(),
        incidents: Vec::new(),
        deposits: Vec::new(),
        vault_uses: Vec::new(),
        denials: Vec::new(),
        persons: Vec::new(),
        tallies: Vec::new(),
        audits: Vec::new(),
    }
}

/// One more record of the dossier as `before` left it.
fn next(before: &Change) -> Change {
    let last = before.records.last().unwrap();
    let records = records(last.sequence + 1, 1, Some(last.hash));
    let (notices, grants, incidents) = Default::default();
    let (deposits, vault_uses, denials) = Default::default();
    Change {
        records,
        notices,
        grants,
        incidents,
        deposits,
        vault_uses,
        denials,
        persons: Vec::new(),
        tallies: Vec::new(),
        audits: Vec::new(),
        ..before.clone()
    }
}

fn handover(agency: &str, step: &str, due: i64) -> OwedRow {
    OwedRow {
        kind: OwedKind::Handover,
        agency: Some(named(agency)),
        step: Some(named(step)),
        notice: None,
        alarm: None,
        round: 1,
        due_at: at(due),
    }
}

fn timer(due: i64) -> OwedRow {
    ringing(Alarm::IntakeLimit, due)
}

fn ringing(alarm: Alarm, due: i64) -> OwedRow {
    OwedRow {
        kind: OwedKind::Timer,
        agency: None,
        step: None,
        notice: None,
        alarm: Some(alarm),
        round: 0,
        due_at: at(due),
    }
}

fn commit(store: &mut dyn Store, changes: &[&Change]) -> Vec<Result<Position, DossierFault>> {
    let changes = changes.iter().map(|change| (*change).clone()).collect();
    store
        .commit(Batch {
            changes,
            ..Batch::default()
        })
        .unwrap()
        .changes
}

fn happened(cause: &str, agency: Option<&str>, second: i64) -> IncidentChange {
    IncidentChange::Happened {
        key: incident_key(cause, agency),
        vi: "hãy xem".into(),
        en: "look".into(),
        at: at(second),
    }
}

fn incident_key(cause: &str, agency: Option<&str>) -> IncidentKey {
    let agency = agency.map(named);
    IncidentKey {
        cause: cause.into(),
        dossier_id: None,
        step: None,
        agency,
    }
}

fn a_dossier_is_read_as_it_was_committed(ground: &mut dyn Ground) {
    let step = StepRow {
        step: named("register_birth"),
        agency: named("H26.2"),
        round: 1,
        state: 2,
        due_at: Some(at(60)),
    };
    let change = Change {
        steps: vec![step.clone()],
        ..received(1)
    };
    let mut store = ground.open();
    let position = commit(&mut *store, &[&change])[0].clone().unwrap();
    assert_eq!(
        position,
        Position {
            partition: 0,
            number: 2
        }
    );
    drop(store);

    let reader = ground.open().reader();
    let loaded = reader.load(&id(1)).unwrap().unwrap();
    assert_eq!(loaded.row.summary, change.summary);
    assert_eq!(
        (loaded.row.sequence, loaded.row.last_hash),
        (2, change.records[1].hash)
    );
    assert_eq!(loaded.row.steps, [step]);
    assert_eq!(loaded.records.len(), 2);
    for (kept, stored) in loaded.records.iter().zip(&change.records) {
        assert_eq!(
            (kept.sequence, &kept.bytes),
            (stored.sequence, &stored.bytes)
        );
        assert_eq!(kept.personal, stored.personal);
    }
    assert_eq!(reader.by_code(&change.summary.code).unwrap(), Some(id(1)));
    assert_eq!(reader.dossier(&id(2)).unwrap(), None);
    assert_eq!(reader.load(&id(2)).unwrap(), None);
}

fn it_is_known_how_far_a_dossier_was_at_any_time(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let (first, other) = (received(1), received(2));
    let second = next(&first);
    let mut ends = Vec::new();
    for change in [&first, &other, &second] {
        ends.push(commit(&mut *store, &[change])[0].clone().unwrap().number);
    }
    let reader = store.reader();
    let at = |position| reader.sequence_at(&id(1), position).unwrap();
    let [begun, went_on] = [&first, &second].map(|change| change.records.last().unwrap().sequence);
    assert_eq!(at(0), 0);
    assert_eq!(at(ends[0]), begun);
    assert_eq!(at(ends[1]), begun);
    assert_eq!(at(ends[2]), went_on);
    assert_eq!(at(u64::from(u32::MAX)), went_on);
    assert_eq!(reader.sequence_at(&id(3), ends[2]).unwrap(), 0);
}

fn records_go_on_where_they_ended(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let first = received(1);
    let mut closed = next(&first);
    closed.summary.closed_at = Some(at(9));
    closed.summary.state = 4;
    closed.summary.received_at = at(7);
    closed.summary.promised_at = at(99_999);
    for (change, other) in [(&first, &received(2)), (&closed, &next(&received(2)))] {
        assert!(
            commit(&mut *store, &[change, other])
                .iter()
                .all(Result::is_ok)
        );
    }
    let loaded = store.reader().load(&id(1)).unwrap().unwrap();
    let sequences: Vec<u64> = loaded
        .records
        .iter()
        .map(|record| record.sequence)
        .collect();
    assert_eq!(sequences, [1, 2, 3]);
    assert_eq!(loaded.row.summary, closed.summary);
    let counts = store.reader().counts().unwrap();
    assert_eq!(
        (counts.dossiers, counts.dossiers_open, counts.records),
        (2, 1, 6)
    );
}

fn a_bad_dossier_is_undone_alone(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let first = received(1);
    commit(&mut *store, &[&first]);
    let again = Change {
        owed: vec![handover("H26.2", "residence", 5)],
        notices: vec![NoticeRow {
            desk: named("H26.1"),
            bytes: b"half".to_vec(),
        }],
        ..first.clone()
    };
    let mut forged = next(&first);
    forged.records[0].previous_hash = Some(Digest([0; 32]));
    let empty = Change {
        records: Vec::new(),
        ..received(3)
    };

    let answers = commit(
        &mut *store,
        &[&received(2), &again, &forged, &empty, &received(4)],
    );
    assert!(answers[0].is_ok() && answers[4].is_ok());
    assert_eq!(
        answers[1],
        Err(DossierFault::Sequence {
            expected: 0,
            found: 2
        })
    );
    assert_eq!(answers[2], Err(DossierFault::Chain));
    assert!(matches!(answers[3], Err(DossierFault::Refused(_))));

    let reader = store.reader();
    assert_eq!(reader.dossier(&id(1)).unwrap().unwrap().sequence, 2);
    assert_eq!(reader.dossier(&id(3)).unwrap(), None);
    assert!(
        reader
            .owed_for(&named("H26.2"), None, 9)
            .unwrap()
            .is_empty()
    );
    assert!(
        reader
            .notices(&named("H26.1"), &Cursor::default(), 9)
            .unwrap()
            .is_empty()
    );
    assert_eq!(reader.counts().unwrap().dossiers, 3);
}

fn a_code_belongs_to_one_dossier(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let first = received(1);
    let thief = Change {
        summary: first.summary.clone(),
        ..received(2)
    };
    let answers = commit(&mut *store, &[&first, &thief]);
    assert!(answers[0].is_ok());
    assert_eq!(
        answers[1],
        Err(DossierFault::CodeTaken(first.summary.code.clone()))
    );
    assert_eq!(
        store.reader().by_code(&first.summary.code).unwrap(),
        Some(id(1))
    );
}

fn what_is_owed_is_read_by_due_date_and_by_pages(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let one = Change {
        owed: vec![
            handover("H26.2", "late", 90),
            handover("H26.3", "other", 1),
            timer(40),
        ],
        ..received(1)
    };
    let two = Change {
        owed: vec![
            handover("H26.2", "soon", 10),
            handover("H26.2", "same", 90),
            timer(30),
        ],
        ..received(2)
    };
    commit(&mut *store, &[&one, &two]);
    drop(store);

    let reader = ground.open().reader();
    let mut seen = Vec::new();
    let mut cursor = None;
    while let [owed] = &reader
        .owed_for(&named("H26.2"), cursor.as_ref(), 1)
        .unwrap()[..]
    {
        seen.push((
            owed.row.step.as_ref().unwrap().to_string(),
            owed.dossier_id,
            owed.row.due_at,
        ));
        assert_eq!(owed.row.agency, Some(named("H26.2")));
        cursor = Some(owed.cursor);
    }
    let seen: Vec<_> = seen
        .iter()
        .map(|(step, id, due)| (step.as_str(), *id, *due))
        .collect();
    assert_eq!(
        seen,
        [
            ("soon", id(2), at(10)),
            ("late", id(1), at(90)),
            ("same", id(2), at(90))
        ]
    );

    let mut agencies = reader.agencies_owed().unwrap();
    agencies.sort();
    assert_eq!(
        agencies,
        [(named("H26.2"), at(10)), (named("H26.3"), at(1))]
    );
    assert_eq!(reader.next_timer().unwrap(), Some(at(30)));
    let timers = reader.timers_until(at(35), 9).unwrap();
    assert_eq!(timers.len(), 1);
    assert_eq!(
        (timers[0].dossier_id, timers[0].row.kind),
        (id(2), OwedKind::Timer)
    );
    assert_eq!(reader.counts().unwrap().owed, 4);
}

fn every_notice_of_a_dossier_is_kept_and_goes_alone(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let notice = |about: &str, number, due| OwedRow {
        kind: OwedKind::Notice,
        step: None,
        notice: Some(about.into()),
        round: number,
        ..handover("H26.2", "residence", due)
    };
    let mut first = received(1);
    first.owed = vec![
        handover("H26.2", "residence", 50),
        notice("due_changed:residence", 4, 50),
        notice("due_changed:certificate", 4, 50),
        notice("apology_owed:residence", 5, 20),
        notice("closed:", 0, 90),
    ];
    let mut second = next(&first);
    second.owed = vec![
        handover("H26.2", "residence", 50),
        notice("due_changed:residence", 7, 50),
        notice("closed:", 0, 90),
    ];
    for change in [first, second] {
        let mut kept = change.owed.clone();
        commit(store.as_mut(), &[&change]);
        let owed = store.reader().owed_for(&named("H26.2"), None, 9).unwrap();
        let mut found: Vec<OwedRow> = owed.into_iter().map(|one| one.row).collect();
        assert!(found.is_sorted_by_key(|row| row.due_at));
        let key = |row: &OwedRow| (row.subject(), row.round);
        kept.sort_by_key(key);
        found.sort_by_key(key);
        assert_eq!(found, kept);
    }
}

fn every_alarm_of_a_dossier_is_kept(ground: &mut dyn Ground) {
    let step = || named("residence");
    let alarms = [
        Alarm::StepWarning(step()),
        Alarm::StepLimit(step()),
        Alarm::AskAgain(step()),
        Alarm::PartWarning(named("residence")),
        Alarm::PartLimit(named("residence")),
        Alarm::SupplementWindow(1),
        Alarm::SupplementWindow(2),
        Alarm::IntakeLimit,
    ];
    let mut store = ground.open();
    let first = Change {
        owed: alarms
            .iter()
            .map(|alarm| ringing(alarm.clone(), 30))
            .collect(),
        ..received(1)
    };
    commit(&mut *store, &[&first]);
    drop(store);

    let mut store = ground.open();
    let rung = |store: &dyn Store| -> Vec<Alarm> {
        let timers = store.reader().timers_until(at(30), 99).unwrap();
        timers.into_iter().filter_map(|one| one.row.alarm).collect()
    };
    let mut found = rung(&*store);
    found.sort();
    let mut all = alarms.to_vec();
    all.sort();
    assert_eq!(found, all);

    let mut second = next(&first);
    second.owed.remove(1);
    commit(&mut *store, &[&second]);
    assert!(!rung(&*store).contains(&alarms[1]));
    assert_eq!(rung(&*store).len(), alarms.len() - 1);
}

fn what_is_no_longer_owed_is_gone(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let kept = handover("H26.2", "kept", 20);
    let first = Change {
        owed: vec![handover("H26.2", "paid", 10), kept.clone(), timer(5)],
        ..received(1)
    };
    let second = Change {
        owed: vec![kept, handover("H26.3", "new", 1)],
        ..next(&first)
    };
    commit(&mut *store, &[&first]);
    commit(&mut *store, &[&second]);
    let reader = store.reader();
    let owed = reader.owed_for(&named("H26.2"), None, 9).unwrap();
    assert_eq!(owed.len(), 1);
    assert_eq!(owed[0].row.step, Some(named("kept")));
    assert_eq!(reader.next_timer().unwrap(), None);

    let third = Change {
        owed: Vec::new(),
        ..next(&second)
    };
    commit(&mut *store, &[&third]);
    assert!(reader.agencies_owed().unwrap().is_empty());
}

fn what_is_owed_for_a_stopped_dossier_holds_up_nobody(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let stopped = Change {
        owed: vec![
            handover("H26.2", "residence", 10),
            handover("H26.3", "alone", 10),
            timer(5),
        ],
        ..received(1)
    };
    let going = Change {
        owed: vec![handover("H26.2", "residence", 20), timer(30)],
        ..received(2)
    };
    commit(&mut *store, &[&stopped, &going]);
    let stop = |store: &mut dyn Store, why: Option<&str>| {
        let dossier_id = id(1);
        let why = why.map(ToOwned::to_owned);
        let quarantines = vec![Quarantine { dossier_id, why }];
        store
            .commit(Batch {
                quarantines,
                ..Batch::default()
            })
            .unwrap();
    };
    let reader = store.reader();
    stop(&mut *store, Some("it cannot be read"));
    let owed = reader.owed_for(&named("H26.2"), None, 1).unwrap();
    assert_eq!(owed[0].dossier_id, id(2));
    assert_eq!(reader.agencies_owed().unwrap(), [(named("H26.2"), at(20))]);
    let timers = reader.timers_until(at(99), 1).unwrap();
    assert_eq!(timers[0].dossier_id, id(2));
    assert_eq!(reader.next_timer().unwrap(), Some(at(30)));

    stop(&mut *store, None);
    assert_eq!(reader.agencies_owed().unwrap().len(), 2);
    assert_eq!(reader.next_timer().unwrap(), Some(at(5)));
}

fn attempts_last_as_long_as_the_debt(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let first = Change {
        owed: vec![handover("H26.2", "residence", 10)],
        ..received(1)
    };
    commit(&mut *store, &[&first]);
    let attempt = |step: &str, attempts| AttemptChange {
        dossier_id: id(1),
        step: named(step),
        round: 1,
        attempts,
        next_at: at(3),
        last_error: "UNAVAILABLE".into(),
    };
    let remember = |store: &mut dyn Store, attempt| {
        store
            .commit(Batch {
                attempts: vec![attempt],
                ..Batch::default()
            })
            .unwrap();
        store.reader().owed_for(&named("H26.2"), None, 9).unwrap()[0]
            .attempt
            .clone()
    };
    assert_eq!(remember(&mut *store, attempt("elsewhere", 1)), None);
    let remembered = remember(&mut *store, attempt("residence", 2)).unwrap();
    assert_eq!((remembered.attempts, remembered.next_at), (2, at(3)));
    assert_eq!(remembered.last_error, "UNAVAILABLE");
    assert_eq!(remember(&mut *store, attempt("residence", 0)), None);

    remember(&mut *store, attempt("residence", 7));
    let paid = Change {
        owed: Vec::new(),
        ..next(&first)
    };
    commit(&mut *store, &[&paid]);
    let again = Change {
        owed: first.owed.clone(),
        ..next(&paid)
    };
    commit(&mut *store, &[&again]);
    let owed = store.reader().owed_for(&named("H26.2"), None, 9).unwrap();
    assert_eq!(owed[0].attempt, None);
}

fn steps_are_found_by_agency_and_state(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let step = |step: &str, agency: &str, state| StepRow {
        step: named(step),
        agency: named(agency),
        round: 1,
        state,
        due_at: None,
    };
    let one = Change {
        steps: vec![
            step("a", "H26.2", 4),
            step("b", "H26.2", 5),
            step("c", "H26.3", 4),
        ],
        ..received(1)
    };
    let two = Change {
        steps: vec![step("a", "H26.2", 3)],
        ..received(2)
    };
    commit(&mut *store, &[&one, &two]);

    let reader = store.reader();
    let mut seen = Vec::new();
    let mut cursor = None;
    while let [found] = &reader
        .steps_of(&named("H26.2"), &[3, 4], cursor.as_ref(), 1)
        .unwrap()[..]
    {
        seen.push((found.dossier_id, found.row.clone()));
        cursor = StepCursor::from_bytes(&found.cursor.to_bytes());
        assert!(cursor.is_some());
    }
    assert_eq!(
        seen,
        [
            (id(1), step("a", "H26.2", 4)),
            (id(2), step("a", "H26.2", 3))
        ]
    );

    let moved = Change {
        steps: vec![step("a", "H26.3", 2)],
        ..next(&two)
    };
    commit(&mut *store, &[&moved]);
    assert_eq!(
        reader
            .steps_of(&named("H26.2"), &[3, 4], None, 9)
            .unwrap()
            .len(),
        1
    );
    assert_eq!(
        reader.steps_of(&named("H26.3"), &[2], None, 9).unwrap()[0].dossier_id,
        id(2)
    );
    assert!(
        reader
            .steps_of(&named("H99"), &[2], None, 9)
            .unwrap()
            .is_empty()
    );
}

fn notices_are_read_from_a_cursor_on(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let notice = |desk: &str, text: &str| NoticeRow {
        desk: named(desk),
        bytes: text.into(),
    };
    let one = Change {
        notices: vec![notice("H26.1", "one"), notice("H26.7", "x")],
        ..received(1)
    };
    let two = Change {
        notices: vec![notice("H26.1", "two")],
        ..received(2)
    };
    commit(&mut *store, &[&one]);
    commit(&mut *store, &[&two]);
    drop(store);

    let reader = ground.open().reader();
    let mut cursor = Cursor::from_bytes(&[]).unwrap();
    let first = reader.notices(&named("H26.1"), &cursor, 1).unwrap();
    assert_eq!(
        (first[0].bytes.as_slice(), first[0].dossier_id),
        (&b"one"[..], id(1))
    );
    cursor.reach(first[0].position);
    let cursor = Cursor::from_bytes(&cursor.to_bytes()).unwrap();
    let rest = reader.notices(&named("H26.1"), &cursor, 9).unwrap();
    assert_eq!(rest.len(), 1);
    assert_eq!(rest[0].bytes, b"two");
    assert_eq!(Cursor::from_bytes(b"rubbish"), None);
}

fn dossiers_are_listed_newest_first(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let mut elsewhere = received(2);
    elsewhere.summary.desk = named("H26.9");
    elsewhere.summary.hand_out_desk = named("H26.9");
    let mut closed = received(3);
    closed.summary.closed_at = Some(at(5));
    commit(
        &mut *store,
        &[&received(1), &elsewhere, &closed, &received(4)],
    );
    let reader = store.reader();
    let list = |desk: Option<&str>, open_only, before, limit| -> Vec<DossierId> {
        let desk = desk.map(named);
        let rows = reader
            .dossiers(desk.as_ref(), open_only, before, limit)
            .unwrap();
        rows.into_iter().map(|row| row.dossier_id).collect()
    };
    assert_eq!(list(None, false, None, 9), [id(4), id(3), id(2), id(1)]);
    assert_eq!(list(Some("H26.1"), false, None, 9), [id(4), id(3), id(1)]);
    assert_eq!(list(Some("H26.1"), true, None, 9), [id(4), id(1)]);
    assert_eq!(list(Some("H99"), false, None, 9), []);
    let last = reader.dossiers(None, false, None, 2).unwrap()[1].number;
    assert_eq!(list(None, false, Some(last), 9), [id(2), id(1)]);

    let why = Some("an event that nobody knows".to_owned());
    let stop = Quarantine {
        dossier_id: id(1),
        why: why.clone(),
    };
    store
        .commit(Batch {
            quarantines: vec![stop],
            ..Batch::default()
        })
        .unwrap();
    assert_eq!(reader.dossier(&id(1)).unwrap().unwrap().quarantined, why);
    let go_on = Quarantine {
        dossier_id: id(1),
        why: None,
    };
    store
        .commit(Batch {
            quarantines: vec![go_on],
            ..Batch::default()
        })
        .unwrap();
    assert_eq!(reader.dossier(&id(1)).unwrap().unwrap().quarantined, None);
}

fn both_desks_see_a_dossier_once(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let mut elsewhere = received(2);
    elsewhere.summary.hand_out_desk = named("H26.9");
    commit(&mut *store, &[&received(1), &elsewhere, &received(3)]);
    let reader = store.reader();
    let list = |desk: &str, before, limit| -> Vec<u64> {
        let rows = reader.dossiers(Some(&named(desk)), true, before, limit);
        rows.unwrap().into_iter().map(|row| row.number).collect()
    };
    assert_eq!(list("H26.1", None, 9), [3, 2, 1]);
    assert_eq!(list("H26.1", None, 2), [3, 2]);
    assert_eq!(list("H26.1", Some(2), 2), [1]);
    assert_eq!(list("H26.9", None, 9), [2]);
    let summary = reader.dossier(&id(2)).unwrap().unwrap().summary;
    assert_eq!(summary, elsewhere.summary);
}

fn open_dossiers_are_found_by_their_calendar(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let follows = |number, territory: &str, calendar: u8| {
        let mut change = received(number);
        change.summary.territory = named(territory);
        change.summary.calendar = Digest([calendar; 32]);
        change
    };
    let (one, two) = (follows(1, "P", 1), follows(2, "P", 1));
    let mut closed = follows(4, "P", 1);
    closed.summary.closed_at = Some(at(1));
    commit(&mut *store, &[&one, &two, &follows(3, "Q", 1), &closed]);
    let reader = store.reader();
    let page = |after, limit| {
        let found = reader.following(&named("P"), &Digest([1; 32]), after, limit);
        found.unwrap()
    };
    assert_eq!(
        reader.calendars_followed().unwrap(),
        [(named("P"), Digest([1; 32])), (named("Q"), Digest([1; 32]))]
    );
    assert_eq!(page(0, 1), [(1, id(1))]);
    assert_eq!(page(1, 9), [(2, id(2))]);

    let mut adopted = next(&one);
    adopted.summary.calendar = Digest([2; 32]);
    commit(&mut *store, &[&adopted]);
    assert_eq!(page(0, 9), [(2, id(2))]);
    let why = Some("damaged".to_owned());
    let dossier_id = id(2);
    let quarantines = vec![Quarantine { dossier_id, why }];
    let batch = Batch {
        quarantines,
        ..Batch::default()
    };
    store.commit(batch).unwrap();
    assert_eq!(page(0, 9), []);
    assert!(
        reader
            .calendars_followed()
            .unwrap()
            .contains(&(named("P"), Digest([2; 32])))
    );
}

fn an_incident_is_one_while_it_is_open(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let mut tell = |incident| {
        store
            .commit(Batch {
                incidents: vec![incident],
                ..Batch::default()
            })
            .unwrap();
        store.reader().incidents(false, None, None, 9).unwrap()
    };
    tell(happened("DEPARTMENT_UNREACHABLE", Some("H26.2"), 1));
    tell(happened("DEPARTMENT_UNREACHABLE", Some("H26.3"), 2));
    let open = tell(happened("DEPARTMENT_UNREACHABLE", Some("H26.2"), 3));
    assert_eq!(open.len(), 2);
    assert_eq!(open[0].key.agency, Some(named("H26.3")));
    assert_eq!(
        (open[1].count, open[1].opened_at, open[1].last_at),
        (2, at(1), at(3))
    );

    let key = incident_key("DEPARTMENT_UNREACHABLE", Some("H26.2"));
    assert_eq!(tell(IncidentChange::Over { key, at: at(4) }).len(), 1);
    let again = tell(happened("DEPARTMENT_UNREACHABLE", Some("H26.2"), 5));
    assert_eq!((again.len(), again[0].count), (2, 1));
    let number = again[0].number;
    assert_eq!(
        tell(IncidentChange::Closed {
            number,
            at: at(6),
            audit: None,
        })
        .len(),
        1
    );

    let reader = store.reader();
    let all = reader.incidents(true, None, None, 9).unwrap();
    assert_eq!(all.len(), 3);
    assert_eq!(all[0].closed_at, Some(at(6)));
    assert_eq!(
        reader
            .incidents(true, None, Some(all[1].number), 9)
            .unwrap()
            .len(),
        1
    );
    assert_eq!(reader.counts().unwrap().incidents_open, 1);

    let key = IncidentKey {
        dossier_id: Some(id(1)),
        step: Some(named("residence")),
        ..incident_key("STEP_REFUSED", None)
    };
    let of_dossier = IncidentChange::Happened {
        key: key.clone(),
        vi: "vi".into(),
        en: "en".into(),
        at: at(7),
    };
    commit(
        &mut *store,
        &[&Change {
            incidents: vec![of_dossier],
            ..received(1)
        }],
    );
    let newest = &reader.incidents(false, None, None, 1).unwrap()[0];
    assert_eq!(
        (&newest.key, newest.code.clone()),
        (&key, Some(received(1).summary.code))
    );
}

fn an_open_incident_is_found_behind_any_number_of_newer_ones(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let key = || incident_key("DEPARTMENT_UNREACHABLE", Some("H26.2"));
    assert!(!store.reader().is_incident_open(&key()).unwrap());
    let newer = (0..=PAGE_ROWS_MAX).map(|n| happened("TEST", Some(&format!("H27.{n}")), 2));
    let first = happened("DEPARTMENT_UNREACHABLE", Some("H26.2"), 1);
    let mut tell = |incidents| {
        let batch = Batch {
            incidents,
            ..Batch::default()
        };
        store.commit(batch).unwrap();
        store.reader().is_incident_open(&key()).unwrap()
    };
    assert!(tell([first].into_iter().chain(newer).collect()));
    let over = IncidentChange::Over {
        key: key(),
        at: at(3),
    };
    assert!(!tell(vec![over]));
}

fn leased(store: &mut dyn Store, lease: CodeLease) -> CodeBlock {
    let batch = Batch {
        code_leases: vec![lease],
        ..Batch::default()
    };
    store.commit(batch).unwrap().code_leases.remove(0)
}

fn code_numbers_are_never_given_twice(ground: &mut dyn Ground) {
    let lease_from = |store: &mut dyn Store, desk: &str, day, floor, count| {
        let date = jiff::civil::date(2026, 9, day);
        let lease = CodeLease {
            desk: named(desk),
            date,
            floor,
            count,
            request: None,
        };
        leased(store, lease).first
    };
    let lease =
        |store: &mut dyn Store, desk: &str, day, count| lease_from(store, desk, day, 1, count);
    let mut store = ground.open();
    assert_eq!(lease(&mut *store, "H26.1", 1, 10), 1);
    assert_eq!(lease(&mut *store, "H26.1", 1, 1), 11);
    assert_eq!(lease(&mut *store, "H26.2", 1, 1), 1);
    assert_eq!(lease(&mut *store, "H26.1", 2, 5), 1);
    drop(store);
    let mut store = ground.open();
    assert_eq!(lease(&mut *store, "H26.1", 1, 3), 12);
    // As high as the time of day says, and never lower than what was given before.
    assert_eq!(lease_from(&mut *store, "H26.1", 1, 500, 2), 500);
    assert_eq!(lease_from(&mut *store, "H26.1", 1, 400, 2), 502);
    assert_eq!(lease_from(&mut *store, "H26.3", 1, 700, 1), 700);

    // The same asking gets the same block, whatever else it asks for now.
    let asked = |day: i8, count| CodeLease {
        desk: named("H26.1"),
        date: jiff::civil::date(2026, 9, day),
        floor: 1,
        count,
        request: Some(Digest([9; 32])),
    };
    let block = leased(&mut *store, asked(5, 4));
    assert_eq!((block.first, block.count), (1, 4));
    drop(store);
    let mut store = ground.open();
    assert_eq!(leased(&mut *store, asked(6, 7)), block);
    let other = CodeLease {
        request: Some(Digest([8; 32])),
        ..asked(5, 1)
    };
    assert_eq!(leased(&mut *store, other).first, 5);
    let reader = store.reader();
    let leased = |desk: &str, day, number| {
        let date = jiff::civil::date(2026, 9, day);
        reader.was_leased(&named(desk), date, number).unwrap()
    };
    for number in [1, 10, 11, 14, 500, 503] {
        assert!(leased("H26.1", 1, number), "{number}");
    }
    assert!(!leased("H26.1", 1, 15) && !leased("H26.1", 1, 504));
    assert!(!leased("H26.1", 3, 1) && !leased("H26.2", 1, 2));
}

fn documents_blobs_and_epochs_are_kept(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let reader = store.reader();
    let (paper, other) = (Digest::of(b"paper"), Digest::of(b"other"));
    let grant = Grant {
        agency: named("H26.2"),
        digest: paper,
    };
    let change = Change {
        grants: vec![grant.clone(), grant],
        ..received(1)
    };
    commit(&mut *store, &[&change, &received(2)]);
    assert!(reader.names(&paper).unwrap() && !reader.names(&other).unwrap());
    assert!(reader.granted(&named("H26.2"), &paper).unwrap());
    assert!(!reader.granted(&named("H26.3"), &paper).unwrap());
    assert!(reader.granted_in(&named("H26.2"), &id(1), &paper).unwrap());
    assert!(!reader.granted_in(&named("H26.2"), &id(2), &paper).unwrap());

    let blob = |kind, text: &str| Blob {
        kind,
        digest: Digest::of(text.as_bytes()),
        bytes: text.into(),
    };
    let birth = blob(BlobKind::Procedure, "birth");
    let blobs = vec![
        birth.clone(),
        blob(BlobKind::Directory, "agencies"),
        birth.clone(),
    ];
    store
        .commit(Batch {
            blobs,
            ..Batch::default()
        })
        .unwrap();
    assert_eq!(
        reader.blob(BlobKind::Procedure, &birth.digest).unwrap(),
        Some(birth.bytes)
    );
    assert_eq!(
        reader.blob(BlobKind::Directory, &birth.digest).unwrap(),
        None
    );
    assert_eq!(reader.blobs(BlobKind::Procedure).unwrap(), [birth.digest]);

    let first = store.begin_epoch(at(0)).unwrap();
    let second = store.begin_epoch(at(0)).unwrap();
    assert_eq!(first.store_id, second.store_id);
    assert!(second.epoch > first.epoch);
    assert_eq!(first.epoch, at(0).as_millisecond().cast_unsigned());
    drop(store);
    assert_eq!(ground.open().reader().origin().unwrap(), second);
}

fn number(value: &str) -> Identifier {
    Identifier {
        scheme: Scheme::PersonalId,
        value: value.into(),
    }
}

fn deposit(code: &str, evidence: &str, owner: &str, supersedes: Option<&str>) -> Deposit {
    let given = Given {
        name: named(evidence),
        schema_id: "birth_certificate/1".into(),
        data: format!(r#"{{"code":"{code}"}}"#).into_bytes().into(),
        documents: vec![Document {
            digest: Digest::of(code.as_bytes()),
            size_bytes: 9,
            media_type: "application/pdf".into(),
            file_name: "giấy.pdf".into(),
        }],
        subject: Some(named("child")),
    };
    Deposit {
        code: code.into(),
        evidence: named(evidence),
        version: 1,
        owner: vec![
            number(owner),
            Identifier {
                scheme: Scheme::SocialInsurance,
                value: "0123456789".into(),
            },
        ],
        given,
        agency: named("H26.2"),
        valid_until: Some(jiff::civil::date(2027, 1, 31)),
        supersedes: supersedes.map(Into::into),
    }
}

fn the_vault_finds_what_was_not_superseded(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let (first, other) = (
        deposit("D1-KQ1", "birth_certificate", "1", None),
        deposit("D1-KQ2", "residence_notice", "1", None),
    );
    let somebody = deposit("D2-KQ1", "birth_certificate", "2", None);
    let one = Change {
        deposits: vec![first.clone(), other.clone()],
        ..received(1)
    };
    let two = Change {
        deposits: vec![somebody],
        ..received(2)
    };
    commit(&mut *store, &[&one, &two]);
    drop(store);

    let mut store = ground.open();
    let reader = store.reader();
    let find = |owner: &str, names: &[&str]| {
        let names: Vec<_> = names.iter().map(|name| named(name)).collect();
        reader.vault_of(&[number(owner)], &names).unwrap()
    };
    let codes = |found: &[Finding]| -> Vec<String> {
        found.iter().map(|found| found.code.clone()).collect()
    };
    let found = find("1", &["birth_certificate"]);
    assert_eq!(codes(&found), ["D1-KQ1"]);
    assert_eq!(
        (&found[0].agency, found[0].valid_until),
        (&first.agency, first.valid_until)
    );
    // The parties of the dossier that gave it have no names elsewhere.
    let given = Given {
        subject: None,
        ..first.given.clone()
    };
    assert_eq!(found[0].given, given);
    let both = find("1", &["birth_certificate", "residence_notice"]);
    assert_eq!(codes(&both), ["D1-KQ2", "D1-KQ1"]);
    assert!(find("3", &["birth_certificate"]).is_empty());
    assert!(find("1", &["parents"]).is_empty());
    assert!(
        reader
            .vault_of(&[], &[named("parents")])
            .unwrap()
            .is_empty()
    );

    let corrected = Change {
        deposits: vec![deposit("D1-KQ3", "birth_certificate", "1", Some("D1-KQ1"))],
        vault_uses: vec![VaultUse {
            code: "D2-KQ1".into(),
            dossier_id: id(1),
            procedure: named("birth"),
            evidence: named("birth_certificate"),
            at: at(3),
        }],
        ..next(&one)
    };
    commit(&mut *store, &[&corrected]);
    assert_eq!(codes(&find("1", &["birth_certificate"])), ["D1-KQ3"]);
    let uses = reader.vault_uses("D2-KQ1").unwrap();
    assert_eq!(uses, corrected.vault_uses);
    assert!(reader.vault_uses("D1-KQ1").unwrap().is_empty());

    // The same code twice is nobody's to overwrite.
    let again = Change {
        deposits: vec![deposit("D1-KQ2", "residence_notice", "1", None)],
        ..next(&two)
    };
    let answers = commit(&mut *store, &[&again]);
    assert!(matches!(answers[0], Err(DossierFault::Refused(_))));
}

fn denials_are_counted_by_agency(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let denied = |agency: &str, day| Denied {
        agency: named(agency),
        day: jiff::civil::date(2026, 9, day),
    };
    let one = Change {
        denials: vec![denied("H26.2", 1), denied("H26.2", 1), denied("H26.3", 1)],
        ..received(1)
    };
    let two = Change {
        denials: vec![denied("H26.2", 2)],
        ..received(2)
    };
    commit(&mut *store, &[&one, &two]);
    drop(store);
    assert_eq!(
        ground.open().reader().denials().unwrap(),
        [(named("H26.2"), 3), (named("H26.3"), 1)]
    );
}

struct InMemory(MemoryStore);

impl Ground for InMemory {
    fn open(&mut self) -> Box<dyn Store> {
        Box::new(self.0.clone())
    }
}

struct OnDisk(tempfile::TempDir);

impl Ground for OnDisk {
    fn open(&mut self) -> Box<dyn Store> {
        Box::new(SqliteStore::open(self.0.path(), SqliteConfig::default()).unwrap())
    }
}

#[test]
fn the_store_in_memory_does_what_every_store_must() {
    suite(|| InMemory(MemoryStore::new()));
}

#[test]
fn the_embedded_store_does_what_every_store_must() {
    suite(|| OnDisk(tempfile::tempdir().unwrap()));
}

/// Received at a second, in an order that is not that of reception.
fn received_at_second(number: u64, second: i64) -> Change {
    let mut change = received(number);
    change.summary.received_at = at(second);
    change
}

fn a_register_is_read_by_reception_over_any_number_of_pages(ground: &mut dyn Ground) {
    let mut store = ground.open();
    // Portals file, and a desk receives later: what was filed last may be received first.
    let seconds = [90, 10, 50, 50, 20, 99, 0, 50];
    for (number, second) in (1..).zip(seconds) {
        let mut change = received_at_second(number, 0);
        commit(&mut *store, &[&change]);
        change = next(&change);
        change.summary.received_at = at(second);
        commit(&mut *store, &[&change]);
    }
    let mut other = received_at_second(9, 50);
    other.summary.desk = named("H26.7");
    other.summary.hand_out_desk = named("H26.1");
    commit(&mut *store, &[&other]);

    let reader = store.reader();
    let mut found = Vec::new();
    let mut after = None;
    loop {
        let page = reader
            .register(&named("H26.1"), at(10), at(99), after, 2)
            .unwrap();
        let Some(last) = page.last() else { break };
        after = Some((last.summary.received_at, last.number));
        found.extend(page.into_iter().map(|row| row.dossier_id));
    }
    assert_eq!(found, [2, 5, 3, 4, 8, 1].map(id));
    let nobody = reader.register(&named("H26.9"), at(10), at(99), None, 2);
    assert!(nobody.unwrap().is_empty());
}

/// A dossier with one real record that names these documents, and a notice of it.
fn with_documents(number: u64, documents: &[Digest]) -> Change {
    let given = Given {
        name: named("birth_notice"),
        schema_id: String::new(),
        data: b"{}".as_slice().into(),
        documents: documents
            .iter()
            .map(|digest| Document {
                digest: *digest,
                size_bytes: 1,
                media_type: "application/pdf".into(),
                file_name: "nguyen-van-mau.pdf".into(),
            })
            .collect(),
        subject: None,
    };
    let new = dossier::evidence::NewVersion {
        version: 1,
        digest: given.digest(),
        source: dossier::evidence::Source::Citizen,
        given,
    };
    let entry = dossier::Entry {
        sequence: 1,
        at: at(0),
        cause: None,
        event: dossier::Event::EvidenceGiven {
            evidence: vec![new],
            officer: dossier::party::Officer::default(),
        },
    };
    let record = crate::records::encode(&entry, &id(number), None, [number as u8; 16]);
    let notice = |desk: &str| NoticeRow {
        desk: named(desk),
        bytes: format!("the officer Mau of {number}").into_bytes(),
    };
    let grant = |agency: &str, digest: &Digest| Grant {
        agency: named(agency),
        digest: *digest,
    };
    Change {
        records: vec![record],
        notices: vec![notice("H26.1"), notice("H26.2")],
        grants: documents
            .iter()
            .flat_map(|one| [grant("H26.1", one), grant("H26.2", one)])
            .collect(),
        ..received(number)
    }
}

/// The dossier is closed by one more record.
fn closed(before: &Change, second: i64) -> Change {
    let last = before.records.last().unwrap();
    let entry = dossier::Entry {
        sequence: last.sequence + 1,
        at: at(second),
        cause: None,
        event: dossier::Event::Closed,
    };
    let record = crate::records::encode(&entry, &before.dossier_id, Some(last.hash), [9; 16]);
    let mut change = next(before);
    change.records = vec![record];
    change.notices = before.notices.clone();
    change.summary.closed_at = Some(at(second));
    change
}

fn what_is_personal_of_a_closed_dossier_can_be_erased_and_its_chain_stays(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let [own, shared, in_vault] = [1, 2, 3].map(|n| Digest([n; 32]));
    let first = with_documents(1, &[own, shared, in_vault]);
    let second = with_documents(2, &[shared]);
    commit(&mut *store, &[&first, &second]);
    let mut end = closed(&first, 10);
    let mut result = deposit(
        &format!("{}-KQ1", end.summary.code),
        "birth_notice",
        "1",
        None,
    );
    result.given.documents[0].digest = in_vault;
    end.deposits = vec![result];
    // The department that should hear of the end is away, and stays so.
    end.owed = vec![handover("H26.2", "residence", 50)];
    commit(&mut *store, &[&end]);
    let before = store.reader().load(&id(1)).unwrap().unwrap();

    let erased = store.erase(&[id(1), id(2), id(7)], at(99)).unwrap();
    let gone = Erased {
        dossier_id: id(1),
        documents: vec![own, shared],
    };
    assert_eq!(erased, [gone], "one is open, one is not known");
    assert_eq!(store.erase(&[id(1)], at(100)).unwrap(), [], "once");
    drop(store);

    let reader = ground.open().reader();
    assert!(
        reader
            .owed_for(&named("H26.2"), None, 9)
            .unwrap()
            .is_empty()
    );
    let after = reader.load(&id(1)).unwrap().unwrap();
    assert_eq!(after.row.erased_at, Some(at(99)));
    assert!(after.records.iter().all(|record| record.personal.is_none()));
    let verified = crate::records::verify_chain(&id(1), &after.records);
    assert_eq!(verified, Ok(Some(after.row.last_hash)));
    for (after, before) in after.records.iter().zip(&before.records) {
        assert_eq!(after.bytes, before.bytes);
        crate::records::decode(after).unwrap();
    }
    for desk in ["H26.1", "H26.2"] {
        let told = reader.notices(&named(desk), &Cursor::default(), 9).unwrap();
        let of: Vec<_> = told.iter().map(|notice| notice.dossier_id).collect();
        assert_eq!(of, [id(2)], "{desk}");
    }
    assert!(
        reader.load(&id(2)).unwrap().unwrap().records[0]
            .personal
            .is_some()
    );
    let names = [own, shared, in_vault].map(|digest| reader.names(&digest).unwrap());
    assert_eq!(names, [false, true, true]);
    assert!(!reader.granted_in(&named("H26.2"), &id(1), &shared).unwrap());
    assert_eq!(reader.by_code(&first.summary.code).unwrap(), Some(id(1)));
    assert_eq!(reader.dossiers(None, false, None, 9).unwrap().len(), 2);
}

fn only_what_closed_long_enough_ago_is_erased(ground: &mut dyn Ground) {
    let mut store = ground.open();
    for (number, second) in [(1, 30), (2, 20), (3, 40), (4, 10)] {
        let change = with_documents(number, &[]);
        commit(&mut *store, &[&change]);
        commit(&mut *store, &[&closed(&change, second)]);
    }
    commit(&mut *store, &[&with_documents(5, &[])]);
    let quarantine = Quarantine {
        dossier_id: id(4),
        why: Some("look".into()),
    };
    let batch = Batch {
        quarantines: vec![quarantine],
        ..Batch::default()
    };
    store.commit(batch).unwrap();
    let reader = store.reader();
    let due = |limit| reader.closed_before(at(40), limit).unwrap();
    assert_eq!(due(9), [2, 1].map(id));
    assert_eq!(due(1), [id(2)]);
    assert_eq!(
        store.erase(&[id(2), id(4), id(5)], at(99)).unwrap().len(),
        1
    );
    assert_eq!(reader.closed_before(at(40), 9).unwrap(), [id(1)]);
}
