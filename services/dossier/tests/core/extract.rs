//! An extract holds what is pointed at, at its place and as it was written, and nothing else.

use dossier::{
    extract::{ExtractError, Pointer, extract},
    intake::EVIDENCE_DATA_BYTES_MAX,
};
use proptest::prelude::*;
use serde_json::{Map, Value, json};

fn pointers(texts: &[&str]) -> Vec<Pointer> {
    texts.iter().map(|text| text.parse().unwrap()).collect()
}

#[track_caller]
fn cut(data: &str, texts: &[&str]) -> String {
    String::from_utf8(extract(data.as_bytes(), &pointers(texts)).unwrap()).unwrap()
}

const NOTICE: &str = r#" { "number" : "99999.GCS.00001.26",
    "child": {"name": "B\u00ecnh", "weight_g" : 3.20e3, "sex":"MALE"},
    "witnesses": [ {"name":"A"}, {"name":"B", "age": 3}, ["x", {"y":[]}], "]}\"," ],
    "a/b": 1, "m~n": null, "": {"": true} } "#;

#[test]
fn members_keep_their_place_and_their_text() {
    assert_eq!(
        cut(NOTICE, &["/child/weight_g", "/child/name", "/number"]),
        r#"{"number":"99999.GCS.00001.26","child":{"name":"B\u00ecnh","weight_g":3.20e3}}"#
    );
    assert_eq!(
        cut(NOTICE, &["/child"]),
        r#"{"child":{"name": "B\u00ecnh", "weight_g" : 3.20e3, "sex":"MALE"}}"#
    );
    assert_eq!(
        cut(NOTICE, &["/a~1b", "/m~0n", "//"]),
        r#"{"a/b":1,"m~n":null,"":{"":true}}"#
    );
    assert_eq!(cut(NOTICE, &[]), "{}");
    assert_eq!(cut(NOTICE, &[""]), NOTICE.trim());
}

#[test]
fn the_order_of_the_pointers_does_not_matter_and_the_outer_one_wins() {
    let outer = cut(NOTICE, &["/child"]);
    assert_eq!(cut(NOTICE, &["/child", "/child/name"]), outer);
    assert_eq!(cut(NOTICE, &["/child/name", "/child", "/child"]), outer);
}

#[test]
fn items_of_an_array_keep_their_index() {
    assert_eq!(
        cut(NOTICE, &["/witnesses/1/name"]),
        r#"{"witnesses":[null,{"name":"B"}]}"#
    );
    assert_eq!(
        cut(NOTICE, &["/witnesses/3", "/witnesses/2/1/y"]),
        r#"{"witnesses":[null,null,[null,{"y":[]}],"]}\","]}"#
    );
}

#[test]
fn what_is_required_and_missing_is_named() {
    let missing = |data: &str, text: &str| match extract(data.as_bytes(), &pointers(&[text])) {
        Err(ExtractError::Missing(pointer)) => pointer.to_string(),
        other => panic!("{other:?}"),
    };
    for text in [
        "/father",
        "/child/age",
        "/number/first",
        "/witnesses/4",
        "/witnesses/-",
        "/witnesses/00",
        "/witnesses/name",
        "/witnesses/18446744073709551616",
        "/child/0",
    ] {
        assert_eq!(missing(NOTICE, text), text);
        assert_eq!(cut(NOTICE, &[&format!("{text}?")]), "{}");
    }
    // Also within something that is wanted as a whole.
    let both = extract(NOTICE.as_bytes(), &pointers(&["/child", "/child/age"]));
    assert!(matches!(both, Err(ExtractError::Missing(_))));
    assert_eq!(
        extract(b"{}", &pointers(&["/child/name"]))
            .unwrap_err()
            .to_string(),
        "/child/name is missing; write it as \"/child/name?\" in the procedure if a step can do without"
    );
}

#[test]
fn what_is_there_and_null_is_not_missing() {
    assert_eq!(cut(r#"{"a":null}"#, &["/a"]), r#"{"a":null}"#);
}

#[test]
fn only_an_object_has_an_extract() {
    for data in ["[]", "\"a\"", "null", "7"] {
        let error = extract(data.as_bytes(), &[]).unwrap_err();
        assert_eq!(error, ExtractError::NoObject, "{data}");
    }
}

#[test]
fn hostile_data_is_refused_without_repeating_it() {
    let long = vec![b' '; EVIDENCE_DATA_BYTES_MAX + 1];
    let deep = format!("{{\"a\":{}{}}}", "[".repeat(30_000), "]".repeat(30_000));
    let cases: [&[u8]; 8] = [
        b"",
        b"{\"a\":\"K\xffn\"}",
        br#"{"a":"Kin","a":"Kin"}"#,
        br#"{"a":"Kin"} {"#,
        br#"{"a":"Kin"#,
        b"{\"a\":1e999}",
        deep.as_bytes(),
        &long,
    ];
    for data in cases {
        let error = extract(data, &pointers(&["/a"])).unwrap_err();
        assert!(matches!(error, ExtractError::Unreadable(_)), "{error:?}");
        assert!(!error.to_string().contains("Kin"), "{error}");
    }
}

#[test]
fn a_pointer_reads_as_it_is_written() {
    for text in ["", "/", "/a", "/a/b?", "/a~1b/~0", "/a/0", "?", "//x"] {
        let pointer: Pointer = text.parse().unwrap();
        assert_eq!(pointer.to_string(), text);
        let read: Pointer = serde_json::from_value(json!(text)).unwrap();
        assert_eq!(read, pointer);
        assert_eq!(pointer.optional, text.ends_with('?'));
    }
    let long = format!("/{}", "a".repeat(512));
    let deep = "/a".repeat(17);
    for text in ["a", "a/b", "/a~", "/a~2", "#/a", " /a", &long, &deep] {
        assert!(text.parse::<Pointer>().is_err(), "{text}");
        assert!(serde_json::from_value::<Pointer>(json!(text)).is_err());
    }
}

fn values() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        (-1e6..1e6_f64).prop_map(Value::from),
        "[a-c\"\\\\\\[{}\\], ~/ộ\n]{0,6}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 30, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            objects(inner),
        ]
    })
}

fn objects(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop::collection::vec(("[ab/~]{0,2}", inner), 0..4)
        .prop_map(|members| Value::Object(members.into_iter().collect::<Map<_, _>>()))
}

/// Every place in a value, as tokens.
fn places(value: &Value, at: &str, all: &mut Vec<String>) {
    all.push(at.to_owned());
    for (name, value) in value.as_object().into_iter().flatten() {
        let name = name.replace('~', "~0").replace('/', "~1");
        places(value, &format!("{at}/{name}"), all);
    }
    for (n, value) in value.as_array().into_iter().flatten().enumerate() {
        places(value, &format!("{at}/{n}"), all);
    }
}

/// Whether one is what is left of the other when members are left out and items made null.
fn is_within(part: &Value, whole: &Value) -> bool {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => part
            .iter()
            .all(|(name, value)| whole.get(name).is_some_and(|whole| is_within(value, whole))),
        (Value::Array(part), Value::Array(whole)) => {
            part.len() <= whole.len()
                && part
                    .iter()
                    .zip(whole)
                    .all(|(part, whole)| part.is_null() || is_within(part, whole))
        }
        _ => part == whole,
    }
}

proptest! {
    #[test]
    fn an_extract_is_part_of_the_data_and_has_all_that_was_pointed_at(
        data in objects(values()),
        picks in prop::collection::vec(any::<prop::sample::Index>(), 0..5),
        pretty in any::<bool>(),
    ) {
        let mut all = Vec::new();
        places(&data, "", &mut all);
        let texts: Vec<_> = picks.iter().map(|pick| pick.get(&all).clone()).collect();
        let wanted: Vec<Pointer> = texts.iter().map(|text| text.parse().unwrap()).collect();
        let written = if pretty {
            serde_json::to_vec_pretty(&data).unwrap()
        } else {
            data.to_string().into_bytes()
        };

        let cut = extract(&written, &wanted).unwrap();
        let part: Value = serde_json::from_slice(&cut).unwrap();
        prop_assert!(is_within(&part, &data), "{part} of {data}");
        for text in &texts {
            prop_assert_eq!(part.pointer(text), data.pointer(text));
        }
        // And nothing else: each place in it leads to something that was pointed at, or is within it.
        let mut kept = Vec::new();
        places(&part, "", &mut kept);
        for place in kept.iter().filter(|place| !place.is_empty()) {
            let is_wanted = texts.iter().any(|text| {
                let (place, text) = (format!("{place}/"), format!("{text}/"));
                place.starts_with(&text) || text.starts_with(&place)
            });
            prop_assert!(is_wanted || part.pointer(place) == Some(&Value::Null), "{}", place);
        }

        prop_assert_eq!(&extract(&cut, &wanted).unwrap(), &cut, "again");
        let mut turned = wanted;
        turned.reverse();
        prop_assert_eq!(&extract(&written, &turned).unwrap(), &cut, "in another order");
    }

    #[test]
    fn any_bytes_get_an_answer(data in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = extract(&data, &pointers(&["/a", "/b/0?"]));
    }

    #[test]
    fn any_text_of_json_signs_gets_an_answer(text in r#"\{"a":[\[\]{}:,"\\0-9eE.truefalsn +-]{0,60}\}"#) {
        let _ = extract(text.as_bytes(), &pointers(&["/a/b/0?", "/a/0/0?", "/b?"]));
    }

    #[test]
    fn any_text_is_a_pointer_or_is_not(text in "[a~01/?]{0,12}") {
        if let Ok(pointer) = text.parse::<Pointer>() {
            prop_assert_eq!(pointer.to_string(), text);
        }
    }
}
