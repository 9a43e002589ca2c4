//! Schemas: those that are shipped accept what they should and no less; those that are wrong are
//! refused with file, place and mend; and no fault ever repeats anything of the data.

#![allow(clippy::disallowed_methods)] // tests read the files that are shipped

use dossier::{
    extract::Pointer,
    intake::EVIDENCE_DATA_BYTES_MAX,
    schema::{DataError, SCHEMA_FAULTS_MAX, SchemaError, SchemaFault, Schemas},
};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::PathBuf,
    sync::LazyLock,
};

/// What evidence the four journeys have, so that none is forgotten.
const OF_THE_JOURNEYS: &str = "birth_notice parents householder_consent health_facility_choice \
    residence_choice birth_certificate personal_id residence_notice health_card identity_card \
    death_notice payout_choice beneficiary_group death_extract residence_deletion_notice \
    benefit_decision application old_certificate contract tax_declarations land_record appraisal \
    financial_obligation_slip payment_notice payment_confirmation land_certificate_draft \
    land_certificate power_of_attorney registration_application charter \
    enterprise_registration_certificate tax_registration social_insurance_unit labour_declaration \
    invoice_registration";

fn texts(folder: &str) -> BTreeMap<String, String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(folder);
    let files = fs::read_dir(folder)
        .unwrap()
        .map(|file| file.unwrap().path());
    files
        .map(|path| {
            let name = path.file_name().unwrap().to_str().unwrap().to_owned();
            (name, fs::read_to_string(path).unwrap())
        })
        .collect()
}

static TEXTS: LazyLock<BTreeMap<String, String>> = LazyLock::new(|| texts("../../deploy/schemas"));
static SHIPPED: LazyLock<Schemas> =
    LazyLock::new(|| Schemas::new(TEXTS.clone().into_iter().collect()).unwrap());
/// By schema id.
static EXAMPLES: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    let texts = texts("tests/core/schemas").into_iter();
    let example =
        |(file, text): (String, String)| (id_of(&file), serde_json::from_str(&text).unwrap());
    texts.map(example).collect()
});

fn check(schema: &str, data: &Value) -> Result<(), Vec<SchemaFault>> {
    match SHIPPED.check(schema, data.to_string().as_bytes()) {
        Ok(()) => Ok(()),
        Err(DataError::Faults(faults)) => Err(faults),
        Err(error) => panic!("{error}"),
    }
}

/// The schema of a place in the shipped schemas, references followed.
fn resolved<'a>(mut id: &'a str, mut place: &'a Value) -> (&'a str, &'a Value) {
    while let Some(to) = place.get("$ref").and_then(Value::as_str) {
        let (to_id, fragment) = to.split_once('#').unwrap_or((to, ""));
        if !to_id.is_empty() {
            id = to_id;
        }
        place = schema(id).pointer(fragment).unwrap();
    }
    (id, place)
}

/// By schema id.
static PARSED: LazyLock<BTreeMap<String, Value>> = LazyLock::new(|| {
    let texts = TEXTS.iter();
    let parse =
        |(file, text): (&String, &String)| (id_of(file), serde_json::from_str(text).unwrap());
    texts.map(parse).collect()
});

fn schema(id: &str) -> &'static Value {
    &PARSED[id]
}

fn id_of(file: &str) -> String {
    format!(
        "lienthong:{}",
        file.trim_end_matches(".json").replace('-', ":")
    )
}

/// Every member of the data, with its pointer and whether its schema requires it.
fn members(id: &str, place: &Value, data: &Value, at: &str, all: &mut Vec<(String, bool)>) {
    let (id, place) = resolved(id, place);
    for (name, value) in data.as_object().into_iter().flatten() {
        let required = place["required"]
            .as_array()
            .is_some_and(|all| all.contains(&json!(name)));
        let at = format!("{at}/{name}");
        all.push((at.clone(), required));
        members(id, &place["properties"][name], value, &at, all);
    }
    for (n, value) in data.as_array().into_iter().flatten().enumerate() {
        members(id, &place["items"], value, &format!("{at}/{n}"), all);
    }
}

fn members_of(id: &str, data: &Value) -> Vec<(String, bool)> {
    let mut all = Vec::new();
    members(id, schema(id), data, "", &mut all);
    all
}

fn without(data: &Value, pointer: &str) -> Value {
    let mut data = data.clone();
    let (parent, name) = pointer.rsplit_once('/').unwrap();
    data.pointer_mut(parent)
        .unwrap()
        .as_object_mut()
        .unwrap()
        .remove(name);
    data
}

#[test]
fn each_piece_of_evidence_of_the_four_journeys_has_a_schema_and_an_example() {
    let mut wanted: BTreeSet<String> = OF_THE_JOURNEYS
        .split_whitespace()
        .map(|name| format!("lienthong:{name}:1"))
        .collect();
    wanted.insert("lienthong:common:1".into());
    assert_eq!(
        SHIPPED.ids().map(str::to_owned).collect::<BTreeSet<_>>(),
        wanted
    );
    assert_eq!(EXAMPLES.keys().cloned().collect::<BTreeSet<_>>(), wanted);
}

#[test]
fn each_file_is_named_after_its_schema() {
    for (file, text) in TEXTS.iter() {
        let schema: Value = serde_json::from_str(text).unwrap();
        assert_eq!(schema["$id"], id_of(file), "{file}");
    }
}

#[test]
fn each_schema_accepts_its_example() {
    for (id, example) in EXAMPLES.iter() {
        assert_eq!(check(id, example), Ok(()), "{id}");
    }
}

#[test]
fn each_example_shows_every_member_that_its_schema_knows() {
    // Where one choice excludes the other, the example can show only one of them.
    let excluded = ["lienthong:payout_choice:1/cash_place"];
    for (id, example) in EXAMPLES.iter() {
        for name in schema(id)["properties"].as_object().unwrap().keys() {
            let shown = example.get(name).is_some();
            let at = format!("{id}/{name}");
            assert!(shown || excluded.contains(&at.as_str()), "{at}");
        }
    }
}

#[test]
fn each_example_without_a_required_member_is_refused_and_the_member_is_named() {
    let mut tried = 0;
    for (id, example) in EXAMPLES.iter() {
        for (pointer, required) in members_of(id, example) {
            let answer = check(id, &without(example, &pointer));
            if required {
                let rule = "there".to_owned();
                assert_eq!(answer, Err(vec![SchemaFault { pointer, rule }]), "{id}");
                tried += 1;
            }
        }
    }
    assert!(tried > 300, "{tried}");
}

#[test]
fn each_example_with_an_unknown_member_anywhere_is_refused_and_the_member_is_not_named() {
    for (id, example) in EXAMPLES.iter() {
        let mut objects = vec![String::new()];
        objects.extend(
            members_of(id, example)
                .into_iter()
                .map(|(pointer, _)| pointer),
        );
        for at in objects {
            let mut data = example.clone();
            let place = data.pointer_mut(&at).unwrap();
            let Some(object) = place.as_object_mut() else {
                continue;
            };
            object.insert("Nguyễn Văn Kín".into(), json!(1));
            let faults = check(id, &data).unwrap_err();
            assert_eq!(faults.len(), 1, "{id}{at}");
            assert_eq!(faults[0].pointer, at);
            assert!(
                faults[0].rule.starts_with("an object with"),
                "{}",
                faults[0]
            );
            assert!(!faults[0].rule.contains("Kín"));
        }
    }
}

#[test]
fn no_fault_repeats_a_value_of_the_data() {
    for (id, example) in EXAMPLES.iter() {
        for (pointer, _) in members_of(id, example) {
            for secret in [
                json!("Bí mật"),
                json!(918_273_645),
                json!(["Bí mật"]),
                json!({"Bí mật": 918_273_645}),
                json!(-918_273_645.25),
            ] {
                let mut data = example.clone();
                *data.pointer_mut(&pointer).unwrap() = secret;
                for fault in check(id, &data).err().into_iter().flatten() {
                    let told = fault.to_string();
                    assert!(
                        !told.contains("mật") && !told.contains("918273645"),
                        "{told}"
                    );
                    let known: Pointer = fault.pointer.parse().unwrap();
                    assert!(SHIPPED.has_pointer(id, &known), "{id}{}", fault.pointer);
                }
            }
        }
    }
}

#[test]
fn faults_name_the_place_and_the_rule() {
    let notice = |pointer: &str, value: Value| {
        let mut data = EXAMPLES["lienthong:birth_notice:1"].clone();
        *data.pointer_mut(pointer).unwrap() = value;
        let faults = check("lienthong:birth_notice:1", &data).unwrap_err();
        faults.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(
        notice("/mother/personal_id", json!("12345")),
        ["/mother/personal_id must be a text that matches ^[0-9]{12}$"]
    );
    assert_eq!(
        notice("/child/sex", json!("Nam")),
        ["/child/sex must be one of MALE, FEMALE, UNDETERMINED"]
    );
    assert_eq!(
        notice("/child/born_on", json!("2026-02-30")),
        ["/child/born_on must be a date, YYYY-MM-DD"]
    );
    assert_eq!(
        notice("/mother/born_on", json!("1998-4")),
        ["/mother/born_on must be a date as far as it is known: YYYY-MM-DD, YYYY-MM or YYYY"]
    );
    assert_eq!(
        notice("/child/weight_g", json!("3200")),
        ["/child/weight_g must be a whole number"]
    );
    assert_eq!(
        notice("/facility", json!("")),
        ["/facility must be not empty"]
    );
    assert_eq!(
        notice("/mother", json!({"name": "x", "age": 3})),
        [
            "/mother must be an object with no members but address, born_on, name, personal_id, social_insurance_number"
        ]
    );
}

#[test]
fn money_is_whole_and_never_less_than_nothing() {
    let mut data = EXAMPLES["lienthong:payment_confirmation:1"].clone();
    for (amount, accepted) in [
        (json!(0), true),
        (json!(9_007_199_254_740_991_u64), true),
        (json!(-1), false),
        (json!(0.5), false),
        (json!("1000"), false),
        (json!(9_007_199_254_740_992_u64), false),
    ] {
        data["amount_vnd"] = amount.clone();
        let answer = check("lienthong:payment_confirmation:1", &data);
        assert_eq!(answer.is_ok(), accepted, "{amount}");
    }
}

#[test]
fn dates_may_be_partly_known_and_must_exist() {
    let mut data = EXAMPLES["lienthong:personal_id:1"].clone();
    for (date, accepted) in [
        ("1950", true),
        ("1950-02", true),
        ("2024-02-29", true),
        ("2026-02-29", false),
        ("1950-13", false),
        ("1950-00", false),
        ("195", false),
        ("1950-1-1", false),
        ("-195001", false),
        ("19500101", false),
        ("+1950-1", false),
        ("１９５０", false),
    ] {
        data["born_on"] = json!(date);
        let answer = check("lienthong:personal_id:1", &data);
        assert_eq!(answer.is_ok(), accepted, "{date}");
    }
}

#[test]
fn a_choice_brings_what_it_needs() {
    let missing = |schema: &str, data: &Value| {
        let faults = check(schema, data).unwrap_err();
        faults.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    let mut payout = EXAMPLES["lienthong:payout_choice:1"].clone();
    payout["method"] = json!("CASH");
    assert_eq!(
        missing("lienthong:payout_choice:1", &payout),
        ["/cash_place must be there"]
    );
    payout["cash_place"] = json!("Bưu điện xã Mẫu Một");
    assert_eq!(
        check(
            "lienthong:payout_choice:1",
            &without(&payout, "/bank_account")
        ),
        Ok(())
    );

    let residence = without(&EXAMPLES["lienthong:residence_choice:1"], "/householder");
    assert_eq!(
        missing("lienthong:residence_choice:1", &residence),
        ["/householder must be there"]
    );
    let own = json!({"household": "OWN", "address": residence["address"]});
    assert_eq!(check("lienthong:residence_choice:1", &own), Ok(()));

    assert_eq!(
        missing("lienthong:parents:1", &json!({})),
        ["the data must be an object with at least 1 members"]
    );
}

#[test]
fn an_unknown_schema_is_told_apart_from_wrong_data() {
    assert_eq!(
        SHIPPED.check("lienthong:birth_notice:9", b"{}"),
        Err(DataError::UnknownSchema)
    );
    assert_eq!(SHIPPED.check("", b"{}"), Err(DataError::UnknownSchema));
}

#[test]
fn at_most_twenty_faults_are_told_always_the_same() {
    let items = vec![json!({"kind": 1}); 1000];
    let mut data = EXAMPLES["lienthong:benefit_decision:1"].clone();
    data["benefits"] = json!(items);
    let first = check("lienthong:benefit_decision:1", &data).unwrap_err();
    assert_eq!(first.len(), SCHEMA_FAULTS_MAX);
    assert!(first.is_sorted());
    assert_eq!(check("lienthong:benefit_decision:1", &data), Err(first));
}

#[test]
fn hostile_data_is_a_fault_and_no_panic() {
    let deep = |n: usize| format!("{}{}", "[".repeat(n), "]".repeat(n)).into_bytes();
    let cases: Vec<(Vec<u8>, &str)> = vec![
        (b"".to_vec(), "EOF"),
        (b"[]".to_vec(), "must be an object"),
        (b"{} {}".to_vec(), "trailing"),
        (b"\xef\xbb\xbf{}".to_vec(), "expected value"),
        (b"{\"name\":\"\xff\"}".to_vec(), "no UTF-8 from byte 9 on"),
        (
            br#"{"name":"a","name":"b"}"#.to_vec(),
            "a member is named twice",
        ),
        (
            br#"{"name":"a","n\u0061me":"b"}"#.to_vec(),
            "a member is named twice",
        ),
        (br#"{"name":"\ud800"}"#.to_vec(), "hex escape"),
        (br#"{"name":"\uffff"}"#.to_vec(), "noncharacter"),
        (b"{\"name\":1e999}".to_vec(), "number out of range"),
        (
            b"{\"name\":9007199254740992}".to_vec(),
            "beyond 9007199254740991",
        ),
        (
            format!("{{\"name\":{}}}", "9".repeat(5000)).into_bytes(),
            "out of range",
        ),
        (b"{\"name\":NaN}".to_vec(), "expected"),
        (deep(100), "must be an object"),
        (deep(30_000), "recursion limit"),
        (
            vec![b' '; EVIDENCE_DATA_BYTES_MAX + 1],
            "at most 65536 bytes",
        ),
    ];
    for (data, rule) in cases {
        let shown = String::from_utf8_lossy(&data[..data.len().min(40)]).into_owned();
        match SHIPPED.check("lienthong:personal_id:1", &data) {
            Err(DataError::Faults(faults)) => {
                let told = faults[0].to_string();
                assert!(told.contains(rule), "{shown}: {told}");
                assert!(told.starts_with("the data must be "), "{told}");
            }
            other => panic!("{shown}: {other:?}"),
        }
    }
}

#[test]
fn a_pattern_takes_no_longer_than_the_text_is_long() {
    let schemas = Schemas::new(vec![sound(
        &json!({"x": {"type": "string", "pattern": "^(a+)+$"}}),
    )]);
    let data = json!({"x": format!("{}b", "a".repeat(60_000))}).to_string();
    assert!(
        schemas
            .unwrap()
            .check("lienthong:sample:1", data.as_bytes())
            .is_err()
    );
}

proptest! {
    #[test]
    fn any_bytes_get_an_answer(data in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = SHIPPED.check("lienthong:birth_notice:1", &data);
    }

    #[test]
    fn any_text_of_json_signs_gets_an_answer(text in r#"[\[\]{}:,"\\0-9eE.truefalsn +-]{0,80}"#) {
        let _ = SHIPPED.check("lienthong:birth_notice:1", text.as_bytes());
    }
}

// What is wrong with a schema.

fn sound(properties: &Value) -> (String, String) {
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": "lienthong:sample:1",
        "title": "Mẫu",
        "description": "Sample",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    ("sample.json".into(), schema.to_string())
}

/// What is told of the sound schema with these members set, or removed where they are null.
#[track_caller]
fn complaints(members: Value) -> String {
    let (file, text) = sound(&json!({"x": {"type": "string"}}));
    let mut schema: Value = serde_json::from_str(&text).unwrap();
    for (name, value) in members.as_object().unwrap() {
        schema[name] = value.clone();
        if value.is_null() {
            schema.as_object_mut().unwrap().remove(name);
        }
    }
    let told = Schemas::new(vec![(file, schema.to_string())])
        .unwrap_err()
        .to_string();
    assert!(told.starts_with("sample.json: "), "{told}");
    told
}

#[track_caller]
fn complaint_of(property: Value) -> String {
    complaints(json!({"properties": {"x": property}}))
}

#[test]
fn a_wrong_schema_is_refused_with_file_place_and_mend() {
    for (members, told) in [
        (
            json!({"$id": null}),
            "$id: is missing; write one such as lienthong:birth_notice:1",
        ),
        (
            json!({"$id": "lienthong:sample"}),
            "$id: is not lienthong:NAME:VERSION; write one",
        ),
        (
            json!({"$id": "https://sample.vn/1"}),
            "$id: is not lienthong:NAME:VERSION",
        ),
        (
            json!({"$id": "lienthong:Sample:1"}),
            "$id: is not lienthong:NAME:VERSION",
        ),
        (
            json!({"$id": "lienthong:sample:01"}),
            "$id: is not lienthong:NAME:VERSION",
        ),
        (
            json!({"$schema": null}),
            "/$schema: is not that of JSON Schema 2020-12; write \"$schema\": ",
        ),
        (
            json!({"$schema": "http://json-schema.org/draft-07/schema#"}),
            "/$schema: is not that",
        ),
        (
            json!({"title": null}),
            "/title: is missing; say what the data is",
        ),
        (json!({"description": " "}), "/description: is missing"),
        (
            json!({"type": "array"}),
            "/type: is not object; write \"type\": \"object\"",
        ),
        (
            json!({"additionalProperties": null}),
            "/additionalProperties: is not false, so a fault would",
        ),
        (
            json!({"additionalProperties": {"type": "string"}}),
            "/additionalProperties: is not false",
        ),
        (
            json!({"patternProperties": {}}),
            "/patternProperties: is no keyword that is read here",
        ),
        (
            json!({"requried": ["x"]}),
            "/requried: is no keyword that is read here; correct its name",
        ),
        (
            json!({"required": ["y"]}),
            "/required: `y` is not in `properties`; add it there",
        ),
        (
            json!({"required": "x"}),
            "/required: \"x\" is not of type \"array\"",
        ),
        (
            json!({"allOf": [{"$ref": "#"}]}),
            "/allOf/0/$ref: is no keyword that is read here",
        ),
        (
            json!({"then": {"patternProperties": {}}}),
            "/then/patternProperties: is no keyword",
        ),
    ] {
        let all = complaints(members.clone());
        assert!(all.contains(told), "{members}: {all}");
    }
    for (property, told) in [
        (
            json!({}),
            "/properties/x/type: is not one type; write one, such as \"string\"",
        ),
        (json!(true), "/properties/x: is no schema; write an object"),
        (
            json!({"type": ["string", "null"]}),
            "/properties/x/type: is not one type",
        ),
        (json!({"type": "text"}), "/properties/x/type"),
        (
            json!({"type": "object"}),
            "/properties/x/additionalProperties: is not false",
        ),
        (
            json!({"type": "array"}),
            "/properties/x/items: is missing; say what an item is",
        ),
        (
            json!({"type": "array", "items": {"type": "object"}}),
            "/properties/x/items/additionalProperties",
        ),
        (
            json!({"type": "string", "format": "uri"}),
            "/properties/x/format: is none that is checked; write one of: date, ",
        ),
        (
            json!({"type": "string", "pattern": "("}),
            "/properties/x/pattern: ",
        ),
        (
            json!({"type": "string", "pattern": "(?=a)"}),
            "/properties/x/pattern: \"(?=a)\" is not a \"regex\"; write a pattern without look-around",
        ),
        (
            json!({"type": "string", "pattern": "(.{1000}){1000}"}),
            "/properties/x/pattern: ",
        ),
        (
            json!({"type": "string", "minLength": -1}),
            "/properties/x/minLength",
        ),
        (
            json!({"type": "string", "default": "Nguyễn Văn Mẫu"}),
            "/properties/x/default: is no keyword",
        ),
        (
            json!({"$ref": "https://elsewhere.vn/schema"}),
            "/properties/x/$ref: leads nowhere within the loaded schemas",
        ),
        (
            json!({"$ref": "other.json"}),
            "/properties/x/$ref: leads nowhere",
        ),
        (
            json!({"$ref": "file:///etc/passwd"}),
            "/properties/x/$ref: leads nowhere",
        ),
        (
            json!({"$ref": "lienthong:other:1"}),
            "/properties/x/$ref: leads nowhere",
        ),
        (
            json!({"$ref": "#/$defs/y"}),
            "/properties/x/$ref: leads nowhere",
        ),
        (
            json!({"$ref": "#/properties/x"}),
            "/properties/x/$ref: leads nowhere",
        ),
        (
            json!({"$ref": "#/$defs/y", "maxLength": 3}),
            "/properties/x/maxLength: is no keyword",
        ),
    ] {
        let all = complaint_of(property.clone());
        assert!(all.contains(told), "{property}: {all}");
    }
    let circle = json!({
        "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/a"}},
        "properties": {"x": {"$ref": "#/$defs/a"}},
    });
    assert!(
        complaints(circle).contains("/properties/x/$ref: is followed by 16 others, or leads back")
    );
}

#[test]
fn a_file_that_is_no_json_or_names_a_member_twice_is_refused() {
    for (text, told) in [
        ("{", "EOF while parsing"),
        (
            r#"{"$id": "a", "$id": "b"}"#,
            "a member is named twice at line 1 column 18",
        ),
    ] {
        let error = Schemas::new(vec![("sample.json".into(), text.into())]).unwrap_err();
        assert!(matches!(error, SchemaError::Unreadable { .. }));
        let all = error.to_string();
        assert!(
            all.starts_with("sample.json: must be I-JSON: ") && all.contains(told),
            "{all}"
        );
        assert!(all.ends_with("; mend the JSON there"), "{all}");
    }
}

#[test]
fn two_files_do_not_have_the_same_id() {
    let (_, text) = sound(&json!({}));
    let files = vec![("a.json".into(), text.clone()), ("b.json".into(), text)];
    assert_eq!(
        Schemas::new(files).unwrap_err().to_string(),
        "b.json: $id: `lienthong:sample:1` is also the id of a.json; give one of them the next version, or remove it"
    );
}

#[test]
fn a_schema_may_hold_itself() {
    let tree =
        json!({"name": {"type": "string"}, "children": {"type": "array", "items": {"$ref": "#"}}});
    let schemas = Schemas::new(vec![sound(&tree)]).unwrap();
    let data = |leaf: Value| json!({"children": [{"children": [leaf]}]}).to_string();
    let check = |leaf| schemas.check("lienthong:sample:1", data(leaf).as_bytes());
    assert_eq!(check(json!({"name": "a"})), Ok(()));
    let fault = check(json!({"name": 1})).unwrap_err().to_string();
    assert_eq!(fault, "/children/0/children/0/name must be a text");
    let deep: Pointer = "/children/0/children/7/name".parse().unwrap();
    assert!(schemas.has_pointer("lienthong:sample:1", &deep));
}

#[test]
fn a_pointer_is_known_or_not_and_always_there_or_not() {
    for (schema, pointer, known, always) in [
        ("birth_notice", "/child/born_on", true, true),
        ("birth_notice", "/child/name", true, false),
        ("birth_notice", "/mother/personal_id", true, false),
        ("birth_notice", "/child/age", false, false),
        ("birth_notice", "/number/first", false, false),
        ("birth_notice", "", true, true),
        ("birth_certificate", "/parents/mother/name", true, false),
        ("contract", "/transferors/0/name", true, true),
        ("contract", "/transferors/1/name", true, false),
        ("contract", "/transferors/50/name", false, false),
        ("contract", "/transferors/-/name", false, false),
        ("contract", "/transferors/01/name", false, false),
        ("contract", "/plot/area_m2", true, true),
        ("nothing", "/plot", false, false),
    ] {
        let id = format!("lienthong:{schema}:1");
        let at: Pointer = pointer.parse().unwrap();
        assert_eq!(SHIPPED.has_pointer(&id, &at), known, "{schema} {pointer}");
        assert_eq!(
            SHIPPED.always_has_pointer(&id, &at),
            always,
            "{schema} {pointer}"
        );
    }
}

#[test]
fn a_pointer_that_is_always_there_is_in_every_example() {
    for (id, example) in EXAMPLES.iter() {
        for (pointer, _) in members_of(id, example) {
            let at: Pointer = pointer.parse().unwrap();
            assert!(SHIPPED.has_pointer(id, &at), "{id}{pointer}");
            if !pointer.contains("/0") && SHIPPED.always_has_pointer(id, &at) {
                assert!(
                    check(id, &without(example, &pointer)).is_err(),
                    "{id}{pointer}"
                );
            }
        }
    }
}
