//! A part of a process that falls to a bug of ours: the process does not go on without it.

use super::{
    Citizens, EVERYTHING, Faults, USUAL, Witness, mute::a_report_stream_opens, province::Province,
    rest,
};
use crate::town::{disk::left_out, ground::BROKER, patience::until};
use std::{fs, sync::Mutex};

const OFFICE: &str = "tax";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_department_whose_reporter_falls_ends_and_reports_when_it_is_started_again() {
    if !broker::HAS_FAULTS {
        return left_out(
            "a reporter that falls",
            "built without the feature `faults`",
        );
    }
    let mut province = Province::found("").await;
    for name in [BROKER, OFFICE] {
        province.member(name).start(false);
    }
    a_report_stream_opens(&mut province, OFFICE, 1).await;
    fs::write(province.path("faults/the reporter falls"), "").unwrap();
    province.member(BROKER).kill();

    let office = Mutex::new(province.member(OFFICE));
    let ended = async || office.lock().unwrap().fallen();
    let how = until("the department to end", ended).await;
    assert!(how.contains("Ended(\"the reporter\")"), "{how}");
    for name in [BROKER, OFFICE] {
        province.member(name).start(false);
    }
    a_report_stream_opens(&mut province, OFFICE, 2).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_courier_takes_the_place_of_one_that_falls() {
    if !broker::HAS_FAULTS {
        return left_out("a courier that falls", "built without the feature `faults`");
    }
    let mut province = Province::found("").await;
    let (mut citizens, mut witness, mut faults) = (
        Citizens::new(&province),
        Witness::default(),
        Faults::new(EVERYTHING),
    );
    fs::write(province.path("faults/a courier falls"), "").unwrap();
    province.start_all();
    citizens.bring(0);
    let wrong = rest(
        &mut province,
        &mut citizens,
        &mut witness,
        &mut faults,
        USUAL.patience,
    )
    .await;
    assert!(wrong.is_empty(), "{wrong:?}");
    assert!(faults.complaints.is_empty(), "{:?}", faults.complaints);
    assert!(province.member(BROKER).said("a courier has fallen"));
}
