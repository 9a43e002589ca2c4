//! The fourteen invariants of the domain, each attacked on purpose: what would break it is refused with
//! its reason, and the dossier stays as it was.
//!
//! What of them lies in the broker is attacked there: that a code is given once (1) by
//! `a_leased_code_is_its_desks_alone` of the ledger, that a changed chain of records is found (9) by
//! `a_changed_chain_names_its_first_bad_record` of the records, that a crash loses nothing (10) by
//! `what_was_committed_is_there_after_a_crash` of the store and the town's `crash`, and that a system
//! speaks only for its own agencies (11) by
//! `a_system_speaks_only_for_the_agencies_that_the_directory_gives_it` of the town's `identity`.

use crate::{made_up::*, stories_of_rules::*, world::*};
use dossier::{
    Dossier, Entry, Event, Procedure, Refusal,
    alarm::Alarm,
    decide::{Act, Action, Decided, Statement},
    directory::Directory,
    dossier::{Stage, Unreplayable},
    event::{LookUpOutcome, PauseWhy},
    name::StepId,
    national::NationalStatus,
    party::Officer,
    procedure::Procedures,
    standing::{
        Delivery, Finance, Sync, attribution, delivery, finance, national, national_history, sync,
    },
    supplement::Denial,
};
use std::sync::Arc;

/// What was tried is refused, and changed nothing.
#[track_caller]
fn refused(case: &mut Case, tries: impl FnOnce(&mut Case) -> Result<Decided, Refusal>) -> Refusal {
    let before = (case.dossier.clone(), case.entries.len());
    let refusal = tries(case).expect_err("it was accepted");
    assert_eq!((case.dossier.clone(), case.entries.len()), before);
    refusal
}

/// The act is refused, and changed nothing.
#[track_caller]
fn refused_act(case: &mut Case, act: Act) -> Refusal {
    refused(case, |case| case.acts(act))
}

/// The field that is wrong.
#[track_caller]
fn field(refusal: &Refusal) -> &str {
    let Refusal::Fields(faults) = refusal else {
        panic!("{refusal}");
    };
    &faults[0].field
}

/// Where what was asked for is.
#[track_caller]
fn denial<'a>(refusal: &'a Refusal, name: &str) -> &'a Denial {
    let Refusal::SupplementDenied { denials, .. } = refusal else {
        panic!("{refusal}");
    };
    &denials[&evidence(name)]
}

/// The small birth procedure with one text in place of another.
pub fn birth_with(from: &str, to: &str) -> String {
    assert!(BIRTH.contains(from), "{from}");
    BIRTH.replacen(from, to, 1)
}

/// A birth by this text of the procedure, whose certificate exists and whose residence is held.
pub fn birth_in_residence(text: &str) -> Case {
    let procedure = Arc::new(Procedure::parse("birth.toml", text).unwrap());
    let mut case = Case::receive(Law::of(procedure, directory()), birth_submission());
    case.holds("register_birth");
    case.says("register_birth", completed("first"));
    case.holds("register_residence");
    case
}

/// The card exists and waits at the desk.
fn card_at_the_desk() -> Case {
    let mut case = card_in_appraisal();
    case.says("appraise", completed("first"));
    case.pays("bill-bill", bill_vnd("first"));
    case.holds("issue");
    case.says("issue", completed("first"));
    case
}

fn accept() -> Act {
    Act::Accept {
        received_at: None,
        officer: Officer::default(),
    }
}

fn status(case: &Case) -> NationalStatus {
    national(&case.dossier, &case.procedure)
}

#[test]
fn invariant_1_a_dossier_that_was_received_takes_no_second_code() {
    let mut case = Case::birth_registered();
    let code = case.dossier.code().clone();
    let mut received = (*case.dossier.received).clone();
    received.code = "H26.101-261001-0002".parse().unwrap();
    let again = Entry {
        sequence: case.dossier.sequence + 1,
        at: case.now,
        cause: None,
        event: Event::Received(Box::new(received)),
    };
    let mut other = case.dossier.clone();
    assert!(other.apply(&again).is_err());
    assert_eq!(*other.code(), code);

    case.says("register_birth", corrected("birth_certificate", "second"));
    case.moves("register_residence", "H26.6").unwrap();
    assert_eq!(*case.dossier.code(), code, "forwarding gives no new one");
}

#[test]
fn invariant_2_no_department_hands_out_a_result_or_confirms_for_the_citizen() {
    let mut case = card_at_the_desk();
    let mut report = case.report("deliver", completed("given to them directly"));
    for agency in ["H26.12", DESK] {
        report.agency = agency.parse().unwrap();
        let report = report.clone();
        assert_eq!(
            refused(&mut case, |case| case.sends(report)),
            Refusal::NotYours
        );
    }
    assert!(!case.is_closed());

    let mut case = card_in_appraisal();
    case.says("appraise", completed("first"));
    let report = case.report("pay", completed("paid to us directly"));
    assert_eq!(
        refused(&mut case, |case| case.sends(report)),
        Refusal::NotYours
    );
}

#[test]
fn invariant_3_the_citizen_is_asked_for_nothing_that_is_not_listed_or_that_somebody_has() {
    let mut case = card_in_appraisal();
    let asked = ["no_such_paper", "consent", "bill", "record", "paper"];
    let refusal = case.refusal("appraise", Says::Supplement(asked.map(item).into()));
    assert_eq!(denial(&refusal, "no_such_paper"), &Denial::NotInProcedure);
    assert_eq!(denial(&refusal, "consent"), &Denial::NotInProcedure);
    assert_eq!(
        denial(&refusal, "bill"),
        &Denial::ComesFromStep(step("appraise"))
    );
    assert_eq!(
        denial(&refusal, "record"),
        &Denial::InDossier(agency(REGISTRY))
    );
    assert_eq!(denial(&refusal, "paper"), &Denial::InDossier(agency(DESK)));

    let mut plan = card_plan();
    plan.manner.is_filed = true;
    let mut case = begin(&plan);
    let refusal = refused_act(&mut case, request(vec![item("record")]));
    assert_eq!(
        denial(&refusal, "record"),
        &Denial::LookUpOpen(agency(REGISTRY))
    );
    case.vault = vec![finding("record", "as the vault has it")];
    let refusal = refused_act(&mut case, request(vec![item("record")]));
    assert!(matches!(denial(&refusal, "record"), Denial::InVault(_)));
}

#[test]
fn invariant_4_the_citizen_is_asked_once_at_each_stage_in_time_and_with_a_basis() {
    let mut plan = card_plan();
    plan.manner.is_filed = true;
    let mut case = begin(&plan);
    let mut baseless = item("paper");
    baseless.legal_basis = " ".into();
    let refusal = refused_act(&mut case, request(vec![baseless]));
    assert_eq!(field(&refusal), "items[0].legal_basis");
    case.acts(request(vec![item("paper")])).unwrap();
    for answered in [false, true] {
        if answered {
            case.answers(1);
        }
        let refusal = refused_act(&mut case, request(vec![approved("paper")]));
        assert!(
            matches!(refusal, Refusal::SupplementTwice { .. }),
            "{refusal}"
        );
    }

    let within = "supplement_window = \"7 working days\"";
    let text = birth_with(
        within,
        &format!("{within}\nappraisal_supplement_within = \"3 working days\""),
    );
    let mut case = birth_in_residence(&text);
    case.now = at("2026-10-06T17:00");
    let asks = || Says::Supplement(vec![item("householder_consent")]);
    let refusal = case.refusal("register_residence", asks());
    assert!(
        matches!(refusal, Refusal::SupplementLate { .. }),
        "{refusal}"
    );
    case.now = at("2026-10-06T16:58");
    case.says("register_residence", asks());
}

#[test]
fn invariant_5_a_fault_of_a_department_is_never_the_citizens_to_mend() {
    let mut case = Case::birth_registered();
    let asks = Says::Supplement(vec![approved("birth_certificate")]);
    let refusal = case.refusal("issue_health_card", asks);
    let giver = Denial::ComesFromStep(step("register_birth"));
    assert_eq!(denial(&refusal, "birth_certificate"), &giver);

    let promised = case.dossier.parts["health_card"].promised_at;
    case.says("issue_health_card", returned("birth_certificate"));
    assert_eq!(status(&case), NationalStatus::InProcess);
    let part = &case.dossier.parts["health_card"];
    assert!(part.pauses.is_empty(), "the clock runs on");
    assert_eq!(part.promised_at, promised);
}

#[test]
fn invariant_6_a_failed_branch_stops_no_other_and_nobody_works_without_its_inputs() {
    let mut case = Case::birth_with_identity_card();
    for early in [
        "register_residence",
        "issue_health_card",
        "issue_identity_card",
    ] {
        let refusal = case.refusal(early, completed("without a certificate"));
        assert!(matches!(refusal, Refusal::NotHeld { .. }), "{refusal}");
    }
    case.holds("register_birth");
    case.says("register_birth", completed("first"));
    let all = [
        "issue_health_card",
        "issue_identity_card",
        "register_residence",
    ];
    assert_eq!(case.owed(), all, "all at once");
    for version in case.handover("issue_health_card").evidence {
        let is_birth = version.new.given.name == evidence("birth_certificate");
        assert!(!is_birth || version.step == Some(step("register_birth")));
    }
    case.holds("register_residence");
    case.says("register_residence", Says::Refused);
    for other in ["issue_health_card", "issue_identity_card"] {
        case.holds(other);
        case.says(other, completed("first"));
        assert_eq!(case.stage(other), Stage::Completed);
    }
    assert!(case.is_closed());
}

#[test]
fn invariant_7_limits_that_do_not_sum_are_refused_and_dates_are_exact_over_cut_off_and_tet() {
    let text = birth_with(
        "limit = \"40 working hours\"",
        "limit = \"41 working hours\"",
    );
    let told = Procedure::parse("birth.toml", &text)
        .unwrap_err()
        .to_string();
    assert!(
        told.contains("register_birth → register_residence takes 49 hours"),
        "{told}"
    );

    let window = "supplement_window = \"7 working days\"";
    let text = birth_with(window, &format!("{window}\ncutoff = \"15:00\""));
    let procedure = Arc::new(Procedure::parse("birth.toml", &text).unwrap());
    let due_at = |received| {
        let law = Law::of(procedure.clone(), directory());
        let case = Case::begin_at(law, birth_submission(), false, at(received)).unwrap();
        case.step("register_birth").due_at.unwrap()
    };
    assert_eq!(due_at("2026-10-01T15:00"), at("2026-10-02T15:00"));
    assert_eq!(due_at("2026-10-01T15:01"), at("2026-10-02T17:00"));

    // Asked on the Thursday before Tết, answered within it: a pause gives back the Friday, and a clock
    // that begins anew the Thursday as well.
    let hours = |from, until| national_calendar().working_time(from, until).as_hours();
    for (pauses, moved) in [(true, 8), (false, 16)] {
        let mut plan = card_plan();
        plan.manner.pauses = pauses;
        let begins = at("2026-02-11T08:00");
        let mut case = Case::begin_at(plan.law(), plan.submission(), false, begins).unwrap();
        case.holds("look_up_record");
        case.says("look_up_record", found("as registered"));
        case.holds("appraise");
        let promised = case.dossier.parts["card"].promised_at;
        case.now = at("2026-02-12T10:00");
        case.says("appraise", Says::Supplement(vec![approved("paper")]));
        case.now = at("2026-02-18T10:00");
        case.answers(1);
        assert_eq!(
            hours(promised, case.dossier.parts["card"].promised_at),
            moved
        );
    }
}

#[test]
fn invariant_8_a_promise_is_put_off_once_with_a_reason_for_the_apology_and_before_it_passes() {
    let mut case = card_in_appraisal();
    let mut report = case.report("appraise", Says::Extension(3));
    if let Statement::Extension { reason, .. } = &mut report.statement {
        reason.clear();
    }
    assert_eq!(
        field(&refused(&mut case, |case| case.sends(report))),
        "reason"
    );
    case.says("appraise", Says::Extension(3));
    let twice = case.refusal("appraise", Says::Extension(1));
    assert!(
        matches!(twice, Refusal::ExtensionTwice { max: 1, .. }),
        "{twice}"
    );

    let mut case = card_in_appraisal();
    case.now = case.dossier.parts["card"].promised_at;
    let late = case.refusal("appraise", Says::Extension(3));
    assert!(matches!(late, Refusal::ExtensionLate { .. }), "{late}");
}

#[test]
fn invariant_9_no_event_can_be_taken_out_and_no_time_is_nobodys() {
    let mut case = card_in_appraisal();
    case.now = at("2026-10-02T10:00");
    case.says("appraise", completed("first"));
    case.now = at("2026-10-05T10:00");
    case.pays("bill-bill", bill_vnd("first"));
    case.holds("issue");
    case.now = at("2026-10-06T10:00");
    case.says("issue", completed("first"));
    case.now = at("2026-10-07T10:00");
    case.hands_out("card").unwrap();
    for missing in 0..case.entries.len() - 1 {
        let mut entries = case.entries.clone();
        entries.remove(missing);
        let refused = Dossier::replay(case.dossier.id, &entries).unwrap_err();
        let is_gap = matches!(
            refused,
            Unreplayable::Gap { .. } | Unreplayable::NoReception
        );
        assert!(is_gap, "{refused}");
    }

    let calendar = national_calendar();
    let held = attribution(&case.entries, &case.dossier, &calendar, case.now);
    let sum: jiff::SignedDuration = held.values().sum();
    let elapsed = calendar.working_time(case.dossier.received_at, case.now);
    assert_eq!(sum, elapsed, "{held:?}");
}

#[test]
fn invariant_10_what_comes_twice_late_or_out_of_order_changes_nothing() {
    let mut case = Case::birth_registered();
    let late = case.report("issue_health_card", completed("with the first"));
    let first = case.report("register_birth", corrected("birth_certificate", "second"));
    let item = cause(CIVIL_STATUS, "correction", "as it was sent");
    let send = |case: &mut Case, item| case.happens(Some(item), Action::Report(first.clone()));
    send(&mut case, item.clone()).unwrap();
    let before = case.dossier.clone();
    assert!(send(&mut case, item).unwrap().entries.is_empty());
    assert_eq!(case.dossier, before);
    let other = cause(CIVIL_STATUS, "correction", "as it was never sent");
    assert_eq!(
        refused(&mut case, |case| send(case, other)),
        Refusal::IdReused
    );
    let refusal = refused(&mut case, |case| case.sends(late));
    assert!(
        matches!(refusal, Refusal::Superseded { newest: 2, .. }),
        "{refusal}"
    );

    let replayed = Dossier::replay(case.dossier.id, &case.entries).unwrap();
    assert_eq!(replayed, case.dossier, "after a crash");
}

#[test]
fn invariant_11_nobody_speaks_of_anothers_step_or_learns_what_its_own_does_not_need() {
    let mut case = Case::birth_registered();
    let mut report = case.report("register_residence", completed("not theirs"));
    report.agency = agency(INSURANCE);
    assert_eq!(
        refused(&mut case, |case| case.sends(report)),
        Refusal::NotYours
    );
    assert!(case.dossier.concerns(INSURANCE));
    assert!(!case.dossier.concerns("H26.99"));

    let identity = case.handover("issue_identity_card");
    let names = identity
        .evidence
        .iter()
        .map(|version| &version.new.given.name);
    assert_eq!(names.collect::<Vec<_>>(), [&evidence("personal_id")]);
    let parties: Vec<&str> = identity
        .parties
        .iter()
        .map(|party| party.id.as_str())
        .collect();
    assert_eq!(parties, ["child"]);
    // What it was not given it cannot pass on.
    let asks = Says::Consultation(DESK.into(), vec!["birth_certificate".into()]);
    assert_eq!(
        field(&case.refusal("issue_identity_card", asks)),
        "evidence"
    );
}

#[test]
fn invariant_12_business_delivery_finance_and_transport_are_told_apart() {
    let mut case = card_in_appraisal();
    let refusal = refused(&mut case, |case| case.hands_out("card"));
    assert!(matches!(refusal, Refusal::NoResult { .. }), "{refusal}");
    case.says("appraise", completed("first"));
    assert_eq!(finance(&case.dossier), Finance::Owed);
    let report = case.report("issue", completed("before it is paid"));
    let refusal = refused(&mut case, |case| case.sends(report));
    assert!(matches!(refusal, Refusal::NotHeld { .. }), "{refusal}");
    case.pays("bill-bill", bill_vnd("first"));

    let all = |case: &Case| {
        let delivery = delivery(&case.dossier, &case.procedure);
        (status(case), finance(&case.dossier), delivery)
    };
    let before = all(&case);
    case.is_offered("issue");
    assert_eq!(case.stage("issue"), Stage::PossiblyHeld);
    assert_eq!(all(&case), before, "a lost connection is nobody's business");
    assert_eq!(sync(&case.dossier), Sync::UnderWay, "and yet it is seen");
    case.holds("issue");
    assert_eq!(all(&case), before, "what arrives late changes no status");
    assert_eq!(sync(&case.dossier), Sync::Arrived);
    case.says("issue", completed("first"));
    assert_eq!(delivery(&case.dossier, &case.procedure), Delivery::Waiting);
    assert!(!case.is_closed(), "paid and made, and not delivered");
}

#[test]
fn invariant_13_a_new_version_of_the_procedure_takes_no_open_dossier_with_it() {
    let case = Case::birth_registered();
    let new = || {
        let text = birth_with("valid_from = \"2026-09-01\"", "valid_from = \"2027-03-01\"");
        Procedure::parse("birth.toml", &text).unwrap()
    };
    let both = Procedures::new([(*birth()).clone(), new()]).unwrap_err();
    assert!(
        both.to_string().contains("in force on the same day"),
        "{both}"
    );

    let mut procedures = Procedures::new([new()]).unwrap();
    procedures.keep((*birth()).clone());
    let in_force = procedures
        .in_force("birth", at("2027-03-02T08:00"))
        .unwrap();
    assert_ne!(in_force.digest, case.dossier.received.procedure_digest);
    let pinned = procedures.version(&case.dossier.received.procedure_digest);
    assert_eq!(pinned.unwrap().digest, birth().digest);
}

#[test]
fn invariant_14_no_act_takes_the_national_status_where_it_must_not_go() {
    let mut plan = card_plan();
    plan.manner.is_filed = true;
    plan.manner.brings.insert("paper".into());
    let mut case = begin(&plan);
    let stop = || Act::Stop {
        reason: "a court said so".into(),
        legal_basis: "an article".into(),
        settlement: String::new(),
        officer: Officer::default(),
    };
    let resume = || Act::Resume {
        reason: "it is settled".into(),
        officer: Officer::default(),
    };
    assert_eq!(refused_act(&mut case, stop()), Refusal::NotReceived);
    assert_eq!(refused_act(&mut case, resume()), Refusal::NotStopped);

    let mut case = card_at_the_desk();
    assert_eq!(refused_act(&mut case, accept()), Refusal::AlreadyReceived);
    for result in ["bill", "receipt", "card"] {
        case.hands_out(result).unwrap();
    }
    assert_eq!(status(&case), NationalStatus::ResultReturned);
    assert_eq!(refused_act(&mut case, withdraw()), Refusal::ResultGiven);
    assert_eq!(refused_act(&mut case, stop()), Refusal::Closed);
    let told = national_history(case.dossier.id, &case.entries, &case.procedure);
    assert!(told.len() > 4);
    for pair in told.windows(2) {
        assert!(NationalStatus::may_follow(pair[0].0, pair[1].0), "{told:?}");
    }
}

#[test]
fn a_supplement_is_not_answered_with_the_wrong_items() {
    let mut case = card();
    case.holds("look_up_record");
    case.says("look_up_record", answered(LookUpOutcome::NotFound));
    let answer = |number, names: &[&str]| Act::AnswerSupplement {
        number,
        evidence: names.iter().map(|name| paper(name, "brought")).collect(),
        officer: Officer::default(),
    };
    for (names, wrong) in [
        (&["paper"][..], "evidence[0].name"),
        (&["record", "paper"], "evidence[1].name"),
        (&["record", "record"], "evidence[1].name"),
        (&[], "evidence"),
    ] {
        let refusal = refused_act(&mut case, answer(1, names));
        assert_eq!(field(&refusal), wrong, "{names:?}");
    }
    let unknown = refused_act(&mut case, answer(2, &["record"]));
    assert_eq!(unknown, Refusal::UnknownSupplement { number: 2 });
    let pauses = &case.dossier.parts["card"].pauses;
    assert!(pauses.contains(&PauseWhy::Supplement), "it still waits");
    case.acts(answer(1, &["record"])).unwrap();
    let again = refused_act(&mut case, answer(1, &["record"]));
    assert_eq!(again, Refusal::SupplementAnswered { number: 1 });
}

#[test]
fn a_look_up_is_not_answered_with_another_persons_record_or_with_another_record() {
    let mut case = card();
    case.holds("look_up_record");
    let answers = |case: &mut Case, name: &str, subject: &str| {
        let mut report = case.report("look_up_record", found("as registered"));
        if let Statement::LookedUp {
            evidence: Some(given),
            ..
        } = &mut report.statement
        {
            given.name = evidence(name);
            given.subject = Some(subject.parse().unwrap());
        }
        case.sends(report)
    };
    for somebody_else in ["mother", "neighbour"] {
        let refusal = refused(&mut case, |case| answers(case, "record", somebody_else));
        assert_eq!(field(&refusal), "evidence.subject_party_id");
    }
    let refusal = refused(&mut case, |case| answers(case, "paper", "child"));
    assert_eq!(field(&refusal), "evidence.name");
    answers(&mut case, "record", "child").unwrap();
}

#[test]
fn an_outcome_is_decided_by_whom_the_procedure_names() {
    let limit = "gives = [\"birth_certificate\", \"personal_id\"]";
    let text = birth_with(limit, &format!("{limit}\nsigned_by = [\"DIRECTOR\"]"));
    let procedure = Arc::new(Procedure::parse("birth.toml", &text).unwrap());
    let delegation = format!(
        "{DIRECTORY}\n[[delegation]]\nagency = \"{CIVIL_STATUS}\"\nposition = \"DIRECTOR\"\ntitle = \"Giám đốc\"\nvalid_from = \"2026-01-01\"\nbasis = \"a made-up decision\"\n"
    );
    let directory = Directory::parse("directory.toml", &delegation).unwrap();
    let mut case = Case::receive(Law::of(procedure, directory), birth_submission());
    case.holds("register_birth");
    for says in [completed("first"), Says::Refused] {
        let mut report = case.report("register_birth", says);
        report.officer.title = "Công chức".into();
        let refusal = refused(&mut case, |case| case.sends(report));
        let told = Refusal::NotAuthorised {
            step: step("register_birth"),
            positions: "DIRECTOR".into(),
        };
        assert_eq!(refusal, told);
    }
    let mut report = case.report("register_birth", completed("first"));
    report.officer.title = "Giám đốc".into();
    case.sends(report).unwrap();
}

#[test]
fn evidence_goes_back_only_while_its_time_for_that_lasts() {
    let gives = "gives = [\"residence_notice\"]";
    let rule = "peer_return = { to = \"register_birth\", ask = \"8 working hours\", answer = \"8 working hours\" }";
    let text = birth_with(gives, &format!("{gives}\n{rule}"));
    let mut case = birth_in_residence(&text);
    let mut in_time = case.clone();
    case.now = at("2026-10-02T10:00");
    let refusal = case.refusal("register_residence", returned("birth_certificate"));
    let late = Refusal::ReturnLate {
        step: step("register_residence"),
        limit: "8 working hours".parse().unwrap(),
    };
    assert_eq!(refusal, late);
    in_time.now = at("2026-10-01T16:00");
    in_time.says("register_residence", returned("birth_certificate"));
}

#[test]
fn opinions_are_asked_for_only_so_often() {
    let mut case = card_in_appraisal();
    let appraise: StepId = step("appraise");
    let max = case.procedure.step(&appraise).unwrap().consults_max;
    let asks = || Says::Consultation("H26.99".into(), vec![]);
    for number in 1..=max {
        case.says("appraise", asks());
        let consultation = format!("consult_appraise_{number}");
        case.holds(&consultation);
        case.says(&consultation, Says::Opinion);
        case.holds("appraise");
    }
    let refusal = case.refusal("appraise", asks());
    let told = Refusal::ConsultationLimit {
        step: appraise,
        max,
    };
    assert_eq!(refusal, told);
}

#[test]
fn what_was_recalled_has_no_outcome_any_more() {
    let mut case = card_in_appraisal();
    let outcome = case.report("appraise", completed("late"));
    let extension = case.report("appraise", Says::Extension(3));
    case.acts(withdraw()).unwrap();
    for late in [outcome, extension] {
        let refusal = refused(&mut case, |case| case.sends(late));
        assert!(matches!(refusal, Refusal::Superseded { .. }), "{refusal}");
    }
    case.rings(Alarm::StepLimit(step("appraise")));
    assert_eq!(case.stage("appraise"), Stage::Ended);
}
