//! Conditions: what they may say, how they are judged, and which of them never hold together.

use crate::world::evidence;
use dossier::{
    condition::{BadCondition, CONDITION_BYTES_MAX, Condition, Facts, Judgement},
    name::EvidenceName,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

fn condition(text: &str) -> Condition {
    Condition::parse(text).unwrap_or_else(|bad| panic!("{text}: {bad}"))
}

/// Judged with this data, nobody asking for anything.
fn judge(text: &str, data: &[(&str, &str)]) -> Judgement {
    judge_asked(text, data, &[], false)
}

fn judge_asked(text: &str, data: &[(&str, &str)], asked: &[&str], represented: bool) -> Judgement {
    let data: BTreeMap<EvidenceName, Vec<u8>> = data
        .iter()
        .map(|(name, data)| (evidence(name), data.as_bytes().to_vec()))
        .collect();
    by(&condition(text), &data, asked, represented)
}

fn by(
    condition: &Condition,
    data: &BTreeMap<EvidenceName, Vec<u8>>,
    asked: &[&str],
    represented: bool,
) -> Judgement {
    condition.judge(&Facts {
        data: &|name| data.get(name).map(Vec::as_slice),
        asked: &asked.iter().map(ToString::to_string).collect(),
        represented,
    })
}

fn unknown(missing: &[&str]) -> Judgement {
    Judgement::Unknown {
        missing: missing.iter().map(|name| evidence(name)).collect(),
    }
}

#[test]
fn a_condition_holds_where_the_data_says_so() {
    let group = [(
        "beneficiary_group",
        r#"{"group":"INSURED","years":12,"living":{"alone":true},"papers":["a","b"],"share":0.5,"none":null}"#,
    )];
    for holds in [
        "beneficiary_group.group == 'INSURED'",
        "beneficiary_group.group != 'MERITORIOUS'",
        "beneficiary_group.group in ['INSURED', 'SOCIAL_SUPPORT']",
        "'b' in beneficiary_group.papers",
        "beneficiary_group.living.alone",
        "beneficiary_group.living.alone == true",
        "beneficiary_group.years >= 12 && beneficiary_group.years < 13",
        "beneficiary_group.share <= 0.5",
        "beneficiary_group.none == null",
        "has(beneficiary_group.group) && !has(beneficiary_group.other)",
        "beneficiary_group.group == 'X' || !(beneficiary_group.group == 'Y')",
    ] {
        assert_eq!(judge(holds, &group), Judgement::Holds, "{holds}");
        let contrary = format!("!({holds})");
        assert_eq!(judge(&contrary, &group), Judgement::Fails, "{contrary}");
    }
}

#[test]
fn what_was_asked_for_and_who_acts_is_known_from_the_start() {
    let text = "'identity_card' in asked";
    assert_eq!(judge(text, &[]), Judgement::Fails);
    assert_eq!(
        judge_asked(text, &[], &["identity_card"], false),
        Judgement::Holds
    );
    assert_eq!(judge("represented", &[]), Judgement::Fails);
    assert_eq!(judge_asked("represented", &[], &[], true), Judgement::Holds);
    assert_eq!(
        condition("!('a' in asked) && represented").asks(),
        &BTreeSet::from(["a".to_owned()])
    );
}

#[test]
fn an_absent_member_or_another_type_makes_it_fail_either_way() {
    let data = [("a", r#"{"text":"x","number":3,"list":[1]}"#)];
    for fails in [
        "a.absent == 'x'",
        "!(a.absent == 'x')",
        "a.absent.deeper == 'x'",
        "a.text.deeper == 'x'",
        "a.text",
        "!a.text",
        "a.text < 3",
        "!(a.number < 'x')",
        "'x' in a.number",
        "a.text && represented",
    ] {
        assert_eq!(judge(fails, &data), Judgement::Fails, "{fails}");
    }
    for nothing in ["", "null", "[]", "\"text\"", "{", "\u{fffd}"] {
        assert_eq!(
            judge("a.text == 'x'", &[("a", nothing)]),
            Judgement::Fails,
            "{nothing}"
        );
        assert_eq!(judge("!has(a.text)", &[("a", nothing)]), Judgement::Holds);
    }
}

#[test]
fn evidence_that_is_not_there_is_waited_for_only_as_long_as_it_matters() {
    let both = "a.kind == 'A' && b.kind == 'B'";
    let is_a = ("a", r#"{"kind":"A"}"#);
    let is_x = ("a", r#"{"kind":"X"}"#);
    assert_eq!(judge(both, &[]), unknown(&["a", "b"]));
    assert_eq!(judge(both, &[is_a]), unknown(&["b"]));
    assert_eq!(judge(both, &[is_x]), Judgement::Fails);
    let one = "b.kind == 'B' || a.kind == 'A'";
    assert_eq!(judge(one, &[is_a]), Judgement::Holds);
    assert_eq!(judge(one, &[is_x]), unknown(&["b"]));
    for unsaid in ["has(b.kind)", "!has(b.kind)", "!(b.kind == 'B')"] {
        assert_eq!(judge(unsaid, &[is_a]), unknown(&["b"]), "{unsaid}");
    }
}

#[test]
fn a_condition_that_says_something_else_is_refused_with_the_mend() {
    let refused = |text: &str| match Condition::parse(text) {
        Err(bad) => bad.to_string(),
        Ok(_) => panic!("{text} was read"),
    };
    for (text, what) in [
        ("size(a.list) == 1", "no function"),
        ("a.text.startsWith('x')", "no function"),
        ("now() > a.date", "no function"),
        ("a.list.all(x, x == 1)", "no macro but has"),
        ("a.list.map(x, x) == [1]", "no macro but has"),
        ("a.number + 1 == 2", "no arithmetic"),
        ("-a.number == 2", "no arithmetic"),
        ("a.list[0] == 2", "no index"),
        ("a.x ? a.y : a.z", "no choice between two values"),
        ("a.x == {'b': 1}", "no object"),
        ("a.x == [1]", "no list but behind `in`"),
        ("a.x in [a.y]", "no list of anything but literals"),
        ("a.x == b'1'", "no bytes"),
        ("has(a.x) == true", "no comparison with has"),
        ("'text'", "no value where something must be so or not"),
        ("a == b.c", "name a member of its data, such as a.kind"),
        ("A.b == 1", "`A` is no name of evidence"),
        ("represented.x", "`represented` is no name of evidence"),
        ("asked == 'x'", "'name' in asked"),
        ("a.x in asked", "'name' in asked"),
        ("has(asked.x)", "'name' in asked"),
        ("1 == 1", "always says the same; leave it out"),
        ("true", "always says the same"),
        ("a.b == ", "at column 8"),
        ("a.b = 'c'", "at column 5"),
        ("", "no condition at column 1"),
    ] {
        let told = refused(text);
        assert!(told.contains(what), "{text}: `{what}` is not in: {told}");
    }
    let long = format!("a.b == '{}'", "x".repeat(CONDITION_BYTES_MAX));
    assert_eq!(
        Condition::parse(&long),
        Err(BadCondition::TooLong(long.len()))
    );
    let nested = |levels: usize| {
        let (open, close) = ("!(represented && ".repeat(levels), ")".repeat(levels));
        format!("{open}represented{close}")
    };
    condition(&nested(5));
    assert_eq!(Condition::parse(&nested(8)), Err(BadCondition::TooDeep));
    assert!(refused(&nested(14)).contains("recursion limit"));
    let deep = format!("a.{}x == 1", "m.".repeat(20));
    assert_eq!(Condition::parse(&deep), Err(BadCondition::TooDeep));
}

#[test]
fn two_conditions_exclude_each_other_only_where_their_texts_show_it() {
    for (one, two) in [
        ("g.kind == 'A'", "g.kind == 'B'"),
        ("'A' == g.kind", "g.kind == 'B' && represented"),
        ("g.kind in ['A', 'B']", "g.kind == 'C'"),
        ("g.kind == 'A' || g.kind == 'B'", "g.kind in ['C', 'D']"),
        ("g.kind == 'A'", "g.kind != 'A'"),
        ("g.kind == 'A'", "!(g.kind in ['A', 'B'])"),
        ("g.yes", "!g.yes"),
        ("g.yes", "g.yes == false"),
        ("g.yes == 'A'", "g.yes"),
        ("has(g.kind)", "!has(g.kind)"),
        ("'x' in asked", "!('x' in asked)"),
        ("represented && g.a == 1", "!represented"),
        ("!(g.a == 'A' || g.b == 'B')", "g.b == 'B'"),
        ("g.a < 3", "!(g.a < 3)"),
    ] {
        assert!(condition(one).excludes(&condition(two)), "{one} | {two}");
        assert!(condition(two).excludes(&condition(one)), "{two} | {one}");
    }
    for (one, two) in [
        ("g.kind == 'A'", "g.kind == 'A'"),
        ("g.kind == 'A'", "g.other == 'B'"),
        ("g.kind == 'A'", "h.kind == 'B'"),
        ("g.kind in ['A', 'B']", "g.kind in ['B', 'C']"),
        ("g.kind == 'A' || represented", "g.kind == 'B'"),
        ("g.n == 1", "g.n == 1.0"),
        ("g.kind != 'A'", "g.kind != 'B'"),
        ("'x' in asked", "!('y' in asked)"),
        ("g.a < 3", "g.a > 5"),
    ] {
        assert!(!condition(one).excludes(&condition(two)), "{one} | {two}");
        assert!(!condition(two).excludes(&condition(one)), "{two} | {one}");
    }
}

#[test]
fn one_condition_follows_from_others_only_where_their_texts_show_it() {
    let follows = |one: &str, those: &[&str]| {
        let those: Vec<_> = those.iter().map(|text| condition(text)).collect();
        condition(one).follows_from(&those)
    };
    assert!(follows("g.kind == 'A'", &["g.kind == 'A'"]));
    assert!(follows("g.kind == 'A'", &["represented && 'A' == g.kind"]));
    assert!(follows("g.kind in ['A', 'B']", &["g.kind == 'B'"]));
    assert!(follows("g.kind != 'A'", &["g.kind == 'B'"]));
    assert!(follows("g.a && g.b", &["g.b", "g.a"]));
    assert!(follows(
        "has(g.a) || g.b < 1",
        &["(has(g.a) || g.b < 1) && represented"]
    ));
    assert!(follows("has(g.kind)", &["g.kind != 'A'"]));
    assert!(!follows("has(g.kind)", &["g.kinds == 'A'"]));
    assert!(!follows("g.kind == 'A'", &["g.kind in ['A', 'B']"]));
    assert!(!follows("g.kind == 'A'", &["g.kind == 'A' || represented"]));
    assert!(!follows("g.a && g.b", &["g.a"]));
    assert!(!follows("has(g.a)", &["!has(g.a)"]));
    assert!(!follows("g.a", &[]));
}

/// JSON of any shape, and what only looks like it.
fn json() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|it| it.to_string()),
        any::<i64>().prop_map(|it| it.to_string()),
        any::<u64>().prop_map(|it| it.to_string()),
        any::<f64>().prop_map(|it| it.to_string()),
        Just("\"A\"".to_owned()),
        Just("1e400".to_owned()),
    ];
    let name = prop_oneof![Just("kind"), Just("n"), Just("a")];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4)
                .prop_map(|all| format!("[{}]", all.join(","))),
            prop::collection::vec((name.clone(), inner), 0..4).prop_map(|all| {
                let all: Vec<_> = all.iter().map(|(k, v)| format!("\"{k}\":{v}")).collect();
                format!("{{{}}}", all.join(","))
            }),
        ]
    })
}

/// Sound conditions on two pieces of evidence.
fn sound() -> impl Strategy<Value = String> {
    let path = prop_oneof![
        Just("e.kind"),
        Just("e.n"),
        Just("f.kind"),
        Just("e.a.kind"),
        Just("f.a")
    ];
    let literal = prop_oneof![
        Just("'A'"),
        Just("'B'"),
        Just("1"),
        Just("-2.5"),
        Just("true"),
        Just("null")
    ];
    let operator = prop_oneof![
        Just("=="),
        Just("!="),
        Just("<"),
        Just("<="),
        Just(">"),
        Just(">=")
    ];
    let leaf = prop_oneof![
        (path.clone(), operator, literal.clone()).prop_map(|(p, o, l)| format!("{p} {o} {l}")),
        (path.clone(), literal.clone()).prop_map(|(p, l)| format!("{p} in [{l}, 'C']")),
        (literal, path.clone()).prop_map(|(l, p)| format!("{l} in {p}")),
        path.clone().prop_map(|p| format!("has({p})")),
        path.prop_map(str::to_owned),
        Just("'x' in asked".to_owned()),
        Just("represented".to_owned()),
    ];
    leaf.prop_recursive(3, 8, 2, |inner| {
        prop_oneof![
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) && ({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("({a}) || ({b})")),
            inner.prop_map(|a| format!("!({a})")),
        ]
    })
    .prop_filter("short enough", |text| text.len() <= CONDITION_BYTES_MAX)
}

/// Any text, and any made of what conditions are made of.
fn any_text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("!"),
        Just("("),
        Just(")"),
        Just("["),
        Just("]"),
        Just("{"),
        Just("}"),
        Just("&&"),
        Just("||"),
        Just("=="),
        Just("<"),
        Just("-"),
        Just("+"),
        Just("?"),
        Just(":"),
        Just("."),
        Just(","),
        Just(" in "),
        Just("has("),
        Just("all("),
        Just("e.kind"),
        Just("asked"),
        Just("'A'"),
        Just("'"),
        Just("\""),
        Just("\\"),
        Just("b'"),
        Just("r'"),
        Just("'''"),
        Just("0x"),
        Just("1u"),
        Just("1.e"),
        Just("`"),
        Just("//"),
        Just("é"),
        Just("\u{0}"),
    ];
    prop_oneof![
        any::<String>(),
        prop::collection::vec(piece.clone(), 0..40).prop_map(|all| all.concat()),
        (piece.clone(), 1..CONDITION_BYTES_MAX)
            .prop_map(|(piece, times)| piece.repeat(times / piece.len() + 1)),
        (piece.clone(), piece, 1..100usize)
            .prop_map(|(one, two, times)| format!("{one}{two}").repeat(times)),
    ]
}

fn two_pieces(e: String, f: String) -> BTreeMap<EvidenceName, Vec<u8>> {
    [("e", e), ("f", f)]
        .map(|(name, data)| (evidence(name), data.into_bytes()))
        .into()
}

/// As a worker of the broker would, on half of the stack that it has.
fn on_a_small_stack(work: impl FnOnce() + Send) {
    std::thread::scope(|scope| {
        let worker = std::thread::Builder::new()
            .stack_size(1 << 20)
            .spawn_scoped(scope, work);
        worker.unwrap().join().unwrap();
    });
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn no_text_and_no_data_bring_it_down(text in any_text(), data in json()) {
        on_a_small_stack(|| {
            if let Ok(condition) = Condition::parse(&text) {
                let _ = condition.excludes(&condition);
                let _ = condition.judge(&Facts {
                    data: &|_| Some(data.as_bytes()),
                    asked: &BTreeSet::new(),
                    represented: true,
                });
            }
        });
    }

    #[test]
    fn what_is_said_once_stands_when_more_is_known(
        text in sound(), e in json(), f in json(), asked in any::<bool>(), represented in any::<bool>(),
    ) {
        let one = condition(&text);
        let asked: &[&str] = if asked { &["x"] } else { &[] };
        let mut data = two_pieces(e, f);
        let full = by(&one, &data, asked, represented);
        let is_known = full == Judgement::Holds || full == Judgement::Fails;
        prop_assert!(is_known);
        prop_assert_eq!(&by(&one, &data, asked, represented), &full, "by the same facts");
        for hidden in one.evidence() {
            let bytes = data.remove(hidden).unwrap();
            match by(&one, &data, asked, represented) {
                Judgement::Unknown { missing } => prop_assert_eq!(missing, BTreeSet::from([hidden.clone()])),
                known => prop_assert_eq!(&known, &full),
            }
            data.insert(hidden.clone(), bytes);
        }
    }

    #[test]
    fn what_excludes_never_holds_together_and_what_follows_always_does(
        one in sound(), two in sound(), e in json(), f in json(), represented in any::<bool>(),
    ) {
        let (one, two) = (condition(&one), condition(&two));
        let data = two_pieces(e, f);
        let holds = |condition: &Condition| by(condition, &data, &[], represented) == Judgement::Holds;
        if one.excludes(&two) {
            prop_assert!(!(holds(&one) && holds(&two)));
        }
        if one.follows_from([&two]) && holds(&two) {
            prop_assert!(holds(&one));
        }
        prop_assert!(one.follows_from([&one]));
    }
}
