//! What page one counts as it changes: always what a plain count gives.

use super::*;
use contract::v1::{DossierState, StepState};
use std::collections::BTreeMap;

pub(super) fn page_one_counts_what_was_kept_alone(ground: &mut dyn Ground) {
    let mut store = ground.open();
    let held = |agency: &str, state: StepState| StepRow {
        step: named("card"),
        agency: named(agency),
        round: 1,
        state: state.into(),
        due_at: None,
    };
    let open = |number: u64, agency: &str| Change {
        steps: vec![held(agency, StepState::Held)],
        ..received(number)
    };
    let first = Change {
        deposits: vec![deposit("D1-KQ1", "birth_certificate", "1", None)],
        ..open(1, "H26.2")
    };
    commit(&mut *store, &[&first, &open(2, "H26.2"), &open(3, "H26.2")]);
    // Refused after something of it was written.
    let spoilt = Change {
        deposits: first.deposits.clone(),
        ..open(4, "H26.4")
    };
    let moved = Change {
        steps: vec![held("H26.3", StepState::Held)],
        ..next(&first)
    };
    let mut done = next(&open(2, "H26.2"));
    done.steps = vec![held("H26.2", StepState::Completed)];
    let mut ended = closed(&open(3, "H26.2"), 9);
    ended.steps = vec![held("H26.2", StepState::Completed)];
    let answers = commit(&mut *store, &[&moved, &spoilt, &done, &ended]);
    assert_eq!(answers.iter().filter(|one| one.is_ok()).count(), 3);

    let reader = store.reader();
    let flows = reader.flows().unwrap();
    let flows: Vec<_> = flows
        .iter()
        .map(|flow| (flow.agency.as_str(), flow.open))
        .collect();
    assert_eq!(flows, [("H26.3", 1)]);
    assert_eq!(reader.open_counts().unwrap().open, 2);
}

/// Whatever happened before: what is counted as it changes is what a plain count gives.
pub(crate) fn what_is_counted_is_there(reader: &dyn Reader) {
    let (mut flows, mut counts) = (BTreeMap::new(), OpenCounts::default());
    let mut before = None;
    loop {
        let page = reader.dossiers(None, false, before, PAGE_ROWS_MAX).unwrap();
        let Some(last) = page.last() else { break };
        before = Some(last.number);
        for row in &page {
            let summary = &row.summary;
            if summary.closed_at.is_none() {
                let waiting = i32::from(DossierState::WaitingForCitizen);
                counts.open += 1;
                counts.waiting_for_citizen += u64::from(summary.state == waiting);
            }
            for step in row.steps.iter().filter(|step| step.is_open()) {
                let from = (summary.desk.clone(), summary.procedure.clone());
                let flow = (from, step.step.clone(), step.agency.clone());
                *flows.entry(flow).or_insert(0) += 1;
            }
        }
    }
    let told = reader.flows().unwrap().into_iter();
    let told = told.map(|one| (((one.desk, one.procedure), one.step, one.agency), one.open));
    assert_eq!(told.collect::<BTreeMap<_, _>>(), flows);
    let told = reader.open_counts().unwrap();
    assert_eq!(
        (told.open, told.waiting_for_citizen),
        (counts.open, counts.waiting_for_citizen)
    );
}
