//! Each thing that can be wrong in a procedure is named with its file, its place and its mend.

use crate::{generate::*, world::birth};
use dossier::{
    Procedure,
    procedure::{Complaint, ProcedureError, Procedures},
};
use jiff::Timestamp;

const SOUND: &str = r#"
code = "sample"
title = { vi = "Mẫu", en = "Sample" }
legal_basis = "an article"
valid_from = "2026-01-01"
lead = "FIRST"
supplement_window = "7 working days"
returns_max = 3

[part.main]
title = { vi = "p", en = "p" }
limit = "3 working days"

[part.wish]
title = { vi = "p", en = "p" }
limit = "3 working days"
optional = true

[evidence.form]
title = { vi = "e", en = "e" }
source = "citizen"

[evidence.record]
title = { vi = "e", en = "e" }
source = "registry"
holder = "HOLDER"

[evidence.result]
title = { vi = "e", en = "e" }
source = "step"

[evidence.copy]
title = { vi = "e", en = "e" }
source = "step"

[step.first]
title = { vi = "s", en = "s" }
part = "main"
role = "FIRST"
needs = ["form", "record"]
gives = ["result"]
limit = "8 working hours"

[step.second]
title = { vi = "s", en = "s" }
part = "wish"
role = "SECOND"
needs = ["result"]
gives = ["copy"]
limit = "8 working hours"
"#;

/// What is wrong when this stands where that stood.
#[track_caller]
fn complaints(instead: &[(&str, &str)]) -> Vec<Complaint> {
    let mut text = SOUND.to_owned();
    for (that, this) in instead {
        assert!(text.contains(that), "{that}");
        text = text.replacen(that, this, 1);
    }
    match Procedure::parse("sample.toml", &text) {
        Err(ProcedureError::Unsound { file, complaints }) => {
            assert_eq!(file, "sample.toml");
            complaints
        }
        Err(other) => panic!("{other}"),
        Ok(_) => vec![],
    }
}

#[track_caller]
fn one_complaint(that: &str, this: &str) -> String {
    let all = complaints(&[(that, this)]);
    assert_eq!(all.len(), 1, "{all:#?}");
    all[0].to_string()
}

#[test]
fn a_sound_procedure_has_nothing_wrong() {
    assert!(complaints(&[]).is_empty());
}

#[test]
fn the_file_comes_first_in_the_message() {
    let text = SOUND.replace("part = \"wish\"", "part = \"wash\"");
    let error = Procedure::parse("deploy/procedures/sample.toml", &text)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with(
            "deploy/procedures/sample.toml: step.second.part: there is no part `wash`"
        ),
        "{error}"
    );
}

#[test]
fn a_field_that_no_procedure_has_is_named_with_its_line() {
    let text = SOUND.replace("returns_max = 3", "returns_max = 3\nreturns_min = 1");
    let error = Procedure::parse("sample.toml", &text)
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("sample.toml: ") && error.contains("returns_min"),
        "{error}"
    );
}

#[test]
fn a_limit_that_is_none_says_how_to_write_one() {
    let text = SOUND.replace("7 working days", "a week");
    let error = Procedure::parse("sample.toml", &text)
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("`a week` is no limit; write an amount and a unit"),
        "{error}"
    );
}

#[test]
fn it_cannot_end_before_it_begins() {
    assert_eq!(
        one_complaint(
            "valid_from = \"2026-01-01\"",
            "valid_from = \"2026-01-01\"\nvalid_to = \"2025-01-01\""
        ),
        "valid_to: is before valid_from; give the last day on which this version is in force, or leave it out"
    );
}

#[test]
fn the_lead_does_one_of_the_steps() {
    assert_eq!(
        one_complaint("lead = \"FIRST\"", "lead = \"THIRD\""),
        "lead: no step has the role THIRD; name the role of one of the steps"
    );
}

#[test]
fn a_step_belongs_to_a_part_that_is_there() {
    let all = complaints(&[("part = \"wish\"", "part = \"wash\"")]);
    assert_eq!(
        all[0].to_string(),
        "step.second.part: there is no part `wash`; write one of: main, wish"
    );
    assert_eq!(
        all[1].to_string(),
        "part.wish: no step belongs to it; add a step with this part, or remove it"
    );
}

#[test]
fn a_step_comes_after_a_step_that_is_there() {
    assert_eq!(
        one_complaint(
            "role = \"SECOND\"",
            "role = \"SECOND\"\nafter = [\"third\"]"
        ),
        "step.second.after: there is no step `third`; write one of: first, second"
    );
}

#[test]
fn evidence_from_a_registry_names_its_holder() {
    assert_eq!(
        one_complaint("holder = \"HOLDER\"", ""),
        "evidence.record.holder: evidence from a registry must name its holder; add holder = \"ROLE\""
    );
}

#[test]
fn what_a_step_gives_is_not_optional_in_a_submit() {
    let all = complaints(&[("[evidence.copy]", "[evidence.copy]\noptional = true")]);
    assert_eq!(all[0].place, "evidence.copy.optional");
    assert_eq!(
        all[0].mend,
        "remove it, and write the need as \"name?\" where a step can do without"
    );
}

#[test]
fn what_is_given_is_described() {
    let all = complaints(&[("gives = [\"copy\"]", "gives = [\"copy\", \"note\"]")]);
    assert_eq!(
        all[0].to_string(),
        "step.second.gives: evidence `note` is not described; add a table [evidence.note] with source = \"step\""
    );
}

#[test]
fn what_a_step_gives_does_not_come_from_the_citizen() {
    let all = complaints(&[("gives = [\"result\"]", "gives = [\"result\", \"form\"]")]);
    assert_eq!(
        all[0].to_string(),
        "step.first.gives: evidence `form` does not come from a step by its own table; set evidence.form.source = \"step\", or give it another name"
    );
}

#[test]
fn two_steps_do_not_give_the_same() {
    assert_eq!(
        one_complaint("gives = [\"copy\"]", "gives = [\"copy\", \"result\"]\n"),
        "step.second.gives: evidence `result` is also given by step `first`, and both can run in one dossier; let one of them give it, or give the other another name"
    );
}

#[test]
fn evidence_from_a_step_has_a_step_that_gives_it() {
    assert_eq!(
        one_complaint("gives = [\"copy\"]", ""),
        "evidence.copy.source: no step gives it; add it to the `gives` of a step, or change its source"
    );
}

#[test]
fn a_need_has_a_giver() {
    let said = one_complaint("needs = [\"result\"]", "needs = [\"result\", \"stamp\"]");
    assert_eq!(
        said,
        "step.second.needs: nobody gives `stamp`; add a table [evidence.stamp] that says who does, or write one of: copy, form, record, result"
    );
}

#[test]
fn a_need_is_named_once() {
    assert_eq!(
        one_complaint("needs = [\"result\"]", "needs = [\"result\", \"result?\"]"),
        "step.second.needs: names `result` twice; name it once"
    );
}

#[test]
fn what_may_be_left_out_is_needed_only_with_a_question_mark() {
    assert_eq!(
        one_complaint("[evidence.form]", "[evidence.form]\noptional = true"),
        "step.first.needs: `form` may be left out of a submit, and this step cannot run without it; write \"form?\", or make evidence.form not optional"
    );
}

#[test]
fn nobody_needs_what_only_an_optional_part_gives() {
    let all = complaints(&[
        ("needs = [\"form\", \"record\"]", "needs = [\"copy\"]"),
        ("needs = [\"result\"]", ""),
    ]);
    assert_eq!(
        all[0].to_string(),
        "step.first.needs: step `second` is in the optional part `wish`, which a dossier may be without; put both into the same part, or make that part not optional"
    );
    let all = complaints(&[
        (
            "gives = [\"result\"]",
            "gives = [\"result\"]\nafter = [\"second\"]",
        ),
        ("needs = [\"result\"]", ""),
    ]);
    assert_eq!(all[0].place, "step.first.after");
}

#[test]
fn no_step_waits_for_itself() {
    let all = complaints(&[
        ("optional = true", ""),
        (
            "needs = [\"form\", \"record\"]",
            "needs = [\"form\", \"copy\"]",
        ),
    ]);
    assert_eq!(all.len(), 1);
    assert_eq!(
        all[0].to_string(),
        "step.first: waits for itself: first ← second ← first; remove one of these needs"
    );
    let alone = one_complaint(
        "gives = [\"result\"]",
        "gives = [\"result\"]\nafter = [\"first\"]",
    );
    assert_eq!(
        alone,
        "step.first: waits for itself: first ← first; remove one of these needs"
    );
}

#[test]
fn the_longest_path_fits_its_part() {
    assert_eq!(
        one_complaint(
            "limit = \"3 working days\"\noptional",
            "limit = \"15 working hours\"\noptional"
        ),
        "step.second.limit: the path first → second takes 16 hours and part `wish` has 15 (15 working hours); shorten a step's limit, or lengthen part.wish.limit"
    );
    assert!(
        complaints(&[(
            "limit = \"3 working days\"\noptional",
            "limit = \"2 working days\"\noptional"
        )])
        .is_empty()
    );
}

#[test]
fn limits_on_one_path_are_of_one_family() {
    let said = one_complaint(
        "gives = [\"copy\"]\nlimit = \"8 working hours\"",
        "gives = [\"copy\"]\nlimit = \"2 calendar days\"",
    );
    assert_eq!(
        said,
        "step.second.limit: cannot be compared with the limit of part `wish`, 3 working days; write it in working days or working hours"
    );
}

#[test]
fn a_procedure_with_very_many_paths_is_checked_at_once() {
    let steps = (0..60).map(|n| {
        let step = PlannedStep::named(&format!("s{n}")).gives(&format!("e{n}"));
        (0..n).fold(step, |step, before| step.needs(&format!("e{before}")))
    });
    assert_eq!(plan(steps.collect()).procedure().text.steps.len(), 60);
}

#[test]
fn two_versions_of_a_procedure_are_not_in_force_on_the_same_day() {
    let version = |from: &str, to: Option<&str>| {
        let to = to.map_or(String::new(), |to| format!("valid_to = \"{to}\"\n"));
        let text = SOUND.replace(
            "valid_from = \"2026-01-01\"\n",
            &format!("valid_from = \"{from}\"\n{to}"),
        );
        Procedure::parse("sample.toml", &text).unwrap()
    };
    let overlap =
        Procedures::new([version("2026-01-01", None), version("2027-01-01", None)]).unwrap_err();
    let told = overlap.to_string();
    for part in [
        "in force on the same day",
        "set `valid_to` of the older one",
    ] {
        assert!(told.contains(part), "{told}");
    }

    let one_after_another = [
        version("2026-01-01", Some("2026-12-31")),
        version("2027-01-01", None),
    ];
    let procedures = Procedures::new(one_after_another).unwrap();
    let in_force = |at: &str| {
        let at: Timestamp = at.parse().unwrap();
        procedures
            .in_force("sample", at)
            .map(|p| p.text.valid_from.to_string())
    };
    assert_eq!(in_force("2025-12-31T16:59:59Z"), None);
    assert_eq!(
        in_force("2025-12-31T17:00:00Z").as_deref(),
        Some("2026-01-01"),
        "midnight in Hà Nội"
    );
    assert_eq!(
        in_force("2026-12-31T16:59:59Z").as_deref(),
        Some("2026-01-01")
    );
    assert_eq!(
        in_force("2026-12-31T17:00:00Z").as_deref(),
        Some("2027-01-01")
    );
    assert_eq!(procedures.current().count(), 2);
}

#[test]
fn an_open_dossier_finds_the_version_that_it_follows() {
    let old = birth();
    let mut procedures = Procedures::default();
    assert!(procedures.version(&old.digest).is_none());
    procedures.keep((*old).clone());
    assert!(procedures.version(&old.digest).is_some());
    assert!(
        procedures
            .in_force("birth", "2026-10-01T00:00:00Z".parse().unwrap())
            .is_none(),
        "new dossiers do not follow it"
    );
}

/// Each text that cannot be read, and the place and mend that its writer is told.
#[test]
fn what_cannot_be_read_is_named_with_its_step_field_and_mend() {
    let cases = [
        (
            "role = \"FIRST\"\n",
            "",
            "step.",
            "missing field `role`; add it",
        ),
        (
            "limit = \"3 working days\"\n\n[part.wish]",
            "limit = \"3 days\"\n\n[part.wish]",
            "part.main.limit: ",
            "write an amount and a unit",
        ),
        (
            "holder = \"HOLDER\"",
            "keeper = \"HOLDER\"",
            "evidence.record.keeper: unknown field",
            "correct its name, or remove it",
        ),
        (
            "source = \"registry\"",
            "source = \"register\"",
            "evidence.record.source: unknown variant",
            "write one of those",
        ),
        (
            "valid_from = \"2026-01-01\"",
            "valid_from = \"2026-13-01\"",
            "valid_from: ",
            "correct it",
        ),
        (
            "returns_max = 3\n",
            "",
            "the file: missing field `returns_max`",
            "add it",
        ),
        (
            "returns_max = 3",
            "returns_max = ",
            "line 8: ",
            "mend the TOML there",
        ),
    ];
    Procedure::parse("sample.toml", SOUND).unwrap();
    for (right, wrong, place, mend) in cases {
        assert!(SOUND.contains(right), "{right}");
        let error = Procedure::parse("sample.toml", &SOUND.replacen(right, wrong, 1)).unwrap_err();
        let told = error.to_string();
        for part in ["sample.toml: ", place, mend] {
            assert!(told.contains(part), "`{part}` is not in: {told}");
        }
    }
}
