//! Reading the refusals alone teaches an integrator the rules: each is met here in the situation
//! that it is for, with its reason word, its sort and what it says in both languages.

use crate::{
    invariants::{birth_in_residence, birth_with},
    made_up::*,
    stories_of_rules::*,
    world::*,
};
use dossier::{
    Procedure, Refusal,
    alarm::Alarm,
    bounds::Bound,
    decide::{Act, Action, Statement},
    directory::Directory,
    dossier::Stage,
    name::DossierId,
    party::Officer,
    refusal::Sort,
};
use std::{collections::BTreeSet, sync::Arc};

/// Names the variants of a refusal. One that is not in the list does not compile.
macro_rules! variants {
    ($($name:ident)*) => {
        const VARIANTS: &[&str] = &[$(stringify!($name)),*];

        fn variant(refusal: &Refusal) -> &'static str {
            match refusal {
                $(Refusal::$name { .. } => stringify!($name),)*
            }
        }
    };
}

variants! {
    Fields IdReused NotYours Superseded NotHeld Finished WrongTask ReturnOpen AlreadyReturned
    NotReturnable
    VersionSuperseded ReturnLimit Closed NoDepartment UnknownAgency UnknownStep AlreadyThere
    NotAuthorised ReturnLate SupplementDenied SupplementTwice SupplementLate SupplementOpen
    UnknownSupplement SupplementAnswered SupplementExpired ConsentGiven UnknownObligation
    ObligationTwice AlreadyPaid WrongAmount CorrectionIsFree ConsultationLimit ExtensionTwice
    ExtensionLate AlreadyReceived NotReceived Incomplete ResultGiven AlreadyStopped NotStopped
    NoResult HandedOutBefore Withdrawn FaultOpen Bound CodeTaken
}

/// Refusals that a dossier alone cannot meet: only the broker knows all codes.
const BROKERS: [Refusal; 1] = [Refusal::CodeTaken];

/// Every refusal, met.
fn met() -> Vec<Refusal> {
    [
        at_intake_and_in_rounds(),
        of_supplements(),
        of_requests(),
        of_results(),
        of_who_and_when(),
        BROKERS.to_vec(),
    ]
    .concat()
}

/// The desk leaves something out, departments speak out of turn, an operator moves what cannot be moved.
fn at_intake_and_in_rounds() -> Vec<Refusal> {
    let mut all = Vec::new();

    // The desk leaves something out.
    let mut submission = birth_submission();
    submission.parties.clear();
    let at = "2026-10-01T05:00:00Z".parse().unwrap();
    all.push(dossier::intake::check(&submission, Law::birth().rules(), at).unwrap_err());

    // The directory knows nobody for a step.
    let text = DIRECTORY.replace("\"COMMUNE_POLICE\"", "\"GUARD\"");
    let without_police = dossier::directory::Directory::parse("directory.toml", &text).unwrap();
    let received = dossier::intake::receive(
        DossierId([0; 16]),
        "H26.101-261001-0001".parse().unwrap(),
        birth_submission(),
        cause("desk", "submit-1", "submit"),
        Law::of(birth(), without_police).rules(),
        at,
    );
    all.push(received.unwrap_err());

    // A department reports too early, of another's step, of an old round, under an old id.
    let mut case = Case::birth();
    all.push(case.refusal("register_residence", completed("too early")));
    let mut report = case.report("register_birth", Says::Progress);
    report.agency = agency(INSURANCE);
    all.push(case.sends(report).unwrap_err());
    let report = case.report("register_birth", Says::Progress);
    let action = Action::Report(report);
    case.happens(Some(cause("s", "item", "one")), action.clone())
        .unwrap();
    all.push(
        case.happens(Some(cause("s", "item", "another")), action)
            .unwrap_err(),
    );

    let mut case = Case::birth_registered();
    let old = case.report("register_residence", completed("with the old one"));
    let mut stale = case.report("issue_health_card", returned("birth_certificate"));
    case.says("register_birth", corrected("birth_certificate", "second"));
    all.push(case.sends(old).unwrap_err());

    // It finds a fault in an old version, in what no department gave, too often, or does not wait.
    stale.round = case.step("issue_health_card").round;
    all.push(case.sends(stale).unwrap_err());
    all.push(case.refusal("issue_health_card", returned("health_facility_choice")));
    for _ in 0..case.procedure.text.returns_max {
        case.holds("issue_health_card");
        case.says("issue_health_card", returned("birth_certificate"));
        case.holds("register_birth");
        case.says("register_birth", upheld("birth_certificate"));
    }
    all.push(case.refusal("issue_health_card", returned("birth_certificate")));
    case.says("issue_identity_card", returned("personal_id"));
    all.push(case.refusal("issue_identity_card", completed("all the same")));
    all.push(case.refusal("issue_identity_card", returned("personal_id")));

    // It answers something else than was asked, or what was answered already.
    case.holds("register_birth");
    all.push(case.refusal("register_birth", Says::Declined));
    case.says("register_birth", upheld("personal_id"));
    all.push(case.refusal("register_birth", upheld("personal_id")));

    // An operator moves a step that is not there, or that is there already, or too late.
    let nowhere = Action::Move {
        step: step("bury"),
        to: agency(POLICE),
        reason: "r".into(),
    };
    all.push(case.happens(None, nowhere).unwrap_err());
    all.push(case.moves("register_residence", POLICE).unwrap_err());
    let mut case = Case::birth();
    case.holds("register_birth");
    case.says("register_birth", Says::Refused);
    all.push(case.moves("register_birth", OTHER_POLICE).unwrap_err());
    all
}

fn stop() -> Act {
    Act::Stop {
        reason: "a court said so".into(),
        legal_basis: "an article".into(),
        settlement: String::new(),
        officer: Officer::default(),
    }
}

/// What the citizen is asked for, where it is, and what comes of it.
fn of_supplements() -> Vec<Refusal> {
    let mut all = Vec::new();
    let answer = |number| Act::AnswerSupplement {
        number,
        evidence: vec![paper("paper", "as the citizen brought it")],
        officer: Officer::default(),
    };
    let accept = || Act::Accept {
        received_at: None,
        officer: Officer::default(),
    };

    // Filed: not complete, to be stopped only once it is received, asked for once, and received once.
    let mut filed = card_plan();
    filed.manner.is_filed = true;
    let mut case = begin(&filed);
    all.push(case.acts(stop()).unwrap_err());
    all.push(case.acts(accept()).unwrap_err());
    all.push(case.acts(request(vec![item("record")])).unwrap_err());
    case.acts(request(vec![item("paper")])).unwrap();
    all.push(case.acts(request(vec![item("paper")])).unwrap_err());
    all.push(case.acts(accept()).unwrap_err());
    all.push(case.acts(answer(2)).unwrap_err());
    case.acts(answer(1)).unwrap();
    all.push(case.acts(answer(1)).unwrap_err());
    case.acts(accept()).unwrap();
    all.push(case.acts(accept()).unwrap_err());

    // The window passes for one part, and the other goes on.
    let mut steps = card_plan().steps;
    steps.push(PlannedStep::named("survey").gives("map"));
    let mut case = begin(&plan(steps));
    case.holds("look_up_record");
    case.says("look_up_record", found("as registered"));
    case.holds("appraise");
    case.says("appraise", Says::Supplement(vec![approved("paper")]));
    case.rings(Alarm::SupplementWindow(1));
    all.push(case.acts(answer(1)).unwrap_err());

    // The department took too long to see that something is missing.
    let window = "supplement_window = \"7 working days\"";
    let within = format!("{window}\nappraisal_supplement_within = \"3 working days\"");
    let mut case = birth_in_residence(&birth_with(window, &within));
    case.now = at("2026-10-06T17:00");
    let asks = Says::Supplement(vec![item("householder_consent")]);
    all.push(case.refusal("register_residence", asks));

    // A consent that is there.
    let mut case = begin(&plan(vec![
        PlannedStep::named("issue").needs("consent").gives("card"),
    ]));
    let mut consent = paper("consent", "they agree");
    consent.subject = Some(case.dossier.received.parties[0].id.clone());
    let gives = Act::GiveConsent {
        evidence: consent,
        officer: Officer::default(),
    };
    case.acts(gives.clone()).unwrap();
    all.push(case.acts(gives).unwrap_err());
    all
}

/// What a department asks for besides: payments, opinions, more time.
fn of_requests() -> Vec<Refusal> {
    let mut all = Vec::new();
    let fee = || Says::Payment("fee".into(), 1_000);
    let mut case = card_in_appraisal();
    all.push(case.acts(paid("fee", 1_000)).unwrap_err());
    case.says("appraise", fee());
    all.push(case.refusal("appraise", fee()));
    all.push(case.acts(paid("fee", 999)).unwrap_err());
    case.pays("fee", 1_000);
    all.push(case.acts(paid("fee", 1_000)).unwrap_err());

    // Who does its own work again asks for nothing.
    let mut case = Case::birth_registered();
    case.says("register_residence", completed("first"));
    case.says("register_birth", corrected("birth_certificate", "second"));
    case.holds("register_residence");
    case.says("register_residence", Says::Redo);
    all.push(case.refusal("register_residence", fee()));

    // Of a department that nobody knows, and too often.
    let asks = |code: &str| Says::Consultation(code.into(), vec![]);
    let mut case = card_in_appraisal();
    all.push(case.refusal("appraise", asks("H26.77")));
    let max = case.procedure.step(&step("appraise")).unwrap().consults_max;
    for number in 1..=max {
        case.says("appraise", asks("H26.99"));
        let consultation = format!("consult_appraise_{number}");
        case.holds(&consultation);
        case.says(&consultation, Says::Opinion);
        case.holds("appraise");
    }
    all.push(case.refusal("appraise", asks("H26.99")));

    let mut case = card_in_appraisal();
    case.says("appraise", Says::Extension(3));
    all.push(case.refusal("appraise", Says::Extension(3)));
    let mut case = card_in_appraisal();
    case.rings(Alarm::PartLimit("card".parse().unwrap()));
    all.push(case.refusal("appraise", Says::Extension(3)));
    for _ in 0..Bound::Progress.max() {
        case.says("appraise", Says::Progress);
    }
    all.push(case.refusal("appraise", Says::Progress));
    all
}

/// What becomes of results, and of a dossier that does not go on.
fn of_results() -> Vec<Refusal> {
    let mut all = Vec::new();
    let finds_fault = || Act::ReportFault {
        evidence: evidence("birth_certificate"),
        reason: "the name is misspelt".into(),
        officer: Officer::default(),
    };
    let resume = || Act::Resume {
        reason: "it is settled".into(),
        officer: Officer::default(),
    };
    all.push(Case::birth().acts(finds_fault()).unwrap_err());
    let mut case = Case::birth_registered();
    case.hands_out("birth_certificate").unwrap();
    all.push(case.hands_out("birth_certificate").unwrap_err());
    case.acts(finds_fault()).unwrap();
    all.push(case.acts(finds_fault()).unwrap_err());

    let mut case = Case::birth_registered();
    all.push(case.acts(resume()).unwrap_err());
    case.acts(stop()).unwrap();
    all.push(case.acts(stop()).unwrap_err());
    case.acts(resume()).unwrap();
    case.acts(withdraw()).unwrap();
    all.push(case.hands_out("birth_certificate").unwrap_err());
    all.push(case.acts(withdraw()).unwrap_err());
    all
}

/// An outcome that somebody else must decide, and evidence that goes back too late.
fn of_who_and_when() -> Vec<Refusal> {
    let mut all = Vec::new();
    let gives = "gives = [\"birth_certificate\", \"personal_id\"]";
    let text = birth_with(gives, &format!("{gives}\nsigned_by = [\"DIRECTOR\"]"));
    let procedure = Arc::new(Procedure::parse("birth.toml", &text).unwrap());
    let delegation = format!(
        "{DIRECTORY}\n[[delegation]]\nagency = \"{CIVIL_STATUS}\"\nposition = \"DIRECTOR\"\ntitle = \"Giám đốc\"\nvalid_from = \"2026-01-01\"\nbasis = \"a made-up decision\"\n"
    );
    let directory = Directory::parse("directory.toml", &delegation).unwrap();
    let mut case = Case::receive(Law::of(procedure, directory), birth_submission());
    case.holds("register_birth");
    all.push(case.refusal("register_birth", completed("by a clerk")));

    let gives = "gives = [\"residence_notice\"]";
    let rule = "peer_return = { to = \"register_birth\", ask = \"8 working hours\", answer = \"8 working hours\" }";
    let mut case = birth_in_residence(&birth_with(gives, &format!("{gives}\n{rule}")));
    case.now = at("2026-10-02T10:00");
    all.push(case.refusal("register_residence", returned("birth_certificate")));
    all
}

#[test]
fn every_refusal_has_a_situation_that_it_is_for() {
    let met: BTreeSet<_> = met().iter().map(variant).collect();
    let all: BTreeSet<_> = VARIANTS.iter().copied().collect();
    assert_eq!(met, all);
}

#[test]
fn every_refusal_speaks_both_languages_and_names_no_person() {
    for refusal in met() {
        let (en, vi) = (refusal.to_string(), refusal.vi());
        assert!(
            en.chars().next().is_some_and(|c| !c.is_uppercase()) && !en.ends_with('.'),
            "{en}"
        );
        assert!(vi.ends_with('.') && !vi.is_ascii(), "{vi}");
        for personal in ["Tên Mẫu", "as the desk took it", "because"] {
            assert!(
                !en.contains(personal) && !vi.contains(personal),
                "{en} {vi}"
            );
        }
    }
}

#[test]
fn a_refusal_says_of_which_sort_it_is() {
    for refusal in met() {
        let wanted = match refusal.reason() {
            "INVALID_FIELDS" | "UNKNOWN_AGENCY" | "UNKNOWN_STEP" | "UNKNOWN_SUPPLEMENT"
            | "UNKNOWN_OBLIGATION" | "WRONG_AMOUNT" => Sort::Invalid,
            "NOT_YOURS" | "NOT_AUTHORISED" => Sort::Denied,
            "ID_REUSED" | "CODE_TAKEN" => Sort::Exists,
            _ => Sort::State,
        };
        assert_eq!(refusal.sort(), wanted, "{refusal}");
    }
}

/// The table of task and statement: what may be said in which round, each against each.
#[test]
fn each_task_takes_its_own_answers_and_no_others() {
    let work = || Case::birth_registered();
    let answer = || {
        let mut case = Case::birth_registered();
        case.says("issue_health_card", returned("birth_certificate"));
        case.holds("register_birth");
        case
    };
    let review = || {
        let mut case = Case::birth_registered();
        case.says("register_residence", completed("first"));
        case.says("register_birth", corrected("birth_certificate", "second"));
        case.holds("register_residence");
        case
    };
    type Row = (fn() -> Case, &'static str, &'static str, [bool; 9]);
    //        completed refused declined return progress correction upheld stands redo
    let table: [Row; 3] = [
        (
            work,
            "register_residence",
            "birth_certificate",
            [true, true, true, true, true, false, false, false, false],
        ),
        (
            answer,
            "register_birth",
            "birth_certificate",
            [false, false, false, false, true, true, true, false, false],
        ),
        (
            review,
            "register_residence",
            "residence_notice",
            [false, false, false, false, true, true, false, true, true],
        ),
    ];
    for (begin, step, name, allowed) in table {
        let said = [
            completed("new"),
            Says::Refused,
            Says::Declined,
            returned("birth_certificate"),
            Says::Progress,
            corrected(name, "new"),
            upheld(name),
            Says::Stands,
            Says::Redo,
        ];
        for (says, is_allowed) in said.into_iter().zip(allowed) {
            let mut case = begin();
            let report = case.report(step, says.clone());
            let result = case.sends(report);
            assert_eq!(
                result.is_ok(),
                is_allowed,
                "{step}, {:?}: {says:?}",
                case.task(step)
            );
            if let Err(refusal) = result {
                let known = ["WRONG_TASK", "NOT_RETURNABLE"].contains(&refusal.reason());
                assert!(known, "{refusal}");
            }
        }
    }
}

#[test]
fn a_finished_step_takes_nothing_but_a_correction() {
    for says in [
        completed("new"),
        Says::Refused,
        Says::Declined,
        Says::Progress,
        upheld("personal_id"),
        Says::Stands,
        Says::Redo,
    ] {
        let mut case = Case::birth_registered();
        let refusal = case.refusal("register_birth", says);
        let finished = Refusal::Finished {
            step: step("register_birth"),
            state: Stage::Completed,
        };
        assert_eq!(refusal, finished);
    }
}

#[test]
fn an_empty_correction_is_refused() {
    let mut case = Case::birth_registered();
    let mut report = case.report("register_birth", corrected("birth_certificate", "second"));
    if let Statement::Correction { evidence, .. } = &mut report.statement {
        evidence.clear();
    }
    let refusal = case.sends(report).unwrap_err();
    assert_eq!(
        refusal.to_string(),
        "1 field(s) are wrong: evidence must be at least one"
    );
}
