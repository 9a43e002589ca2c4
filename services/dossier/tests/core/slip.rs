//! The control slip reads as the passages went.

use crate::{stories::chain, world::*};
use dossier::{
    Procedure,
    slip::{Keeper, Row, Timeliness, custody, slip},
};
use jiff::SignedDuration;
use std::sync::Arc;

/// From, to, task and outcome of each row.
fn read(case: &Case) -> Vec<String> {
    let line = |row: &Row| {
        format!(
            "{} → {}: {} {} {}, {}",
            row.from, row.to, row.task, row.step, row.round, row.outcome
        )
    };
    slip(&case.entries).iter().map(line).collect()
}

#[test]
fn each_passage_has_one_row_from_the_desk_onwards() {
    let mut case = Case::birth();
    for step in ["register_birth", "register_residence", "issue_health_card"] {
        case.holds(step);
        case.says(step, completed("first"));
    }
    assert_eq!(
        read(&case),
        [
            "H26.101.1 → H26.101.3: work register_birth 1, completed",
            "H26.101.3 → H26.5: work issue_health_card 1, completed",
            "H26.101.3 → H26.101.4: work register_residence 1, completed",
        ]
    );
}

#[test]
fn a_peer_return_goes_from_the_asker_to_the_giver_and_back() {
    let mut case = Case::birth();
    case.holds("register_birth");
    case.says("register_birth", completed("first"));
    case.holds("register_residence");
    case.says("register_residence", completed("first"));
    case.holds("issue_health_card");
    case.says("issue_health_card", returned("birth_certificate"));
    case.holds("register_birth");
    case.says("register_birth", corrected("birth_certificate", "second"));
    case.holds("register_residence");
    case.says("register_residence", Says::Stands);
    case.holds("issue_health_card");
    case.says("issue_health_card", completed("first"));
    assert_eq!(
        read(&case)[1..],
        [
            "H26.101.3 → H26.5: work issue_health_card 1, returned",
            "H26.101.3 → H26.101.4: work register_residence 1, completed",
            "H26.5 → H26.101.3: answer register_birth 2, corrected",
            "H26.101.3 → H26.5: work issue_health_card 2, completed",
            "H26.101.3 → H26.101.4: review register_residence 2, stands",
        ]
    );
}

#[test]
fn a_moved_step_passes_from_the_old_department_and_the_desk_recalls_it() {
    let mut case = Case::birth_registered();
    case.moves("register_residence", OTHER_POLICE).unwrap();
    case.puts_down("register_residence", 2);
    let rows = read(&case);
    assert_eq!(
        rows[rows.len() - 3..],
        [
            "H26.101.3 → H26.101.4: work register_residence 1, recalled",
            "H26.101.1 → H26.101.4: recall register_residence 2, put down",
            "H26.101.4 → H26.102.4: work register_residence 3, ",
        ]
    );
}

#[test]
fn a_transfer_slip_of_which_nobody_took_note_is_recalled_when_everything_is_done() {
    let text = BIRTH.replace("returns_max = 3", "returns_max = 3\ntransfer_slip = true");
    let procedure = Arc::new(Procedure::parse("birth.toml", &text).unwrap());
    let law = Law {
        procedure,
        ..Law::birth()
    };
    let mut case = Case::receive(law, birth_submission());
    case.puts_down("slip_2", 1);
    // As after a restore: the reports are there before the slip was told again.
    for step in ["register_birth", "register_residence", "issue_health_card"] {
        case.holds(step);
        case.says(step, completed("first"));
    }
    let recalled_at = case.now;
    case.now += SignedDuration::from_mins(1);
    case.puts_down("slip_1", 2);
    assert!(case.dossier.closed_at.is_some());
    let rows = slip(&case.entries);
    let of_slips = |row: &&Row| row.step.as_str().starts_with("slip_");
    let told: Vec<_> = rows.iter().filter(of_slips).collect();
    let words = told.iter().map(|row| (row.task, row.outcome, row.round));
    assert_eq!(
        words.collect::<Vec<_>>(),
        [
            ("inform", "recalled", 1),
            ("inform", "taken note", 1),
            ("recall", "put down", 2),
        ]
    );
    assert_eq!(told[2].handed_at, recalled_at);
}

#[test]
fn a_judgement_does_not_close_a_passage_that_still_owes_its_answer() {
    let mut case = chain();
    for step in ["first", "second"] {
        case.holds(step);
        case.says(step, completed("one"));
    }
    case.holds("third");
    case.says("third", returned("b"));
    case.says("first", corrected("a", "two"));
    case.holds("second");
    case.says("second", Says::Stands);
    let row = |case: &Case| {
        slip(&case.entries)
            .into_iter()
            .rfind(|row| row.step.as_str() == "second")
            .unwrap()
    };
    assert_eq!((row(&case).task, row(&case).answered_at), ("answer", None));
    case.says("second", upheld("b"));
    assert_eq!(
        (row(&case).outcome, row(&case).answered_at),
        ("upheld", Some(case.now))
    );
}

#[test]
fn a_redo_is_answered_by_its_outcome() {
    let mut case = Case::birth_registered();
    case.says("register_residence", completed("first"));
    case.says("register_birth", corrected("birth_certificate", "second"));
    case.holds("register_residence");
    case.says("register_residence", Says::Redo);
    let row = |case: &Case| {
        slip(&case.entries)
            .into_iter()
            .rfind(|row| row.step.as_str() == "register_residence")
            .unwrap()
    };
    assert_eq!(row(&case).answered_at, None);
    case.says("register_residence", completed("second"));
    assert_eq!(
        (row(&case).task, row(&case).outcome),
        ("review", "completed")
    );
}

#[test]
fn a_row_says_when_it_was_given_received_and_answered_and_by_whom() {
    let mut case = Case::birth();
    let handed_at = case.now;
    case.now += SignedDuration::from_mins(9);
    case.holds("register_birth");
    let received_at = case.now;
    let mut report = case.report("register_birth", completed("first"));
    report.officer.name = "Cán bộ".into();
    case.sends(report).unwrap();

    let row = &slip(&case.entries)[0];
    assert_eq!(
        (row.handed_at, row.received_at),
        (handed_at, Some(received_at))
    );
    assert_eq!(
        (row.answered_at, row.officer.name.as_str()),
        (Some(case.now), "Cán bộ")
    );
    assert_eq!(
        row.timeliness,
        Some(Timeliness::Early),
        "it is due tomorrow"
    );
}

#[test]
fn a_row_says_whether_it_was_early_on_time_or_overdue() {
    let mut case = Case::birth();
    case.holds("register_birth");
    case.now = at("2026-10-02T07:40");
    case.says("register_birth", completed("on its day, within the limit"));
    case.holds("issue_health_card");
    case.says("issue_health_card", completed("before its day"));
    case.holds("register_residence");
    case.now = at("2026-10-12T09:00");
    case.says("register_residence", completed("after its limit"));

    let rows = slip(&case.entries);
    let timeliness: Vec<_> = rows.iter().map(|row| row.timeliness.unwrap()).collect();
    assert_eq!(
        timeliness,
        [Timeliness::OnTime, Timeliness::Early, Timeliness::Overdue]
    );
}

#[test]
fn custody_tells_transport_from_holding_and_from_waiting_for_a_person() {
    let mut case = Case::birth();
    case.holds("register_birth");
    case.says("register_birth", completed("first"));
    case.is_offered("register_residence");
    case.holds("register_residence");
    case.says("register_residence", Says::Declined);
    case.moves("register_residence", OTHER_POLICE).unwrap();
    case.holds("register_residence");
    case.says("register_residence", completed("first"));

    let spans = custody(&case.entries, &step("register_residence"));
    let minutes: Vec<_> = spans
        .iter()
        .map(|span| (span.keeper, span.length(case.now).as_mins()))
        .collect();
    assert_eq!(
        minutes,
        [
            (Keeper::Transport, 2),
            (Keeper::Held, 1),
            (Keeper::Paused, 1),
            (Keeper::Transport, 1),
            (Keeper::Held, 1),
        ]
    );
}
