//! What opens an incident, and what closes it, told on dossiers whose time passes.

use super::*;
use dossier::{
    Rules,
    alarm::Alarm,
    calendar::Calendar,
    decide::{Act, Action, Happening, Report, Statement, decide},
    directory::Directory,
    event::{Cause, Channel},
    evidence::Given,
    intake::{self, Submission},
    limit::Limit,
    name::{Digest, DossierId},
    party::{Officer, Party, PartyKind, PartyRole},
    schema::Schemas,
};
use jiff::Timestamp;

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
code = "H99.1"
name = "Cơ quan mẫu"
roles = ["OFFICE"]
territory = "P"
valid_from = "2020-01-01"
[[agency]]
code = "H99.2"
name = "Cơ quan đăng ký mẫu"
roles = ["REGISTRY"]
territory = "P"
valid_from = "2020-01-01"
"#;

const CALENDAR: &str = r#"
title = { vi = "Mẫu", en = "Sample" }
covers = { from = 2026, to = 2027 }
[hours]
source = "sample"
confirmed = false
[hours.on]
monday = ["08:00-12:00", "13:00-17:00"]
tuesday = ["08:00-12:00", "13:00-17:00"]
wednesday = ["08:00-12:00", "13:00-17:00"]
thursday = ["08:00-12:00", "13:00-17:00"]
friday = ["08:00-12:00", "13:00-17:00"]
"#;

const PROCEDURE: &str = r#"
code = "sample"
title = { vi = "Mẫu", en = "Sample" }
legal_basis = "sample"
valid_from = "2020-01-01"
lead = "OFFICE"
supplement_window = "7 working days"
intake_limit = "1 working day"
returns_max = 3
[part.only]
title = { vi = "Mẫu", en = "Sample" }
limit = "5 working days"
[evidence.wish]
title = { vi = "Mẫu", en = "Wish" }
source = "citizen"
[evidence.licence]
title = { vi = "Mẫu", en = "Licence" }
source = "registry"
holder = "REGISTRY"
look_up_limit = "1 working day"
[step.grant]
title = { vi = "Mẫu", en = "Grant" }
part = "only"
role = "OFFICE"
needs = ["wish", "licence?"]
limit = "2 working days"
[step.check]
title = { vi = "Mẫu", en = "Check" }
part = "only"
role = "OFFICE"
needs = ["licence"]
limit = "2 working days"
refuse_within = "1 working day"
"#;

fn named<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

/// Monday, in working hours, and so many days on.
fn day(days: i64) -> Timestamp {
    let monday: Timestamp = "2026-10-05T09:00:00+07:00".parse().unwrap();
    monday + jiff::SignedDuration::from_hours(24 * days)
}

struct World {
    procedure: Procedure,
    calendar: Calendar,
    directory: Directory,
    schemas: Schemas,
    dossier: Dossier,
    open: BTreeMap<IncidentKey, Text>,
}

impl World {
    fn new(is_filed: bool) -> Self {
        let procedure = Procedure::parse("procedure", PROCEDURE).unwrap();
        let calendar = Calendar::parse("calendar", CALENDAR).unwrap();
        let directory = Directory::parse("directory", DIRECTORY).unwrap();
        let schemas = Schemas::default();
        let rules = Rules {
            procedure: &procedure,
            calendar: &calendar,
            directory: &directory,
            schemas: &schemas,
        };
        let submission = Submission {
            key: named("k1"),
            desk: named("H99"),
            hand_out_desk: named("H99"),
            asked: [].into(),
            territory: named("P"),
            parties: vec![Party {
                id: named("owner"),
                roles: [PartyRole::Owner].into(),
                kind: PartyKind::Citizen,
                name: "Người Mẫu".into(),
                identifiers: vec![],
                born_on: None,
                address: String::new(),
                phone: String::new(),
                email: String::new(),
                represents: None,
            }],
            evidence: vec![given("wish")],
            channel: Channel::Counter,
            arrived_at: None,
            filed_at: None,
            received_at: None,
            filed_by: None,
            officer: Officer::default(),
            vault: vec![],
        };
        let cause = Cause {
            system: "desk".into(),
            item_id: named("k1"),
            digest: Digest([1; 32]),
            claimed_at: None,
        };
        let begin = if is_filed {
            intake::file
        } else {
            intake::receive
        };
        let id = DossierId([7; 16]);
        let decided = begin(
            id,
            named("H99-261005-0001"),
            submission,
            cause,
            rules,
            day(0),
        );
        Self {
            dossier: decided.unwrap().dossier,
            procedure,
            calendar,
            directory,
            schemas,
            open: BTreeMap::new(),
        }
    }

    /// Lets something happen, and keeps the incidents as the store would.
    fn happens(&mut self, at: Timestamp, action: Action) {
        let rules = Rules {
            procedure: &self.procedure,
            calendar: &self.calendar,
            directory: &self.directory,
            schemas: &self.schemas,
        };
        let happening = Happening {
            at,
            cause: None,
            vault: vec![],
            action,
        };
        let decided = decide(&self.dossier, rules, happening).unwrap();
        let (before, after) = (Some(&self.dossier), decided.dossier);
        for change in changes(before, &decided.entries, &after, &self.procedure) {
            match change {
                IncidentChange::Happened { key, vi, en, .. } => {
                    assert_eq!(self.open.insert(key, (vi, en)), None);
                }
                IncidentChange::Over { key, .. } => {
                    assert!(self.open.remove(&key).is_some());
                }
                IncidentChange::Closed { .. } => unreachable!(),
            }
        }
        self.dossier = after;
    }

    fn rings(&mut self, at: Timestamp, alarm: Alarm) {
        self.happens(at, Action::Ring(alarm));
    }

    fn says(&mut self, at: Timestamp, step: &str, statement: Statement) {
        let step: StepId = named(step);
        let now = &self.dossier.steps[&step];
        let report = Report {
            agency: now.agency.clone(),
            round: now.round,
            step,
            handover: String::new(),
            officer: Officer::default(),
            statement,
        };
        self.happens(at, Action::Report(report));
    }

    fn causes(&self) -> Vec<&str> {
        self.open.keys().map(|key| key.cause.as_str()).collect()
    }
}

fn given(name: &str) -> Given {
    Given {
        name: named(name),
        schema_id: String::new(),
        data: br#"{"a":"b"}"#.as_slice().into(),
        documents: vec![],
        subject: None,
    }
}

fn looked_up(outcome: LookUpOutcome) -> Statement {
    let is_found = outcome == LookUpOutcome::Found;
    Statement::LookedUp {
        outcome,
        evidence: is_found.then(|| Given {
            subject: Some(named("owner")),
            ..given("licence")
        }),
        note: String::new(),
    }
}

fn done() -> Statement {
    Statement::Completed {
        evidence: vec![],
        note: String::new(),
    }
}

const LOOK_UP: &str = "look_up_licence";

#[test]
fn a_holder_that_cannot_answer_and_then_keeps_silent_is_two_things() {
    let mut world = World::new(false);
    assert!(world.causes().is_empty());
    world.says(day(0), LOOK_UP, looked_up(LookUpOutcome::Unavailable));
    assert_eq!(world.causes(), ["LOOK_UP_UNAVAILABLE"]);
    world.rings(day(2), Alarm::AskAgain(named(LOOK_UP)));
    world.rings(day(2), Alarm::StepLimit(named(LOOK_UP)));
    assert_eq!(world.causes(), ["LOOK_UP_SILENT"]);
    world.says(day(2), LOOK_UP, looked_up(LookUpOutcome::Found));
    assert!(world.causes().is_empty());
}

#[test]
fn what_a_holder_does_not_have_or_has_otherwise_needs_a_person() {
    for (outcome, cause) in [
        (LookUpOutcome::NotFound, "LOOK_UP_NOT_FOUND"),
        (LookUpOutcome::Mismatch, "LOOK_UP_UNUSABLE"),
        (LookUpOutcome::PoorQuality, "LOOK_UP_UNUSABLE"),
    ] {
        let mut world = World::new(false);
        world.says(day(0), LOOK_UP, looked_up(outcome));
        assert_eq!(world.causes(), [cause]);
        let stop = Act::Withdraw {
            reason: "thôi".into(),
            officer: Officer::default(),
        };
        world.happens(day(1), Action::Act(stop));
        assert!(world.causes().is_empty());
    }
}

#[test]
fn who_is_late_is_told_on_until_it_is_done() {
    let mut world = World::new(false);
    world.says(day(0), LOOK_UP, looked_up(LookUpOutcome::Found));
    world.rings(day(5), Alarm::PartWarning(named("only")));
    assert_eq!(world.causes(), ["APOLOGY_OWED"]);
    world.rings(day(5), Alarm::StepLimit(named("check")));
    assert_eq!(world.causes(), ["APOLOGY_OWED", "LIMIT_PASSED"]);

    let limit: Limit = named("2 working days");
    let extension = Statement::Extension {
        limit,
        reason: "thiếu người".into(),
    };
    world.says(day(5), "check", extension);
    assert!(world.causes().is_empty(), "{:?}", world.causes());
    world.rings(day(10), Alarm::PartLimit(named("only")));
    assert_eq!(world.causes(), ["PROMISE_PASSED"]);
    world.says(day(10), "check", done());
    assert_eq!(world.causes(), ["PROMISE_PASSED"]);
    world.says(day(10), "grant", done());
    assert!(world.causes().is_empty());
}

#[test]
fn a_round_that_is_lost_again_and_again_is_for_a_person_until_it_ends() {
    let mut world = World::new(false);
    world.says(day(0), LOOK_UP, looked_up(LookUpOutcome::Found));
    let step = || named::<StepId>("check");
    for times in 1..=Bound::Losses.max() {
        assert!(world.causes().is_empty(), "{times}");
        let round = world.dossier.steps[&step()].round;
        let held = Action::Acknowledge {
            step: step(),
            round,
        };
        world.happens(day(0), held);
        let lost = Action::LoseHolding {
            step: step(),
            round,
        };
        world.happens(day(0), lost);
    }
    assert_eq!(world.causes(), ["HOLDING_LOST"]);
    world.says(day(0), "check", done());
    assert!(world.causes().is_empty());
}

#[test]
fn who_does_not_pay_is_told_on_until_it_is_paid() {
    let mut world = World::new(false);
    world.says(day(0), LOOK_UP, looked_up(LookUpOutcome::Found));
    let payment = Statement::Payment {
        obligation: named("fee"),
        amount_vnd: 1_000,
        purpose: "lệ phí".into(),
        legal_basis: "Điều 22".into(),
    };
    world.says(day(0), "check", payment);
    assert!(world.causes().is_empty());
    let asked = world.dossier.obligations["fee"].number;
    world.rings(day(14), Alarm::PaymentWindow(asked));
    assert_eq!(world.causes(), ["PAYMENT_OVERDUE"]);
    let pay = Act::ConfirmPayment {
        obligation: named("fee"),
        amount_vnd: 1_000,
        reference: "GD-1".into(),
        paid_at: None,
    };
    world.happens(day(15), Action::Act(pay));
    assert!(world.causes().is_empty());
}

#[test]
fn a_late_refusal_is_looked_at_also_when_the_dossier_is_closed() {
    let refused = || Statement::Refused {
        reason: "không đủ điều kiện".into(),
        legal_basis: "Điều 20".into(),
    };
    for (days, causes) in [(1, vec![]), (2, vec!["REFUSED_LATE"])] {
        let mut world = World::new(false);
        world.says(day(0), LOOK_UP, looked_up(LookUpOutcome::Found));
        world.says(day(0), "grant", done());
        world.says(day(days), "check", refused());
        assert!(world.dossier.closed_at.is_some());
        assert_eq!(world.causes(), causes);
    }
}

#[test]
fn a_silent_consultation_is_told_to_a_person_and_the_asker_goes_on() {
    let mut world = World::new(false);
    world.says(day(0), LOOK_UP, looked_up(LookUpOutcome::Found));
    let consultation = Statement::Consultation {
        agency: named("H99.2"),
        question: "có ý kiến gì không".into(),
        limit: named("1 working day"),
        evidence: [].into(),
    };
    world.says(day(0), "check", consultation);
    let asked: StepId = named("consult_check_1");
    world.rings(day(2), Alarm::StepLimit(asked.clone()));
    assert_eq!(world.causes(), ["CONSULTATION_SILENT"]);
    assert_eq!(world.open.keys().next().unwrap().step, Some(asked));
    world.says(day(2), "check", done());
    assert!(world.causes().is_empty());
}

#[test]
fn a_desk_that_does_not_look_at_what_was_filed_is_told_on_until_it_does() {
    let mut world = World::new(true);
    world.rings(day(3), Alarm::IntakeLimit);
    assert_eq!(world.causes(), ["INTAKE_LIMIT_PASSED"]);
    let accept = Act::Accept {
        received_at: None,
        officer: Officer::default(),
    };
    world.happens(day(3), Action::Act(accept));
    assert!(world.causes().is_empty());
}

#[test]
fn no_incident_names_a_person_and_each_says_a_way_out_in_both_languages() {
    let mut world = World::new(false);
    world.says(day(0), LOOK_UP, looked_up(LookUpOutcome::NotFound));
    let declined = Statement::Declined {
        reason: "không phải việc của Nguyễn Văn Mẫu".into(),
        suggested: None,
    };
    world.says(day(0), "grant", declined);
    world.rings(day(9), Alarm::PartLimit(named("only")));
    assert_eq!(world.open.len(), 3);
    for (vi, en) in world.open.values() {
        assert!(!vi.contains("Mẫu") && !en.contains("Mẫu"));
        assert!(vi.len() > 40 && en.len() > 40 && vi != en);
    }
}

#[test]
fn what_a_department_would_not_take_is_no_trouble_any_more_once_it_is_owed_to_it_no_longer() {
    let causes = |before: &Dossier, world: &World| -> Vec<String> {
        let over = rounds_over(before, &world.dossier, day(0));
        let over = over.map(|change| match change {
            IncidentChange::Over { key, .. } => key.cause,
            other => panic!("{other:?}"),
        });
        over.collect()
    };
    let both = ["HANDOVER_REFUSED", "HANDOVER_TOO_LARGE"];
    let (step, round) = (named("look_up_licence"), 1);
    let mut world = World::new(false);
    let before = world.dossier.clone();
    assert!(before.steps[&step].stage.is_owed());
    world.happens(
        day(0),
        Action::Offer {
            step: step.clone(),
            round,
        },
    );
    assert!(causes(&before, &world).is_empty(), "it is owed still");
    world.happens(day(0), Action::Acknowledge { step, round });
    assert_eq!(causes(&before, &world), both);

    let mut world = World::new(false);
    let before = world.dossier.clone();
    world.happens(
        day(0),
        Action::Act(Act::Withdraw {
            reason: "r".into(),
            officer: Officer::default(),
        }),
    );
    assert_eq!(causes(&before, &world)[..2], both, "nobody is to take it");
}
