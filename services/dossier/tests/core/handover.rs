//! A handover carries what its step declares and no more.

use crate::{generate::*, world::*};
use dossier::{
    Dossier, Procedure,
    dossier::{Kind, Stage, Task},
    handover::{Handover, handover},
    name::{EvidenceName, StepId},
    party::PartyRole,
    procedure::Actor,
};
use proptest::prelude::*;
use std::{collections::BTreeMap, sync::Arc};

/// Everything beyond what the step declares. A consultation gets no more than the step that asks; a
/// look-up gets the question and whom it is about, and no paper.
fn too_much(dossier: &Dossier, procedure: &Procedure, handover: &Handover) -> Vec<String> {
    let plan = match &dossier.steps[&handover.step].kind {
        Kind::Procedure => procedure.step(&handover.step).unwrap().clone(),
        Kind::Consultation { asker, .. } => procedure.step(asker).unwrap().clone(),
        Kind::LookUp { .. } | Kind::Slip => {
            let any = procedure.text.steps.values().next().unwrap().clone();
            let about = [PartyRole::Owner, PartyRole::Subject].into();
            let is_look_up = handover.task == Task::LookUp;
            dossier::procedure::Step {
                needs: vec![],
                gives: Default::default(),
                parties: if is_look_up {
                    about
                } else {
                    Default::default()
                },
                ..any
            }
        }
    };
    let members = handover.evidence.iter().filter(|version| {
        let name = &version.new.given.name;
        let need = plan.needs.iter().find(|need| need.evidence == *name);
        need.is_some_and(|need| !need.extract.is_empty())
            && (version
                .new
                .given
                .data
                .windows(9)
                .any(|w| w == b"\"private\"")
                || !version.new.given.documents.is_empty()
                || version.extract.is_none())
    });
    let members: Vec<String> = members
        .map(|v| format!("all of {}", v.new.given.name))
        .collect();
    // Of what its condition asks of it hears that it changed, and nothing more.
    let judged = plan.when.iter().flat_map(|when| when.evidence());
    let judged: Vec<_> = judged.collect();
    let changes = handover.changes.iter().map(|change| &change.evidence);
    let evidence = handover
        .evidence
        .iter()
        .map(|version| &version.new.given.name)
        .chain(changes.filter(|name| !judged.contains(name)))
        .chain(handover.fault_answers.iter().map(|answer| &answer.evidence))
        .filter(|name| plan.needs.iter().all(|need| need.evidence != **name))
        .map(ToString::to_string);
    let parties = handover
        .parties
        .iter()
        .filter(|party| party.roles.is_disjoint(&plan.parties))
        .map(|party| party.id.to_string());
    let faults = handover
        .faults
        .iter()
        .filter(|fault| !plan.gives.contains(&fault.evidence))
        .map(|fault| fault.evidence.to_string());
    evidence
        .chain(parties)
        .chain(faults)
        .chain(members)
        .collect()
}

/// Every procedure that is shipped, by its file name.
#[allow(clippy::disallowed_methods)] // the core reads no disk; its tests may
fn shipped() -> BTreeMap<String, Arc<Procedure>> {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../deploy/procedures");
    std::fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "toml"))
        .map(|path| {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let text = std::fs::read_to_string(&path).unwrap();
            let procedure = Procedure::parse(&name, &text).unwrap();
            (name, Arc::new(procedure))
        })
        .collect()
}

/// Whether papers without a schema and the word of departments carry a dossier through.
fn has_departments_alone(procedure: &Procedure) -> bool {
    let mut steps = procedure.text.steps.values();
    let mut kinds = procedure.text.evidence.values();
    steps.all(|step| step.actor == Actor::Department && step.when.is_none())
        && kinds.all(|kind| kind.schema.is_empty())
}

/// A directory in which one department has every role.
fn one_department_for(procedure: &Procedure) -> dossier::directory::Directory {
    let roles: Vec<_> = procedure
        .text
        .steps
        .values()
        .filter_map(|step| step.role.as_ref())
        .map(|role| role.as_str())
        .collect();
    let text = format!(
        "territory = [{{ code = \"H26\", name = \"t\" }}]\nagency = [\n  {{ code = \"{DESK}\", name = \"d\", territory = \"H26\", valid_from = \"2025-01-01\" }},\n  {{ code = \"H26.9\", name = \"d\", roles = {roles:?}, territory = \"H26\", valid_from = \"2025-01-01\" }},\n]"
    );
    dossier::directory::Directory::parse("directory.toml", &text).unwrap()
}

#[test]
fn every_step_of_every_shipped_procedure_gets_what_it_declares_and_no_more() {
    let procedures = shipped();
    assert!(procedures.contains_key("birth.toml"));
    for (file, procedure) in procedures {
        if !has_departments_alone(&procedure) {
            continue;
        }
        let mut submission = birth_submission();
        submission.territory = "H26".parse().unwrap();
        submission.asked = procedure
            .text
            .parts
            .keys()
            .map(ToString::to_string)
            .collect();
        submission.parties = PartyRole::ALL
            .into_iter()
            .map(|role| {
                let mut one = party(role.word(), &[role]);
                one.represents =
                    (role == PartyRole::Representative).then(|| "owner".parse().unwrap());
                one
            })
            .collect();
        submission.evidence = procedure
            .text
            .evidence
            .iter()
            .filter(|(name, _)| procedure.giver(name).is_none())
            .map(|(name, _)| paper(name.as_str(), "as the desk took it"))
            .collect();
        let law = Law::of(procedure.clone(), one_department_for(&procedure));
        let mut case = Case::receive(law, submission);
        let mut seen = 0;
        while let Some(id) = case.owed().first().cloned() {
            let handover = case.handover(&id);
            assert_eq!(
                too_much(&case.dossier, &procedure, &handover),
                [""; 0],
                "{file}: {id}"
            );
            let plan = procedure.step(&handover.step).unwrap();
            assert_eq!(
                handover.evidence.len(),
                plan.needs.len(),
                "{file}: {id} lacks something"
            );
            assert_eq!(
                handover.parties.len(),
                plan.parties.len(),
                "{file}: {id} lacks a party"
            );
            seen += 1;
            case.holds(&id);
            case.says(&id, completed("first"));
        }
        assert!(case.is_closed());
        assert_eq!(seen, procedure.text.steps.len());
    }
}

#[test]
fn a_recall_carries_nothing_but_its_reason() {
    let mut case = Case::birth_registered();
    case.moves("register_residence", OTHER_POLICE).unwrap();
    let recall = handover(
        &case.dossier,
        &case.procedure,
        &step("register_residence"),
        2,
    )
    .unwrap();
    assert!(recall.evidence.is_empty() && recall.parties.is_empty());
    assert_eq!(
        (recall.agency.as_str(), recall.reason.as_str()),
        (POLICE, "moved")
    );
}

#[test]
fn a_round_that_is_over_has_no_handover() {
    let mut case = Case::birth_registered();
    case.says("register_birth", corrected("birth_certificate", "second"));
    assert!(
        handover(
            &case.dossier,
            &case.procedure,
            &step("register_residence"),
            1
        )
        .is_none()
    );
    assert!(handover(&case.dossier, &case.procedure, &step("register_birth"), 1).is_none());
}

#[test]
fn a_handover_is_known_by_dossier_step_round_and_versions() {
    let mut case = Case::birth_registered();
    let first = case.handover("register_residence").id;
    assert_eq!(first, case.handover("register_residence").id);
    case.says("register_birth", corrected("birth_certificate", "second"));
    assert_ne!(first, case.handover("register_residence").id);
    assert_ne!(
        case.handover("register_residence").id,
        case.handover("issue_health_card").id
    );
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn whatever_happens_a_handover_carries_what_its_step_declares(plan in plans(), history in histories()) {
        let mut lived = Lived::begin(&plan);
        for one in &history {
            let _ = lived.attempt(one);
            let dossier = &lived.case.dossier;
            for (id, step) in &dossier.steps {
                let handover = handover(dossier, &lived.case.procedure, id, step.round);
                let is_open = step.stage.is_open() && step.is_departments();
                let is_recall = dossier.recalls.contains_key(&(id.clone(), step.round));
                prop_assert_eq!(handover.is_some(), is_open || is_recall);
                if let Some(handover) = handover {
                    prop_assert_eq!(too_much(dossier, &lived.case.procedure, &handover), Vec::<String>::new());
                    let held: Vec<_> = handover.evidence.iter().map(|v| v.new.version).collect();
                    let inputs: Vec<_> = if is_recall { vec![] } else { step.inputs.values().copied().collect() };
                    prop_assert_eq!(held, inputs);
                    // What it is asked to judge it is told, or it could never answer.
                    let told = |name: &EvidenceName, version: u32| {
                        handover.changes.iter().any(|change| change.evidence == *name && change.to == version)
                    };
                    let untold: Vec<_> = step.review.iter().filter(|(name, version)| !told(name, **version)).collect();
                    prop_assert!(is_recall || untold.is_empty(), "{} is not told {:?}", id, untold);
                }
            }
        }
    }

    #[test]
    fn a_round_says_the_same_until_it_is_acknowledged(plan in plans(), history in histories()) {
        let mut lived = Lived::begin(&plan);
        let mut sent: BTreeMap<(StepId, u32), Handover> = BTreeMap::new();
        for one in &history {
            let _ = lived.attempt(one);
            let dossier = &lived.case.dossier;
            for (id, step) in &dossier.steps {
                let key = (id.clone(), step.round);
                match step.stage {
                    Stage::Due | Stage::PossiblyHeld if step.is_departments() => {
                        let now = handover(dossier, &lived.case.procedure, id, step.round).unwrap();
                        if let Some(before) = sent.get(&key) {
                            prop_assert_eq!(before, &now);
                        }
                        sent.insert(key, now);
                    }
                    // What was held and lost is sent as it stands then.
                    _ => drop(sent.remove(&key)),
                }
            }
        }
    }
}
