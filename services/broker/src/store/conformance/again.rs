//! Stories of what goes on: a writer that remembers where a dossier stood, or that keeps rows which
//! nearly fit, must answer as one that reads everything anew.

use super::*;

pub(super) fn every_record_of_a_change_keeps_its_own_values(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let with_values = |first: u64, count: u64, last: Option<Digest>, named: &[u64]| {
        let mut records = records(first, count, last);
        for record in &mut records {
            record.personal = named.contains(&record.sequence).then(|| Beside {
                salt: [record.sequence as u8; 16],
                bytes: format!("who did {}", record.sequence).into_bytes(),
            });
        }
        records
    };
    let mut change = received(1);
    change.records = with_values(1, 3, None, &[2, 3]);
    let mut all = change.records.clone();
    let mut number = 0;
    for (count, named) in [(1, vec![]), (1, vec![5]), (4, vec![6, 8])] {
        let position = commit(&mut *store, &[&change])[0].clone().unwrap();
        number += change.records.len() as u64;
        assert_eq!(position.number, number, "each record has a position");
        let last = all.last().unwrap();
        change = next(&change);
        change.records = with_values(last.sequence + 1, count, Some(last.hash), &named);
        all.extend(change.records.clone());
    }
    commit(&mut *store, &[&change]);
    drop(store);
    let reader = ground.open().reader();
    let loaded = reader.load(&id(1)).unwrap().unwrap();
    assert_eq!(reader.counts().unwrap().records, 9);
    assert_eq!(loaded.row.sequence, 9);
    assert_eq!(loaded.records.len(), 9);
    for (kept, stored) in loaded.records.iter().zip(&all) {
        assert_eq!(
            (kept.sequence, &kept.bytes, &kept.personal),
            (stored.sequence, &stored.bytes, &stored.personal)
        );
    }
}

pub(super) fn what_one_change_tells_is_read_by_pages_too(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let notice = |desk: &str, text: &str| NoticeRow {
        desk: named(desk),
        bytes: text.into(),
    };
    let first = Change {
        notices: vec![
            notice("H26.1", "received"),
            notice("H26.7", "received"),
            notice("H26.1", "begun"),
            notice("H26.1", "begun"),
        ],
        ..received(1)
    };
    let second = Change {
        notices: vec![notice("H26.7", "other"), notice("H26.1", "other")],
        ..received(2)
    };
    commit(&mut *store, &[&first, &second]);
    drop(store);

    let mut store = ground.open();
    let third = Change {
        notices: vec![notice("H26.1", "done")],
        ..next(&first)
    };
    commit(&mut *store, &[&third]);
    let reader = store.reader();
    let told = |desk: &str| {
        let (mut told, mut cursor) = (Vec::new(), Cursor::default());
        while let [one] = &reader.notices(&named(desk), &cursor, 1).unwrap()[..] {
            let before = cursor.number(0);
            cursor.reach(one.position);
            assert!(cursor.number(0) > before, "positions rise");
            told.push((
                one.dossier_id,
                String::from_utf8(one.bytes.clone()).unwrap(),
            ));
        }
        assert_eq!(
            reader
                .notices(&named(desk), &Cursor::default(), 9)
                .unwrap()
                .len(),
            told.len()
        );
        told
    };
    let of = |number, text: &str| (id(number), text.to_owned());
    assert_eq!(
        told("H26.1"),
        [
            of(1, "received"),
            of(1, "begun"),
            of(1, "begun"),
            of(2, "other"),
            of(1, "done")
        ]
    );
    assert_eq!(told("H26.7"), [of(1, "received"), of(2, "other")]);
}

/// Refused after something of it was written: the code in the vault is taken.
pub(super) fn a_refused_change_leaves_its_dossier_as_it_was(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let first = Change {
        deposits: vec![deposit("D1-KQ1", "birth_certificate", "1", None)],
        ..received(1)
    };
    let other = Change {
        owed: vec![handover("H26.2", "kept", 5), timer(40)],
        ..received(2)
    };
    commit(&mut *store, &[&first, &other]);
    let bad = Change {
        owed: vec![handover("H26.2", "never", 1), timer(7)],
        deposits: first.deposits.clone(),
        ..next(&other)
    };
    let new_and_bad = Change {
        deposits: first.deposits.clone(),
        ..received(3)
    };
    let good = Change {
        owed: vec![handover("H26.2", "kept", 5), timer(40)],
        ..next(&other)
    };
    let one_more = Change {
        owed: vec![handover("H26.2", "new", 9)],
        ..next(&good)
    };
    let changes = [
        &next(&first),
        &bad,
        &new_and_bad,
        &good,
        &one_more,
        &received(3),
    ];
    let answers = commit(&mut *store, &changes);
    for (at, is_kept) in [true, false, false, true, true, true]
        .into_iter()
        .enumerate()
    {
        assert_eq!(answers[at].is_ok(), is_kept, "{at}: {:?}", answers[at]);
    }
    let kept = answers.iter().flatten().map(|position| position.number);
    assert_eq!(kept.collect::<Vec<_>>(), [5, 6, 7, 9], "no place is lost");

    let steps = |store: &dyn Store| {
        let owed = store.reader().owed_for(&named("H26.2"), None, 9).unwrap();
        owed.into_iter()
            .map(|owed| owed.row.step.unwrap().to_string())
            .collect::<Vec<_>>()
    };
    assert_eq!(steps(&*store), ["new"]);
    assert_eq!(store.reader().next_timer().unwrap(), None);
    let last = Change {
        owed: vec![handover("H26.2", "last", 9)],
        ..next(&one_more)
    };
    assert!(commit(&mut *store, &[&last])[0].is_ok());
    assert_eq!(steps(&*store), ["last"]);
    assert_eq!(store.reader().counts().unwrap().records, 10);
}

/// Erasing takes debts away behind the back of whoever remembers them.
pub(super) fn what_an_erased_dossier_owed_can_be_owed_anew(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let first = with_documents(1, &[]);
    let owed = vec![handover("H26.2", "residence", 50), timer(60)];
    let mut end = closed(&first, 10);
    end.owed.clone_from(&owed);
    commit(&mut *store, &[&first, &end]);
    assert_eq!(store.erase(&[id(1)], at(99)).unwrap().len(), 1);
    assert_eq!(store.reader().counts().unwrap().owed, 0);
    assert_eq!(store.reader().next_timer().unwrap(), None);

    let mut anew = closed(&end, 10);
    anew.owed = owed;
    assert!(commit(&mut *store, &[&anew])[0].is_ok());
    assert_eq!(store.reader().counts().unwrap().owed, 1);
    assert_eq!(store.reader().next_timer().unwrap(), Some(at(60)));
}

pub(super) fn a_step_is_found_while_it_is_open(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let states = [1, 2, 3, 4, 5, 2, 4, 7, 8];
    let step = |state, agency: &str, round| StepRow {
        step: named("a"),
        agency: named(agency),
        round,
        state,
        due_at: Some(at(i64::from(round))),
    };
    let mut change = received(1);
    for (round, state) in (0..).zip(states) {
        change.steps = vec![step(state, "H26.2", round)];
        assert!(commit(&mut *store, &[&change])[0].is_ok());
        let reader = store.reader();
        let found = reader
            .steps_of(&named("H26.2"), &[1, 2, 3, 4, 5, 6, 7, 8, 9], None, 9)
            .unwrap();
        let rows: Vec<_> = found.into_iter().map(|one| one.row).collect();
        let wanted = change.steps.iter().filter(|row| row.is_open());
        assert_eq!(rows, wanted.cloned().collect::<Vec<_>>());
        change = next(&change);
    }
    // The same step with another agency.
    for agency in ["H26.3", "H26.2"] {
        change.steps = vec![step(4, agency, 99)];
        commit(&mut *store, &[&change]);
        let of = |agency: &str| {
            let reader = store.reader();
            reader
                .steps_of(&named(agency), &[4], None, 9)
                .unwrap()
                .len()
        };
        assert_eq!(of("H26.3") + of("H26.2"), 1);
        assert_eq!(of(agency), 1);
        change = next(&change);
    }
}

pub(super) fn a_timer_rings_at_the_time_that_it_was_set_for_last(ground: &mut dyn Ground) {
    let mut store = ground.open();
    // Later than any clock says, and long past.
    for begin in [1_000_000_000_i64, -1_000_000_000] {
        let mut change = received(begin.unsigned_abs() / 1_000 + u64::from(begin > 0));
        for second in [50, 90, 70, 20, 80] {
            change.owed = vec![timer(begin + second)];
            assert!(commit(&mut *store, &[&change])[0].is_ok());
            let reader = store.reader();
            let rung = |until: i64| {
                let until = at(begin + until);
                let timers = reader.timers_until(until, 9).unwrap();
                let now = timers
                    .iter()
                    .filter(|one| one.dossier_id == change.dossier_id && one.row.due_at <= until);
                now.count()
            };
            assert_eq!((rung(second - 1), rung(second)), (0, 1), "set for {second}");
            let next_timer = reader.next_timer().unwrap();
            assert!(next_timer.is_some_and(|at_first| at_first <= at(begin + second)));
            change = next(&change);
        }
        let anew = Batch {
            timers: vec![change.dossier_id],
            ..Batch::default()
        };
        store.commit(anew).unwrap();
        assert_eq!(store.reader().next_timer().unwrap(), Some(at(begin + 80)));
        change.owed = Vec::new();
        commit(&mut *store, &[&change]);
        assert_eq!(store.reader().next_timer().unwrap(), None);
    }
}
