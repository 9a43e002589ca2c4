//! The procedures that are shipped can be loaded, and say what the law says.

use crate::world::{evidence, step};
use dossier::{
    Procedure,
    condition::Condition,
    limit::Limit,
    name::EvidenceName,
    procedure::{Actor, Fallback, Origin, Procedures},
};

fn shipped(file: &str, text: &str) -> Procedure {
    Procedure::parse(file, text).unwrap_or_else(|error| panic!("{error}"))
}

fn birth() -> Procedure {
    let text = include_str!("../../../../deploy/procedures/birth.toml");
    shipped("birth.toml", text)
}

fn death() -> Procedure {
    let text = include_str!("../../../../deploy/procedures/death.toml");
    shipped("death.toml", text)
}

fn land_transfer() -> Procedure {
    let text = include_str!("../../../../deploy/procedures/land_transfer.toml");
    shipped("land_transfer.toml", text)
}

fn business() -> Procedure {
    let text = include_str!("../../../../deploy/procedures/business.toml");
    shipped("business.toml", text)
}

fn limit(text: &str) -> Limit {
    text.parse().unwrap()
}

#[test]
fn the_four_journeys_are_in_force_together() {
    let procedures = Procedures::new([birth(), death(), land_transfer(), business()]).unwrap();
    let at = "2026-10-01T02:00:00Z".parse().unwrap();
    for code in ["birth", "death", "land_transfer", "business"] {
        let found = procedures.in_force(code, at);
        assert!(found.is_some(), "{code}");
    }
}

#[test]
fn the_birth_procedure_is_sound() {
    let birth = birth();
    assert_eq!(birth.text.steps.len(), 4);
    let notice = &birth.text.evidence["birth_notice"];
    assert_eq!(notice.fallback, Some(Fallback::Citizen));
    assert_eq!(birth.text.evidence["parents"].fallback, None);
    let consent = evidence("householder_consent");
    assert!(
        birth.needed_when(&consent).is_some() && birth.text.evidence["householder_consent"].consent
    );
    let number = birth.text.evidence["personal_id"].identifies.as_ref();
    assert_eq!(number.unwrap().pointer, "/personal_id");
    assert!(!birth.is_result(&evidence("personal_id")));
    assert!(birth.is_result(&evidence("birth_certificate")));
}

#[test]
fn a_death_has_one_of_three_allowances() {
    let death = death();
    let givers = death.givers(&evidence("benefit_decision"));
    assert_eq!(givers.len(), 3);
    let when = |id| death.step(id).and_then(|step| step.when.as_ref()).unwrap();
    let pairs = givers
        .iter()
        .flat_map(|one| givers.iter().map(move |two| (one, two)));
    for (one, two) in pairs.filter(|(one, two)| one != two) {
        assert!(when(one).excludes(when(two)), "{one} and {two}");
    }
}

#[test]
fn the_police_learn_nothing_of_the_relative_of_the_dead() {
    let death = death();
    let need = &death.step(&step("delete_residence")).unwrap().needs[0];
    assert!(!need.extract.is_empty());
    assert!(
        need.extract
            .iter()
            .all(|member| !member.contains("requester"))
    );
}

#[test]
fn the_limits_of_a_land_transfer_sum_to_exactly_eight_working_days() {
    let land = land_transfer();
    assert_eq!(land.text.limit, Some(limit("8 working days")));
    let counted = land.text.steps.values().filter(|step| step.counts());
    let hours: u64 = counted.map(|step| step.limit.hours()).sum();
    assert_eq!(hours, 64);
    let outside: Vec<_> = land
        .text
        .steps
        .iter()
        .filter(|(_, step)| !step.counts())
        .map(|(id, _)| id.as_str())
        .collect();
    assert_eq!(outside, ["pay", "tax_notice"]);

    let text = include_str!("../../../../deploy/procedures/land_transfer.toml");
    let longer = text.replacen(
        "limit = \"12 working hours\"",
        "limit = \"13 working hours\"",
        1,
    );
    let told = Procedure::parse("land_transfer.toml", &longer)
        .unwrap_err()
        .to_string();
    assert!(
        told.contains("intake → appraise → branch_check → approve → slip → tax_notice → pay → reconcile → print → branch_sign → office_sign → deliver takes 65 hours and the whole has 64"),
        "{told}"
    );
}

#[test]
fn in_a_land_transfer_the_desk_receives_and_delivers_and_the_citizen_pays() {
    let land = land_transfer();
    let by = |actor: Actor| -> Vec<&str> {
        let steps = land.text.steps.iter();
        steps
            .filter(|(_, step)| step.actor == actor)
            .map(|(id, _)| id.as_str())
            .collect()
    };
    assert_eq!(by(Actor::Desk), ["deliver", "intake"]);
    assert_eq!(by(Actor::Citizen), ["pay"]);
    let peer_return = land.text.steps["tax_notice"].peer_return.as_ref().unwrap();
    assert_eq!(peer_return.to, Some(step("slip")));
    let results: Vec<_> = land
        .text
        .evidence
        .keys()
        .filter(|name| land.is_result(name))
        .map(EvidenceName::as_str)
        .collect();
    assert_eq!(results, ["land_certificate"]);
}

#[test]
fn starting_a_business_is_the_work_of_departments_alone() {
    let business = business();
    let mut steps = business.text.steps.values();
    assert!(steps.all(|step| step.actor == Actor::Department));
    let when = business
        .needed_when(&evidence("charter"))
        .map(Condition::text);
    assert_eq!(
        when,
        Some("registration_application.legal_form != 'PRIVATE_ENTERPRISE'")
    );
}

/// Nobody is asked for what somebody holds: each look-up has a time after which somebody is told.
#[test]
fn whatever_a_registry_holds_has_a_limit_for_its_answer() {
    for procedure in [birth(), death(), land_transfer(), business()] {
        for (name, kind) in &procedure.text.evidence {
            assert!(
                kind.source != Origin::Registry || kind.look_up_limit.is_some(),
                "{name}"
            );
        }
    }
}
