//! Stories of what operators look at: found by whatever is searched for, counted, and never taken away.

use super::*;
use contract::v1::{DossierState, StepState};
use jiff::{ToSpan as _, civil::date};

const DESKS: [&str; 2] = ["H26.1", "H26.7"];
const AGENCIES: [&str; 3] = ["H26.2", "H26.3", "H26.4"];
const STEPS: [&str; 2] = ["residence", "card"];

fn of_dossier(cause: &str, number: u64, second: i64) -> IncidentChange {
    let IncidentChange::Happened { key, vi, en, at } = happened(cause, None, second) else {
        unreachable!("it happened");
    };
    let key = IncidentKey {
        dossier_id: Some(id(number)),
        step: Some(named("residence")),
        ..key
    };
    IncidentChange::Happened { key, vi, en, at }
}

/// A dossier that differs from its neighbours in everything that is searched by.
fn varied(number: u64) -> Change {
    let pick = |all: &[&str], by: u64| all[usize::try_from(by).unwrap() % all.len()].to_owned();
    let mut change = received(number);
    let closed = number.is_multiple_of(3);
    let states = [
        DossierState::InProcess,
        DossierState::WaitingForCitizen,
        DossierState::Filed,
    ];
    let state = match (closed, number % 7) {
        (true, 0) => DossierState::Withdrawn,
        (true, _) => DossierState::Closed,
        (false, by) => states[usize::try_from(by).unwrap() % 3],
    };
    change.summary.desk = named(&pick(&DESKS, number));
    change.summary.hand_out_desk = change.summary.desk.clone();
    change.summary.procedure = named(&pick(&["birth", "death"], number / 2));
    change.summary.territory = named(&pick(&["P", "Q"], number / 4));
    change.summary.state = state.into();
    change.summary.received_at = at(i64::try_from(number).unwrap() * 60);
    change.summary.closed_at = closed.then(|| at(100_000));
    change.steps = STEPS
        .iter()
        .enumerate()
        .map(|(n, step)| StepRow {
            step: named(step),
            agency: named(&pick(&AGENCIES, number + n as u64)),
            round: 1,
            state: match closed {
                true => StepState::Completed.into(),
                false if number.is_multiple_of(5) => StepState::Waiting.into(),
                false => StepState::Held.into(),
            },
            due_at: Some(at(50)),
        })
        .collect();
    change.incidents = match number % 11 {
        0 => vec![of_dossier("LIMIT_PASSED", number, 60)],
        1 => vec![of_dossier("HANDOVER_REFUSED", number, 60)],
        _ => vec![],
    };
    change
}

fn all(reader: &dyn Reader, search: &Search, limit: usize) -> Vec<u64> {
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let page = reader.search(search, before, limit).unwrap();
        found.extend(page.found.iter().map(|found| found.row.number));
        match page.next {
            Some(next) => before = Some(next),
            None => return found,
        }
    }
}

pub(super) fn what_is_searched_for_is_found_whatever_narrows_it(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let changes: Vec<Change> = (1..=150).map(varied).collect();
    for results in changes.chunks(50) {
        for result in commit(&mut *store, &results.iter().collect::<Vec<_>>()) {
            result.unwrap();
        }
    }
    let (quarantined, why) = (id(7), Some("its records cannot be read".to_owned()));
    store
        .commit(Batch {
            quarantines: vec![Quarantine {
                dossier_id: quarantined,
                why,
            }],
            ..Batch::default()
        })
        .unwrap();
    let reader = store.reader();
    let rows = reader.dossiers(None, false, None, PAGE_ROWS_MAX).unwrap();
    let incident = |number: u64, causes: &[&str]| {
        let cause = match number % 11 {
            0 => "LIMIT_PASSED",
            1 => "HANDOVER_REFUSED",
            _ => return false,
        };
        causes.is_empty() || causes.contains(&cause)
    };
    let mut searches = Vec::new();
    for desk in [None, Some("H26.1"), Some("H26.9")] {
        for agency in [None, Some("H26.3")] {
            for step in [None, Some("card")] {
                for procedure in [None, Some("death")] {
                    for territory in [None, Some("Q")] {
                        searches.push(Search {
                            desk: desk.map(named),
                            agency: agency.map(named),
                            step: step.map(named),
                            procedure: procedure.map(named),
                            territory: territory.map(named),
                            ..Search::default()
                        });
                    }
                }
            }
        }
    }
    let states = [
        DossierState::Closed,
        DossierState::Withdrawn,
        DossierState::WaitingForCitizen,
        DossierState::Quarantined,
    ];
    let base = searches.clone();
    for search in &base {
        searches.push(Search {
            open: true,
            ..search.clone()
        });
        searches.push(Search {
            stuck: true,
            ..search.clone()
        });
        searches.push(Search {
            overdue: true,
            ..search.clone()
        });
        searches.push(Search {
            received_from: Some(at(1_800)),
            received_until: Some(at(6_000)),
            ..search.clone()
        });
        searches.extend(states.map(|state| Search {
            state: Some(state.into()),
            ..search.clone()
        }));
    }
    for search in &searches {
        let wanted: Vec<u64> = rows
            .iter()
            .filter(|row| search.wants(row))
            .filter(|row| !search.stuck || incident(row.number, &[]))
            .filter(|row| !search.overdue || incident(row.number, &["LIMIT_PASSED"]))
            .map(|row| row.number)
            .collect();
        assert_eq!(all(reader.as_ref(), search, 7), wanted, "{search:?}");
    }
    assert!(searches.len() > 300);
    let one = reader.found(&id(11)).unwrap().unwrap();
    assert_eq!((one.row.number, one.incidents_open), (11, 1));
    assert_eq!(reader.found(&id(1_000)).unwrap(), None);
}

pub(super) fn what_is_owed_is_as_old_as_the_debt_however_its_due_date_moves(
    ground: &mut dyn Ground,
) {
    let mut store = ground.open();
    let mut owes = |change: &Change, owed: OwedRow| {
        let change = Change {
            owed: vec![owed],
            ..change.clone()
        };
        assert!(commit(&mut *store, &[&change])[0].is_ok());
        let load = store.reader().loads().unwrap().remove(0);
        (load.owed_since.unwrap(), load.first_due_at.unwrap())
    };
    // The store knows whole microseconds.
    let tick = |at: Timestamp| while Timestamp::now().as_microsecond() <= at.as_microsecond() {};
    let begun = Timestamp::now();
    tick(begun);
    let first = received(1);
    let (since, due_at) = owes(&first, handover("H26.2", "card", 100));
    assert!(begun < since && since <= Timestamp::now(), "{since}");
    assert_eq!(due_at, at(100));

    tick(since);
    let second = next(&first);
    assert_eq!(
        owes(&second, handover("H26.2", "card", 50)),
        (since, at(50))
    );
    let third = next(&second);
    assert_eq!(
        owes(&third, handover("H26.2", "card", 900)),
        (since, at(900))
    );
    let another_round = OwedRow {
        round: 2,
        ..handover("H26.2", "card", 900)
    };
    assert!(owes(&next(&third), another_round).0 > since);
}

pub(super) fn what_changed_is_told_once_from_a_position_on(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let (first, second) = (received(1), received(2));
    commit(&mut *store, &[&first, &second]);
    commit(&mut *store, &[&next(&first)]);
    let reader = store.reader();
    let told = |position, limit| {
        let (found, until) = reader.changed_after(position, limit).unwrap();
        let numbers: Vec<u64> = found.iter().map(|found| found.row.number).collect();
        (numbers, until)
    };
    assert_eq!(told(0, 10), (vec![1, 2], 5));
    assert_eq!(told(4, 10), (vec![1], 5));
    assert_eq!(told(5, 10), (vec![], 5));
    assert_eq!(told(0, 1).0, vec![1], "no more than were asked for");
}

pub(super) fn a_person_is_found_until_the_dossier_is_erased(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let (mother, father) = (PersonKey([1; 16]), PersonKey([2; 16]));
    let with = |number, persons: &[PersonKey]| Change {
        persons: persons.to_vec(),
        ..received(number)
    };
    let (first, second) = (with(1, &[mother, father]), with(2, &[mother]));
    commit(&mut *store, &[&first, &second]);
    let of = |store: &dyn Store, key: &PersonKey, before, limit| -> Vec<u64> {
        let found = store.reader().of_person(key, before, limit).unwrap();
        found.iter().map(|found| found.row.number).collect()
    };
    assert_eq!(of(&*store, &mother, None, 9), [2, 1]);
    assert_eq!(of(&*store, &mother, None, 1), [2]);
    assert_eq!(of(&*store, &mother, Some(2), 9), [1]);
    assert_eq!(of(&*store, &father, None, 9), [1]);
    assert!(of(&*store, &PersonKey([3; 16]), None, 9).is_empty());
    let over = closed(&first, 10);
    commit(&mut *store, &[&over]);
    store.erase(&[id(1)], at(20)).unwrap();
    assert_eq!(of(&*store, &mother, None, 9), [2]);
    assert!(of(&*store, &father, None, 9).is_empty());
}

pub(super) fn what_happens_is_counted_by_day_and_with_what_it_is_of(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let key = |name, agency: &str, day, bucket| TallyKey {
        day: date(2026, 9, day),
        name,
        agency: named(agency),
        bucket,
    };
    let mut change = received(1);
    change.tallies = vec![
        key("received", "H26.1", 1, 0),
        key("waiting", "H26.1", 1, 2),
    ];
    let mut other = received(2);
    other.tallies = vec![
        key("received", "H26.1", 1, 0),
        key("received", "H26.1", 2, 0),
        key("received", "H26.7", 2, 0),
    ];
    // A change that is refused counts nothing.
    let mut refused = received(3);
    refused.summary.code = change.summary.code.clone();
    refused.tallies = vec![key("received", "H26.1", 1, 0)];
    let results = commit(&mut *store, &[&change, &other, &refused]);
    assert!(results[2].is_err());
    let sums = |from, until| -> Vec<(String, String, u8, u64)> {
        let from = date(2026, 9, from);
        let tallies = store.reader().tallies(from, date(2026, 9, until)).unwrap();
        let row = |one: Tally| (one.name, one.agency.to_string(), one.bucket, one.count);
        tallies.into_iter().map(row).collect()
    };
    let row = |name: &str, agency: &str, bucket, count| (name.into(), agency.into(), bucket, count);
    assert_eq!(
        sums(1, 3),
        [
            row("received", "H26.1", 0, 3),
            row("received", "H26.7", 0, 1),
            row("waiting", "H26.1", 2, 1)
        ]
    );
    assert_eq!(sums(1, 2)[0], row("received", "H26.1", 0, 2));
    assert!(sums(3, 9).is_empty());
    let denied = |day| Denied {
        agency: named("H26.2"),
        day: date(2026, 9, day),
    };
    let mut asks = next(&change);
    asks.denials = vec![denied(4), denied(4), denied(5)];
    commit(&mut *store, &[&asks]);
    let reader = store.reader();
    let day = date(2026, 9, 4);
    let of_day = reader.denied(day, day + 1.day()).unwrap();
    assert_eq!(of_day, [(named("H26.2"), 2)]);
}

pub(super) fn a_time_is_summed_as_its_days_are(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let begin = date(2025, 12, 27);
    let days: Vec<_> = (0..800).map(|n| begin + n.days()).collect();
    let key = |name, day, bucket| TallyKey {
        day,
        name,
        agency: named("H26.1"),
        bucket,
    };
    // Every day counts, and is told from the one before.
    let kept = |number: usize| number % 7 + 1;
    let mut change = received(1);
    change.tallies = days
        .iter()
        .enumerate()
        .flat_map(|(number, day)| vec![key("received", *day, 0); kept(number)])
        .chain([key("waiting", date(2026, 2, 28), 3)])
        .collect();
    commit(&mut *store, &[&change]);
    let ends = [
        0, 1, 4, 5, 6, 34, 35, 36, 63, 64, 65, 66, 369, 370, 371, 799,
    ];
    for (at, from) in ends.iter().enumerate() {
        for until in &ends[at..] {
            let (first, last) = (days[*from], days[*until]);
            let tallies = store.reader().tallies(first, last).unwrap();
            let received = tallies.iter().find(|one| one.name == "received");
            let sum: usize = (*from..*until).map(kept).sum();
            let told = received.map_or(0, |one| one.count);
            assert_eq!(told, sum as u64, "from {first} until {last}");
        }
    }
}

pub(super) fn an_act_stands_in_the_audit_for_ever_and_in_its_chain(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let act = |operator: &str, call: &str, dossier: Option<u64>, second| Audit {
        at: at(second),
        operator: operator.into(),
        via: (second == 2).then(|| "console".into()),
        call: call.into(),
        dossier_id: dossier.map(id),
        subject: "residence".into(),
        reason: "vì sao".into(),
        before: "held by H26.2".into(),
        after: "due to H26.3".into(),
    };
    let mut change = received(1);
    change.audits = vec![act("duty", "MoveStep", Some(1), 1)];
    commit(&mut *store, &[&change]);
    let apart = [
        act("duty", "FindPerson", None, 2),
        act("night", "RetryNow", None, 3),
    ];
    store
        .commit(Batch {
            audits: apart.to_vec(),
            ..Batch::default()
        })
        .unwrap();
    drop(store);
    let reader = ground.open().reader();
    let listed = |filter: AuditFilter, before, limit| {
        let found = reader.audits(&filter, before, limit).unwrap();
        found.iter().map(|one| one.number).collect::<Vec<_>>()
    };
    let of = |operator: &str| AuditFilter {
        operator: Some(operator.into()),
        ..AuditFilter::default()
    };
    assert_eq!(listed(AuditFilter::default(), None, 9), [3, 2, 1]);
    assert_eq!(listed(AuditFilter::default(), Some(3), 1), [2]);
    assert_eq!(listed(of("duty"), None, 9), [2, 1]);
    let of_dossier = AuditFilter {
        dossier_id: Some(id(1)),
        ..AuditFilter::default()
    };
    assert_eq!(listed(of_dossier.clone(), None, 9), [1]);
    let both = AuditFilter {
        operator: Some("night".into()),
        ..of_dossier
    };
    assert!(listed(both, None, 9).is_empty());
    let mut previous = Audit::HASH_BEFORE_FIRST;
    let mut all = reader.audits(&AuditFilter::default(), None, 9).unwrap();
    all.reverse();
    assert_eq!(all[0].code, Some(named("H26.1-260901-0001")));
    assert_eq!(all[1].audit, apart[0]);
    for one in &all {
        assert_eq!(one.hash, one.audit.hash(one.number, &previous));
        previous = one.hash;
    }
}

pub(super) fn what_is_suspended_stays_so_until_it_is_resumed(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let suspend = |what: Suspended, operator: &str, second| {
        SuspensionChange::Suspend(Suspension {
            what,
            since: at(second),
            operator: operator.into(),
            reason: "chuyển trụ sở".into(),
        })
    };
    let department = Suspended::Department(named("H26.2"));
    let procedure = Suspended::Procedure(named("birth"));
    let mut change = |suspensions| {
        let batch = Batch {
            suspensions,
            ..Batch::default()
        };
        store.commit(batch).unwrap();
        store.reader().suspensions().unwrap()
    };
    let now = change(vec![
        suspend(procedure.clone(), "duty", 1),
        suspend(department.clone(), "duty", 2),
        suspend(department.clone(), "night", 3),
    ]);
    let whats: Vec<_> = now.iter().map(|one| one.what.clone()).collect();
    assert_eq!(whats, [department.clone(), procedure.clone()]);
    assert_eq!((now[0].operator.as_str(), now[0].since), ("duty", at(2)));
    let now = change(vec![
        SuspensionChange::Resume(department.clone()),
        SuspensionChange::Resume(department),
    ]);
    assert_eq!(now.len(), 1);
    drop(store);
    assert_eq!(ground.open().reader().suspensions().unwrap(), now);
}

pub(super) fn page_one_counts_what_is_open(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let changes: Vec<Change> = (1..=33).map(varied).collect();
    commit(&mut *store, &changes.iter().collect::<Vec<_>>());
    let mut owes = next(&changes[0]);
    owes.owed = vec![
        handover("H26.2", "residence", 30),
        handover("H26.2", "card", 10),
    ];
    commit(&mut *store, &[&owes]);
    store
        .commit(Batch {
            attempts: vec![AttemptChange {
                dossier_id: id(1),
                step: named("card"),
                round: 1,
                attempts: 3,
                next_at: at(90),
                last_error: "BUSY".into(),
            }],
            ..Batch::default()
        })
        .unwrap();
    let reader = store.reader();
    let is_open = |change: &&Change| change.summary.closed_at.is_none();
    let open: Vec<&Change> = changes.iter().filter(is_open).collect();

    let counts = reader.open_counts().unwrap();
    let waiting = i32::from(DossierState::WaitingForCitizen);
    let wait = open.iter().filter(|one| one.summary.state == waiting);
    assert_eq!(counts.open, open.len() as u64);
    assert_eq!(counts.overdue, 3);
    assert_eq!(counts.waiting_for_citizen, wait.count() as u64);

    let flows = reader.flows().unwrap();
    let steps = open.iter().flat_map(|one| &one.steps);
    let steps_open = steps.filter(|step| step.is_open()).count() as u64;
    assert_eq!(flows.iter().map(|flow| flow.open).sum::<u64>(), steps_open);
    assert!(flows.is_sorted());
    let late = open.iter().filter(|one| {
        let has = |step: &&StepRow| step.step.as_str() == "residence" && step.is_open();
        one.incidents.iter().any(|one| {
            matches!(one, IncidentChange::Happened { key, .. } if key.cause == "LIMIT_PASSED")
        }) && one.steps.iter().any(|step| has(&step))
    });
    let overdue: u64 = flows.iter().map(|flow| flow.overdue).sum();
    assert!(overdue > 0);
    assert_eq!(overdue, late.count() as u64);

    let loads = reader.loads().unwrap();
    let load = loads.iter().find(|one| one.agency.as_str() == "H26.2");
    let load = load.unwrap();
    assert_eq!((load.owed, load.first_due_at), (2, Some(at(10))));
    let all: u64 = loads.iter().map(|one| one.open_steps).sum();
    assert_eq!(all, steps_open);

    let by_procedure = reader.open_by_procedure().unwrap();
    let sum: u64 = by_procedure.iter().map(|(_, count)| count).sum();
    assert_eq!((by_procedure.len(), sum), (2, open.len() as u64));

    let causes = reader.causes_open().unwrap();
    let counted = |cause: &str| causes.iter().find(|one| one.cause == cause).unwrap().count;
    assert_eq!(counted("LIMIT_PASSED"), 3);
    assert_eq!(counted("HANDOVER_REFUSED"), 3);
    let of_cause = |cause| reader.incidents(false, Some(cause), None, 9).unwrap().len();
    assert_eq!((of_cause("LIMIT_PASSED"), of_cause("NOTHING")), (3, 0));
    let incidents = reader.incidents_of(&id(11), 9).unwrap();
    assert_eq!(incidents.len(), 1);
    let number = incidents[0].number;
    assert_eq!(reader.incident(number).unwrap(), Some(incidents[0].clone()));
    assert_eq!(reader.incident(10_000).unwrap(), None);

    let attempts = reader.attempts_of(&id(1)).unwrap();
    assert_eq!(attempts.len(), 1);
    assert_eq!(attempts[0].step.as_str(), "card");
    assert_eq!(attempts[0].attempt.last_error, "BUSY");
}
