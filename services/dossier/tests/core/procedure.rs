//! Each thing that can be wrong in a procedure is named with its file, its place and its mend.

use crate::{
    generate::*,
    world::{birth, evidence, step},
};
use dossier::{
    Procedure,
    procedure::{Actor, ClockRule, Complaint, ProcedureError, Procedures},
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
        "step.second.gives: evidence `result` is also given by step `first`, and both can run in one dossier; let one of them give it, give the other another name, or give each a `when` that excludes the other's"
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
            "gives = [\"result\"]\nlimit = \"8 working hours\"",
            "gives = [\"result\"]",
            "step.",
            "missing field `limit`; add it",
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
            "returns_max = 3",
            "returns_max = 3\ncutoff = \"3 pm\"",
            "cutoff: `3 pm` is no time of day",
            "such as \"15:00\"",
        ),
        (
            "returns_max = 3",
            "returns_max = 3\nsupplement_clock = \"stop\"",
            "supplement_clock: unknown variant",
            "write one of those",
        ),
        (
            "needs = [\"result\"]",
            "needs = [{ evidence = \"result\", extracts = [] }]",
            "step.second.needs[0].extracts: unknown field",
            "correct its name, or remove it",
        ),
        (
            "role = \"SECOND\"",
            "role = \"SECOND\"\nwhen = \"form.kind = 'A'\"",
            "step.second.when: no condition at column 11",
            "correct it",
        ),
        (
            "[evidence.copy]",
            "[evidence.copy]\nidentifies = { party = \"subject\", scheme = \"shoe_size\", pointer = \"/n\" }",
            "evidence.copy.identifies.scheme: `shoe_size` is no register",
            "write one of: personal_id",
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

/// Everything that may be said, in one procedure.
const RICH: &str = r#"
code = "rich"
title = { vi = "Mẫu", en = "Sample" }
legal_basis = "an article"
valid_from = "2026-01-01"
valid_to = "2026-12-31"
lead = "FIRST"
limit = "4 working days"
cutoff = "15:00"
supplement_window = "7 working days"
supplement_clock = "pause"
appraisal_supplement_within = "3 working days"
intake_limit = "8 working hours"
extensions_max = 2
returns_max = 3

[part.main]
title = { vi = "p", en = "p" }
limit = "4 working days"
receipt = false

[part.wish]
title = { vi = "p", en = "p" }
limit = "4 working days"
optional = true

[evidence.form]
title = { vi = "e", en = "e" }
source = "citizen"
reuse = true

[evidence.agreement]
title = { vi = "e", en = "e" }
source = "citizen"
consent = true
when = "form.kind == 'SHARED'"

[evidence.record]
title = { vi = "e", en = "e" }
source = "registry"
holder = "HOLDER"
look_up_limit = "1 working day"
fallback = "citizen"

[evidence.decision]
title = { vi = "e", en = "e" }
source = "step"
documents_min = 1
reusable = true
valid_for = "180 calendar days"
identifies = { party = "subject", scheme = "personal_id", pointer = "/number" }

[evidence.bill]
title = { vi = "e", en = "e" }
source = "step"
result = true

[evidence.payment]
title = { vi = "e", en = "e" }
source = "step"

[evidence.copy]
title = { vi = "e", en = "e" }
source = "step"

[step.long_way]
title = { vi = "s", en = "s" }
part = "main"
role = "FIRST"
when = "form.kind == 'SHARED'"
needs = ["form", "agreement", "record"]
gives = ["decision"]
limit = "16 working hours"
signed_by = ["CHAIR", "DEPUTY_CHAIR"]
refuse_within = "8 working hours"
consults_max = 1

[step.short_way]
title = { vi = "s", en = "s" }
part = "main"
role = "FIRST"
when = "form.kind == 'SINGLE'"
needs = [{ evidence = "form", extract = ["/kind", "/a~1b/0"] }, { evidence = "record", optional = true }]
gives = ["decision"]
limit = "8 working hours"
cutoff = "16:30"

[step.reckon]
title = { vi = "s", en = "s" }
part = "main"
role = "TAX"
after = ["long_way", "short_way"]
needs = ["decision?"]
gives = ["bill"]
limit = "5 calendar days"
outside_total = true
peer_return = { to = "long_way", ask = "24 working hours", answer = "24 working hours" }

[step.pay]
title = { vi = "s", en = "s" }
part = "main"
actor = "citizen"
pays = "bill"
needs = ["bill"]
gives = ["payment"]
limit = "30 calendar days"

[step.deliver]
title = { vi = "s", en = "s" }
part = "main"
actor = "desk"
needs = ["payment", "decision?", "bill"]
hands_out = ["decision", "bill"]
limit = "15 working hours"

[step.copy_it]
title = { vi = "s", en = "s" }
part = "wish"
role = "SECOND"
optional = true
valid_from = "2026-03-01"
valid_to = "2026-06-30"
needs = ["payment"]
gives = ["copy"]
limit = "8 working hours"

[step.stamp_it]
title = { vi = "s", en = "s" }
part = "main"
role = "SECOND"
when = "'copy_it' in asked && 'wish' in asked"
valid_from = "2026-03-01"
valid_to = "2026-06-30"
needs = ["copy"]
limit = "8 working hours"
"#;

fn rich() -> Procedure {
    Procedure::parse("rich.toml", RICH).unwrap()
}

/// What is said first of the rich procedure with this instead of that.
#[track_caller]
fn first_complaint_of_rich(that: &str, this: &str) -> String {
    assert!(RICH.contains(that), "{that}");
    let text = RICH.replacen(that, this, 1);
    match Procedure::parse("rich.toml", &text) {
        Err(ProcedureError::Unsound { complaints, .. }) => complaints[0].to_string(),
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("nothing is wrong with {this}"),
    }
}

#[test]
fn what_a_procedure_says_is_read_and_what_it_leaves_out_has_its_default() {
    let rich = rich();
    let text = &rich.text;
    assert_eq!(text.cutoff, Some(jiff::civil::time(15, 0, 0, 0)));
    assert_eq!(text.supplement_clock, ClockRule::Pause);
    assert_eq!(
        (text.extensions_max, text.parts["main"].receipt),
        (2, false)
    );
    assert_eq!(
        rich.givers(&evidence("decision")),
        [step("long_way"), step("short_way")]
    );
    assert_eq!(rich.giver(&evidence("decision")), Some(&step("long_way")));
    assert_eq!(rich.givers(&evidence("form")), []);
    let results: Vec<_> = text
        .evidence
        .keys()
        .filter(|it| rich.is_result(it))
        .collect();
    assert_eq!(results, [&evidence("bill"), &evidence("decision")]);
    let needed_when = rich.needed_when(&evidence("agreement")).unwrap();
    assert_eq!(needed_when.text(), "form.kind == 'SHARED'");
    assert_eq!(rich.needed_when(&evidence("form")), None);
    let cutoff = |id| rich.cutoff(&step(id)).unwrap().hour();
    assert_eq!((cutoff("long_way"), cutoff("short_way")), (15, 16));
    let short_way = &text.steps["short_way"];
    assert_eq!(short_way.needs[0].extract, ["/kind", "/a~1b/0"]);
    assert!(short_way.needs[1].optional && short_way.needs[1].extract.is_empty());
    assert_eq!(short_way.consults_max, 3);
    assert_eq!(text.steps["pay"].actor, Actor::Citizen);
    assert!(!text.steps["pay"].counts() && !text.steps["reckon"].counts());
    let copy_it = &text.steps["copy_it"];
    assert!(copy_it.is_in_force(jiff::civil::date(2026, 6, 30)));
    assert!(!copy_it.is_in_force(jiff::civil::date(2026, 7, 1)));

    let sound = Procedure::parse("sample.toml", SOUND).unwrap().text;
    assert_eq!((sound.limit, sound.cutoff), (None, None));
    assert_eq!(sound.supplement_clock, ClockRule::Reset);
    assert_eq!(
        (sound.extensions_max, sound.parts["main"].receipt),
        (1, true)
    );
    assert_eq!(sound.steps["first"].actor, Actor::Department);
}

#[test]
fn each_thing_that_cannot_be_so_is_named_with_its_mend() {
    let cases = [
        (
            "part = \"main\"\nrole = \"TAX\"",
            "part = \"main\"",
            "step.reckon.role: a department's step must name its role; add role = \"ROLE\", or actor = \"desk\" or \"citizen\"",
        ),
        (
            "actor = \"desk\"",
            "actor = \"desk\"\nrole = \"DESK\"",
            "step.deliver.role: only a department's step has it; remove it, or write actor = \"department\"",
        ),
        (
            "actor = \"desk\"",
            "actor = \"desk\"\nsigned_by = [\"CHAIR\"]",
            "step.deliver.signed_by: only a department's step has it; remove it, or write actor = \"department\"",
        ),
        (
            "pays = \"bill\"\n",
            "",
            "step.pay.pays: a citizen's step must say what is paid; name the evidence that says what is owed, or write actor = \"desk\"",
        ),
        (
            "actor = \"desk\"",
            "actor = \"desk\"\npays = \"bill\"",
            "step.deliver.pays: only the citizen pays; remove it, or write actor = \"citizen\"",
        ),
        (
            "pays = \"bill\"",
            "pays = \"decision\"",
            "step.pay.pays: the step does not need `decision`, which says what is owed; add \"decision\" to its needs",
        ),
        (
            "gives = [\"payment\"]",
            "gives = [\"payment\", \"copy\"]",
            "step.pay.gives: a payment gives one thing, its confirmation; name exactly one piece of evidence",
        ),
        (
            "consults_max = 1",
            "hands_out = [\"decision\"]",
            "step.long_way.hands_out: only a desk hands out results; remove it, or write actor = \"desk\"",
        ),
        (
            "hands_out = [\"decision\", \"bill\"]",
            "hands_out = [\"payment\"]",
            "step.deliver.hands_out: `payment` is no result; name a result, or set evidence.payment.result = true",
        ),
        (
            "needs = [\"payment\", \"decision?\", \"bill\"]",
            "needs = [\"payment\", \"bill\"]",
            "step.deliver.hands_out: the step does not wait for `decision`; add \"decision\" to its needs",
        ),
        (
            "consults_max = 1",
            "valid_from = \"2026-05-01\"\nvalid_to = \"2026-04-01\"",
            "step.long_way.valid_to: is before valid_from; give the last reception date on which the step is in force, or leave it out",
        ),
        (
            "consults_max = 1",
            "valid_to = \"2025-12-31\"",
            "step.long_way.valid_to: it is never in force while this version is; correct the date, or remove the step",
        ),
        (
            "consults_max = 1",
            "valid_from = \"2027-01-01\"",
            "step.long_way.valid_from: it is never in force while this version is; correct the date, or remove the step",
        ),
        (
            "refuse_within = \"8 working hours\"",
            "refuse_within = \"3 working days\"",
            "step.long_way.refuse_within: 3 working days is not within its limit, 16 working hours; shorten it, in the unit of the limit, or remove it",
        ),
        (
            "to = \"long_way\"",
            "to = \"longer_way\"",
            "step.reckon.peer_return.to: there is no step `longer_way`; write one of: copy_it, deliver, long_way, pay, reckon, short_way, stamp_it",
        ),
        (
            "to = \"long_way\"",
            "to = \"pay\"",
            "step.reckon.peer_return.to: step `pay` gives nothing that this step needs; name a step that does, or leave it out for whoever gave the evidence",
        ),
        (
            "[step.stamp_it]",
            "[step.slip_it]",
            "step.slip_it: steps that begin with `slip_` are made by the broker itself; give it another name",
        ),
        (
            "[step.stamp_it]",
            "[step.wish]\noptional = true",
            "step.wish.optional: a part has the same name, and nobody can tell which of them is asked for; give the step another name",
        ),
        (
            "look_up_limit = \"1 working day\"\n",
            "look_up_limit = \"1 working day\"\n[evidence.represented]\ntitle = { vi = \"e\", en = \"e\" }\nsource = \"registry\"\nholder = \"HOLDER\"\n",
            "evidence.represented: conditions have a variable of this name; give it another name",
        ),
        (
            "reuse = true",
            "reuse = true\nlook_up_limit = \"1 working day\"",
            "evidence.form.look_up_limit: only evidence from a registry is looked up at a holder; set source = \"registry\", or remove it",
        ),
        (
            "reuse = true",
            "reuse = true\nfallback = \"citizen\"",
            "evidence.form.fallback: only evidence from a registry is looked up at a holder; set source = \"registry\", or remove it",
        ),
        (
            "reuse = true",
            "reuse = true\nholder = \"HOLDER\"",
            "evidence.form.holder: only evidence from a registry is looked up at a holder; set source = \"registry\", or remove it",
        ),
        (
            "fallback = \"citizen\"",
            "consent = true",
            "evidence.record.consent: a person gives consent, and this does not come from the citizen; set source = \"citizen\", or remove it",
        ),
        (
            "fallback = \"citizen\"",
            "reusable = true",
            "evidence.record.reusable: only what a step gives is a result; set source = \"step\", or remove it",
        ),
        (
            "fallback = \"citizen\"",
            "result = true",
            "evidence.record.result: only what a step gives is a result; set source = \"step\", or remove it",
        ),
        (
            "fallback = \"citizen\"",
            "identifies = { party = \"owner\", scheme = \"passport\", pointer = \"/n\" }",
            "evidence.record.identifies: only what a step gives is a result; set source = \"step\", or remove it",
        ),
        (
            "reusable = true",
            "reuse = true",
            "evidence.decision.reuse: what a step gives is made anew in every dossier; write reusable = true for a result that goes into the vault, or remove it",
        ),
        (
            "reusable = true",
            "when = \"represented\"",
            "evidence.decision.when: what a step gives depends on when that step runs; give the step this `when`",
        ),
        (
            "pointer = \"/number\"",
            "pointer = \"number\"",
            "evidence.decision.identifies.pointer: `number` is no JSON pointer (RFC 6901); write it like \"/member/member\", with ~0 for ~ and ~1 for /",
        ),
        (
            "valid_for = \"180 calendar days\"",
            "valid_for = \"180 working days\"",
            "evidence.decision.valid_for: 180 working days cannot be counted in the vault; write it in calendar days",
        ),
        (
            "reusable = true\n",
            "",
            "evidence.decision.valid_for: it does not go into the vault, and whoever puts it there says how long it may be used; add reusable = true, or remove it",
        ),
        (
            "\"/a~1b/0\"",
            "\"/a~b\"",
            "step.short_way.needs.form.extract: `/a~b` is no JSON pointer (RFC 6901); write it like \"/member/member\", with ~0 for ~ and ~1 for /",
        ),
        (
            "\"/a~1b/0\"",
            "\"/kind/0\"",
            "step.short_way.needs.form.extract: `/kind` already holds `/kind/0`; name one of the two",
        ),
        (
            "\"/a~1b/0\"",
            "\"/kind?\"",
            "step.short_way.needs.form.extract: `/kind` already holds `/kind?`; name one of the two",
        ),
        (
            "when = \"form.kind == 'SINGLE'\"",
            "when = \"form.kind != 'SINGLE'\"",
            "step.short_way.gives: evidence `decision` is also given by step `long_way`, and both can run in one dossier; let one of them give it, give the other another name, or give each a `when` that excludes the other's",
        ),
        (
            "when = \"form.kind == 'SINGLE'\"",
            "when = \"form.kind == 'SINGLE' && farm.size > 1\"",
            "step.short_way.when: there is no evidence `farm`; write one of: agreement, bill, copy, decision, form, payment, record",
        ),
        (
            "'copy_it' in asked && 'wish' in asked",
            "'copy_it' in asked && 'wish' in asked && 'pay' in asked",
            "step.stamp_it.when: `pay` is no optional part or step, and nobody can ask for it; name one, or make it optional",
        ),
        (
            "consent = true\nwhen = \"form.kind == 'SHARED'\"",
            "when = \"agreement.kind == 'SHARED'\"\noptional = true",
            "step.long_way.needs: `agreement` may be left out of a submit, and this step cannot run without it; write \"agreement?\", or make evidence.agreement not optional",
        ),
        (
            "needs = [\"payment\", \"decision?\", \"bill\"]",
            "needs = [\"payment\", \"decision\", \"bill\"]",
            "step.deliver.needs: `decision` comes only from step `long_way`, step `short_way`, which may not run, and this step cannot run without it; write \"decision?\", or let this step run only where it is there",
        ),
        (
            "when = \"'copy_it' in asked && 'wish' in asked\"",
            "when = \"'wish' in asked\"",
            "step.stamp_it.needs: `copy` comes only from step `copy_it`, which may not run, and this step cannot run without it; write \"copy?\", or let this step run only where it is there",
        ),
        (
            "when = \"'copy_it' in asked && 'wish' in asked\"\nvalid_from = \"2026-03-01\"",
            "when = \"'copy_it' in asked && 'wish' in asked\"\nvalid_from = \"2026-02-01\"",
            "step.stamp_it.needs: `copy` comes only from step `copy_it`, which may not run, and this step cannot run without it; write \"copy?\", or let this step run only where it is there",
        ),
        (
            "when = \"form.kind == 'SHARED'\"\nneeds",
            "when = \"form.kind == 'SHARED' || form.kind == 'OTHER'\"\nneeds",
            "step.long_way.needs: `agreement` is asked for only where form.kind == 'SHARED', and this step cannot run without it; write \"agreement?\", or let this step run only where it is there",
        ),
        (
            "when = \"form.kind == 'SINGLE'\"",
            "when = \"form.kind == 'SINGLE' && bill.amount_vnd > 0\"",
            "step.reckon: waits for itself: reckon ← short_way ← reckon; remove one of these needs",
        ),
        (
            "limit = \"4 working days\"\ncutoff",
            "limit = \"4 working hours\"\ncutoff",
            "limit: the path long_way → reckon → pay → copy_it → stamp_it takes 32 hours and the whole has 4 (4 working hours); shorten a step's limit, or lengthen limit",
        ),
        (
            "limit = \"4 working days\"\ncutoff",
            "limit = \"9 calendar days\"\ncutoff",
            "step.long_way.limit: cannot be compared with the limit of the whole, 9 calendar days; write it in calendar days or elapsed hours",
        ),
    ];
    for (that, this, complaint) in cases {
        assert_eq!(first_complaint_of_rich(that, this), complaint);
    }
}

#[test]
fn whether_evidence_is_needed_does_not_depend_on_itself() {
    let text = RICH
        .replace(
            "consent = true\nwhen = \"form.kind == 'SHARED'\"",
            "when = \"record.kind == 'A'\"",
        )
        .replace("fallback = \"citizen\"", "when = \"agreement.kind == 'A'\"")
        .replace("\"agreement\", \"record\"]", "\"agreement?\", \"record?\"]");
    let Err(ProcedureError::Unsound { complaints, .. }) = Procedure::parse("rich.toml", &text)
    else {
        panic!("it was read");
    };
    let told: Vec<_> = complaints.iter().map(ToString::to_string).collect();
    let mend = "whether it is needed depends on itself; name other evidence";
    assert_eq!(
        told,
        [
            format!("evidence.agreement.when: {mend}"),
            format!("evidence.record.when: {mend}")
        ]
    );
}

#[test]
fn what_the_core_names_steps_by_leaves_room_for_that() {
    let long = "x".repeat(57);
    let text = RICH.replace("record", &long);
    let said = Procedure::parse("rich.toml", &text)
        .unwrap_err()
        .to_string();
    assert!(
        said.starts_with(&format!("rich.toml: evidence.{long}: the step that looks it up, look_up_{long}, has more than 64 characters; give it a name of at most 56 characters")),
        "{said}"
    );
    Procedure::parse("rich.toml", &RICH.replace("record", &long[1..])).unwrap();
    let long = "x".repeat(55);
    let text = RICH.replace("long_way", &long);
    let said = Procedure::parse("rich.toml", &text)
        .unwrap_err()
        .to_string();
    assert!(
        said.contains(&format!("step.{long}: its consultations, such as consult_{long}_1, have more than 64 characters; give it a shorter name, or write consults_max = 0")),
        "{said}"
    );
    Procedure::parse("rich.toml", &RICH.replace("long_way", &long[1..])).unwrap();
}

#[test]
fn codes_and_positions_are_what_they_say() {
    let signed_by = "signed_by = [\"CHAIR\", \"DEPUTY_CHAIR\"]";
    let national = "[part.main]\ntitle = { vi = \"p\", en = \"p\" }\n";
    for (that, this, told) in [
        (
            signed_by,
            "signed_by = [\"chair\"]".to_owned(),
            "a position must be A-Z",
        ),
        (
            national,
            format!("{national}national_code = \"1001193\"\n"),
            "a national procedure code must be a digit, a dot and six digits",
        ),
    ] {
        assert!(RICH.contains(that), "{that}");
        let said = Procedure::parse("rich.toml", &RICH.replacen(that, &this, 1)).unwrap_err();
        let said = said.to_string();
        assert!(
            said.starts_with("rich.toml: ") && said.contains(told),
            "{said}"
        );
    }
}

#[test]
fn only_what_a_registry_holds_says_by_whom_it_is_found() {
    for (field, text) in [
        ("found_by", "found_by = [\"owner\"]"),
        (
            "known_by",
            "known_by = { scheme = \"personal_id\", pointers = [\"/n\"] }",
        ),
    ] {
        assert_eq!(
            first_complaint_of_rich("reuse = true", text),
            format!(
                "evidence.form.{field}: only evidence from a registry is looked up at a holder; set source = \"registry\", or remove it"
            )
        );
    }
    assert_eq!(
        first_complaint_of_rich(
            "fallback = \"citizen\"",
            "known_by = { scheme = \"personal_id\", pointers = [\"n\"] }"
        ),
        "evidence.record.known_by.pointers: `n` is no JSON pointer (RFC 6901); write it like \"/member/member\", with ~0 for ~ and ~1 for /, and * for every member of an array"
    );
}

#[test]
fn an_extract_names_a_few_members() {
    let many: Vec<_> = (0..65).map(|n| format!("\"/m{n}\"")).collect();
    assert_eq!(
        first_complaint_of_rich("\"/kind\", \"/a~1b/0\"", &many.join(", ")),
        "step.short_way.needs.form.extract: names more than 64 members; name objects that hold several of them"
    );
}

#[test]
fn a_step_that_waits_for_evidence_by_its_condition_needs_no_other_giver() {
    let text = RICH.replace(
        "actor = \"desk\"\nneeds = [\"payment\", \"decision?\", \"bill\"]",
        "actor = \"desk\"\nwhen = \"has(decision.number)\"\nneeds = [\"payment\", \"decision\", \"bill\"]",
    );
    assert_ne!(text, RICH);
    Procedure::parse("rich.toml", &text).unwrap();
}

#[test]
fn two_steps_that_are_never_in_force_together_may_give_the_same() {
    let text = RICH
        .replace(
            "when = \"form.kind == 'SINGLE'\"",
            "valid_from = \"2026-07-01\"",
        )
        .replace("consults_max = 1", "valid_to = \"2026-06-30\"");
    Procedure::parse("rich.toml", &text).unwrap();
    let both = text.replace("valid_from = \"2026-07-01\"", "valid_from = \"2026-06-30\"");
    Procedure::parse("rich.toml", &both).unwrap_err();
}
