//! The directory: who does what, where and when.

use crate::world::*;
use dossier::{
    directory::{Directory, Grant, NotAuthorised, SystemRole},
    name::{AgencyCode, AgencyScheme},
};
use jiff::Timestamp;
use std::collections::BTreeSet;

const PLACES: &str = r#"
[[territory]]
code = "H26"
name = "Tỉnh"

[[territory]]
code = "H26_101"
name = "Xã"
parent = "H26"
"#;

fn agency_of(code: &str, territory: &str, more: &str) -> String {
    let from = if more.contains("valid_from") {
        ""
    } else {
        "valid_from = \"2025-07-01\"\n"
    };
    format!(
        "[[agency]]\ncode = \"{code}\"\nname = \"a\"\nroles = [\"POLICE\"]\nterritory = \"{territory}\"\n{from}{more}\n"
    )
}

fn system_of(code: &str, agency: &str, more: &str) -> String {
    format!(
        "[[system]]\ncode = \"{code}\"\nrole = \"department\"\nagencies = [\"{agency}\"]\n{more}\n"
    )
}

fn read(parts: &[String]) -> Directory {
    Directory::parse("directory.toml", &format!("{PLACES}{}", parts.concat())).unwrap()
}

/// What is wrong with it.
#[track_caller]
fn wrong(parts: &[String]) -> String {
    Directory::parse("directory.toml", &format!("{PLACES}{}", parts.concat()))
        .unwrap_err()
        .to_string()
}

/// Who has the role in the commune on this day.
fn police(directory: &Directory, day: &str) -> Option<String> {
    let at: Timestamp = format!("{day}T05:00:00Z").parse().unwrap();
    let found = directory.resolve(&"POLICE".parse().unwrap(), &"H26_101".parse().unwrap(), at);
    found.map(|agency| agency.code.to_string())
}

#[test]
fn the_agency_of_the_place_comes_before_that_of_the_province() {
    let directory = read(&[
        agency_of("H26.1", "H26", ""),
        agency_of("H26.101.1", "H26_101", ""),
    ]);
    assert_eq!(
        police(&directory, "2026-01-01").as_deref(),
        Some("H26.101.1")
    );
}

#[test]
fn where_the_commune_has_none_the_province_does_it() {
    let directory = read(&[agency_of("H26.1", "H26", "")]);
    assert_eq!(police(&directory, "2026-01-01").as_deref(), Some("H26.1"));
}

#[test]
fn an_agency_does_it_from_its_first_day_to_its_last() {
    let directory = read(&[agency_of(
        "H26.101.1",
        "H26_101",
        "valid_to = \"2026-06-30\"",
    )]);
    assert_eq!(police(&directory, "2025-06-30"), None);
    assert_eq!(
        police(&directory, "2025-07-01").as_deref(),
        Some("H26.101.1")
    );
    assert_eq!(
        police(&directory, "2026-06-30").as_deref(),
        Some("H26.101.1")
    );
    assert_eq!(police(&directory, "2026-07-01"), None);
}

#[test]
fn a_dossier_of_a_merged_commune_goes_to_who_took_over_and_not_to_the_province() {
    let neighbour = "[[territory]]\ncode = \"H26_102\"\nname = \"Xã\"\nparent = \"H26\"\n";
    let directory = read(&[
        neighbour.into(),
        agency_of("H26.1", "H26", ""),
        agency_of(
            "H26.101.1",
            "H26_101",
            "valid_to = \"2026-06-30\"\nsuccessor = \"H26.102.1\"",
        ),
        agency_of(
            "H26.102.1",
            "H26_102",
            "valid_to = \"2026-12-31\"\nsuccessor = \"H26.102.2\"",
        ),
        agency_of("H26.102.2", "H26_102", "valid_from = \"2027-01-01\""),
    ]);
    assert_eq!(
        police(&directory, "2026-06-30").as_deref(),
        Some("H26.101.1")
    );
    assert_eq!(
        police(&directory, "2026-07-01").as_deref(),
        Some("H26.102.1")
    );
    assert_eq!(
        police(&directory, "2027-01-01").as_deref(),
        Some("H26.102.2"),
        "and whoever took over from them"
    );
}

#[test]
fn who_took_over_without_the_role_does_not_do_it() {
    let directory = read(&[
        agency_of("H26.1", "H26", ""),
        agency_of(
            "H26.101.1",
            "H26_101",
            "valid_to = \"2026-06-30\"\nsuccessor = \"H26.101.2\"",
        ),
        agency_of("H26.101.2", "H26_101", "").replace("POLICE", "ARCHIVE"),
    ]);
    assert_eq!(police(&directory, "2026-07-01").as_deref(), Some("H26.1"));
}

#[test]
fn nobody_comes_after_itself() {
    let said = wrong(&[
        agency_of(
            "H26.1",
            "H26",
            "valid_to = \"2026-06-30\"\nsuccessor = \"H26.101.1\"",
        ),
        agency_of(
            "H26.101.1",
            "H26_101",
            "valid_to = \"2026-06-30\"\nsuccessor = \"H26.1\"",
        ),
    ]);
    assert_eq!(
        said,
        "directory.toml: agency H26.1: comes after itself; mend a successor"
    );
}

#[test]
fn a_successor_is_in_the_file_and_its_predecessor_has_an_end() {
    let said = wrong(&[agency_of(
        "H26.1",
        "H26",
        "valid_to = \"2026-06-30\"\nsuccessor = \"H26.9\"",
    )]);
    assert_eq!(
        said,
        "directory.toml: agency H26.1: has the successor H26.9, which is not in the file; add an [[agency]]"
    );
    let said = wrong(&[
        agency_of("H26.1", "H26", "successor = \"H26.2\""),
        agency_of("H26.2", "H26_101", ""),
    ]);
    assert_eq!(
        said,
        "directory.toml: agency H26.1: has a successor and no end; add valid_to, its last day"
    );
}

#[test]
fn nothing_ends_before_it_begins() {
    let said = wrong(&[agency_of("H26.1", "H26", "valid_to = \"2020-01-01\"")]);
    assert_eq!(
        said,
        "directory.toml: agency H26.1: ends before it begins; mend valid_to"
    );
    let said = wrong(&[
        agency_of("H26.1", "H26", ""),
        system_of(
            "a",
            "H26.1",
            "valid_from = \"2025-01-01\"\nvalid_to = \"2020-01-01\"",
        ),
    ]);
    assert_eq!(
        said,
        "directory.toml: system a: ends before it begins; mend valid_to"
    );
}

#[test]
fn two_agencies_do_not_have_one_role_in_one_place_on_one_day() {
    let said = wrong(&[agency_of("H26.1", "H26", ""), agency_of("H26.2", "H26", "")]);
    assert_eq!(
        said,
        "directory.toml: agency H26.1: has the role POLICE in the same territory and on the same day as H26.2; end one with valid_to, or say by rank which is asked first"
    );
    read(&[
        agency_of("H26.1", "H26", "valid_to = \"2026-06-30\""),
        agency_of("H26.2", "H26", "valid_from = \"2026-07-01\""),
    ]);
}

#[test]
fn two_systems_do_not_act_for_one_department_on_one_day() {
    let said = wrong(&[
        agency_of("H26.1", "H26", ""),
        system_of(
            "old",
            "H26.1",
            "valid_from = \"2025-01-01\"\nvalid_to = \"2026-03-01\"",
        ),
        system_of("new", "H26.1", "valid_from = \"2026-03-01\""),
    ]);
    assert_eq!(
        said,
        "directory.toml: agency H26.1: systems old and new both act for it on the same day; end one with valid_to"
    );
}

#[test]
fn what_one_entry_says_twice_is_no_contradiction() {
    let agency = agency_of("H26.1", "H26", "").replace("\"POLICE\"", "\"POLICE\", \"POLICE\"");
    let system = system_of("a", "H26.1", "valid_from = \"2025-01-01\"")
        .replace("\"H26.1\"", "\"H26.1\", \"H26.1\"");
    read(&[agency, system]);
}

#[test]
fn twins_are_found_however_many_stand_between_them() {
    let ended = |n: u32| {
        let year = 1900 + n;
        let days = format!("valid_from = \"{year}-01-01\"\nvalid_to = \"{year}-12-31\"");
        agency_of(&format!("H26.{n}"), "H26", &days)
    };
    let mut agencies: Vec<String> = (10..99).map(ended).collect();
    agencies.push(agency_of("H26.100", "H26_101", ""));
    read(&agencies);
    agencies.push(agency_of(
        "H26.99",
        "H26",
        "valid_from = \"1911-12-31\"\nvalid_to = \"1911-12-31\"",
    ));
    let said = wrong(&agencies);
    assert!(
        said.contains("agency H26.11: has the role POLICE") && said.contains("as H26.99;"),
        "{said}"
    );
}

#[test]
fn a_system_acts_for_its_agencies_while_it_is_in_force() {
    let directory = read(&[
        agency_of("H26.1", "H26", ""),
        system_of(
            "old",
            "H26.1",
            "valid_from = \"2025-01-01\"\nvalid_to = \"2026-02-28\"",
        ),
        system_of("new", "H26.1", "valid_from = \"2026-03-01\""),
    ]);
    let at = |day: &str| -> Timestamp { format!("{day}T05:00:00Z").parse().unwrap() };
    let system = |day: &str| {
        directory
            .system_of(&agency("H26.1"), at(day))
            .map(|system| system.code.clone())
    };
    assert_eq!(system("2026-02-28").as_deref(), Some("old"));
    assert_eq!(system("2026-03-01").as_deref(), Some("new"));

    let acts = |role, code, agency, day| directory.acts_for(role, code, agency, at(day));
    assert!(acts(SystemRole::Department, "old", "H26.1", "2026-02-28"));
    assert!(
        !acts(SystemRole::Department, "old", "H26.1", "2026-03-01"),
        "its time is over"
    );
    assert!(
        !acts(SystemRole::Desk, "new", "H26.1", "2026-03-01"),
        "it is no desk"
    );
    assert!(
        !acts(SystemRole::Department, "new", "H26.2", "2026-03-01"),
        "not for another"
    );
}

#[test]
fn what_is_named_is_in_the_file() {
    let lost = "[[territory]]\ncode = \"H26_9\"\nname = \"t\"\nparent = \"H27\"\n".to_owned();
    assert_eq!(
        wrong(&[lost]),
        "directory.toml: territory H26_9: its parent is not in the file; add it"
    );
    let homeless = agency_of("H26.1", "H27", "");
    assert_eq!(
        wrong(&[homeless]),
        "directory.toml: agency H26.1: its territory is not in the file; add a [[territory]]"
    );
    let idle = system_of("a", "H26.1", "valid_from = \"2025-01-01\"");
    assert_eq!(
        wrong(&[idle]),
        "directory.toml: system a: acts for H26.1, which is not in the file; add an [[agency]]"
    );
}

#[test]
fn nothing_is_in_the_file_twice() {
    let twice = PLACES
        .replace("H26_101", "H26_7")
        .replace("\"H26\"\nname", "\"H26_8\"\nname");
    let said = wrong(&[twice.clone(), twice]);
    assert!(said.ends_with("is there twice; remove one"), "{said}");
    let said = wrong(&[
        agency_of("H26.1", "H26", ""),
        agency_of("H26.1", "H26_101", ""),
    ]);
    assert_eq!(
        said,
        "directory.toml: agency H26.1: is there twice; remove one"
    );
}

#[test]
fn no_territory_is_part_of_itself() {
    let ring = "[[territory]]\ncode = \"A\"\nname = \"t\"\nparent = \"B\"\n[[territory]]\ncode = \"B\"\nname = \"t\"\nparent = \"A\"\n";
    assert_eq!(
        wrong(&[ring.into()]),
        "directory.toml: territory A: is part of itself; mend a parent"
    );
}

/// Everybody who is asked, when each in turn declines.
fn asked(directory: &Directory, day: &str) -> Vec<String> {
    let at: Timestamp = format!("{day}T05:00:00Z").parse().unwrap();
    let mut declined: BTreeSet<AgencyCode> = BTreeSet::new();
    let mut asked = Vec::new();
    while let Some(next) = directory.next(
        &"POLICE".parse().unwrap(),
        &"H26_101".parse().unwrap(),
        &declined,
        at,
    ) {
        asked.push(next.code.to_string());
        assert!(declined.insert(next.code.clone()), "nobody is asked twice");
    }
    asked
}

#[test]
fn who_declines_is_followed_by_the_next_of_the_place_and_then_by_the_province() {
    let directory = read(&[
        agency_of("H26.1", "H26", ""),
        agency_of("H26.101.1", "H26_101", "rank = 2"),
        agency_of("H26.101.2", "H26_101", ""),
        agency_of("H26.101.3", "H26_101", "rank = 3"),
    ]);
    let order = ["H26.101.2", "H26.101.1", "H26.101.3", "H26.1"];
    assert_eq!(asked(&directory, "2026-01-01"), order);
    assert_eq!(police(&directory, "2026-01-01").as_deref(), Some(order[0]));
}

#[test]
fn who_took_over_is_asked_after_those_of_the_place_and_before_the_province() {
    let neighbour = "[[territory]]\ncode = \"H26_102\"\nname = \"Xã\"\nparent = \"H26\"\n";
    let directory = read(&[
        neighbour.into(),
        agency_of("H26.1", "H26", ""),
        agency_of(
            "H26.101.1",
            "H26_101",
            "valid_to = \"2026-06-30\"\nsuccessor = \"H26.102.1\"",
        ),
        agency_of("H26.101.2", "H26_101", "rank = 2"),
        agency_of("H26.102.1", "H26_102", ""),
    ]);
    assert_eq!(
        asked(&directory, "2026-06-30"),
        ["H26.101.1", "H26.101.2", "H26.1"],
        "as long as it is there, nobody has taken over"
    );
    assert_eq!(
        asked(&directory, "2026-07-01"),
        ["H26.101.2", "H26.102.1", "H26.1"]
    );
}

#[test]
fn who_declined_under_a_former_code_is_not_asked_again() {
    let directory = read(&[agency_of(
        "H26.101.1",
        "H26_101",
        "aliases = [\"000.01.01.H26\"]",
    )]);
    let at: Timestamp = "2026-01-01T05:00:00Z".parse().unwrap();
    let declined = [agency("000.01.01.H26")].into();
    let (role, place) = ("POLICE".parse().unwrap(), "H26_101".parse().unwrap());
    assert!(directory.next(&role, &place, &declined, at).is_none());
}

#[test]
fn an_agency_is_found_by_any_of_its_codes() {
    let directory = read(&[
        agency_of("H26.1", "H26", "aliases = [\"000.00.01.H26\", \"H27.1\"]"),
        agency_of("H26.101.1", "H26_101", ""),
    ]);
    let found = |code: &str| {
        let one = directory.agency_by_any_code(code);
        one.map(|one| one.code.to_string())
    };
    for code in ["H26.1", "000.00.01.H26", "H27.1"] {
        assert_eq!(found(code).as_deref(), Some("H26.1"), "{code}");
    }
    assert_eq!(found("H26.101.1").as_deref(), Some("H26.101.1"));
    assert_eq!(found("H26.9"), None);
    assert!(
        directory.agency("H27.1").is_none(),
        "within, an agency has its own code only"
    );
}

#[test]
fn an_alias_stands_for_one_agency_and_is_no_agency_itself() {
    let said = wrong(&[
        agency_of("H26.1", "H26", "aliases = [\"000.00.01.H26\"]"),
        agency_of("H26.101.1", "H26_101", "aliases = [\"000.00.01.H26\"]"),
    ]);
    assert_eq!(
        said,
        "directory.toml: agency H26.101.1: its alias 000.00.01.H26 is there twice, first of H26.1; remove one"
    );
    for (alias, of) in [("H26.101.1", "the code of another"), ("H26.1", "its own")] {
        let said = wrong(&[
            agency_of("H26.1", "H26", &format!("aliases = [\"{alias}\"]")),
            agency_of("H26.101.1", "H26_101", ""),
        ]);
        assert_eq!(
            said,
            format!(
                "directory.toml: agency H26.1: its alias {alias} is the code of an agency in the file; remove one, or name a successor"
            ),
            "{of}"
        );
    }
    let said = wrong(&[
        agency_of("H26.1", "H26", "aliases = [\"000.00.01.H26\"]"),
        system_of("a", "000.00.01.H26", "valid_from = \"2025-01-01\""),
    ]);
    assert_eq!(
        said,
        "directory.toml: system a: acts for 000.00.01.H26, which is an alias; write H26.1"
    );
}

#[test]
fn an_agency_has_a_role_itself_and_while_it_is_in_force() {
    let directory = read(&[agency_of("H26.1", "H26", "valid_to = \"2026-06-30\"")]);
    let holds = |code: &str, role: &str, day: &str| {
        let at = format!("{day}T05:00:00Z").parse().unwrap();
        directory.holds_role(&agency(code), &role.parse().unwrap(), at)
    };
    assert!(holds("H26.1", "POLICE", "2026-06-30"));
    assert!(!holds("H26.1", "POLICE", "2026-07-01"));
    assert!(!holds("H26.1", "TAX", "2026-06-30"));
    assert!(!holds("H26.2", "POLICE", "2026-06-30"));
}

#[test]
fn a_territory_is_followed_by_those_that_it_is_part_of() {
    let directory = read(&[]);
    let places = |code: &str| -> Vec<String> {
        let code = code.parse().unwrap();
        directory
            .territories(&code)
            .map(ToString::to_string)
            .collect()
    };
    assert_eq!(places("H26_101"), ["H26_101", "H26"]);
    assert_eq!(places("H26"), ["H26"]);
    assert!(places("H27").is_empty());
}

fn delegation(title: &str, more: &str) -> String {
    format!(
        "[[delegation]]\nagency = \"H26.1\"\nposition = \"CHAIR\"\ntitle = \"{title}\"\nvalid_from = \"2026-01-01\"\nbasis = \"QĐ 1/QĐ-UBND\"\n{more}\n"
    )
}

/// Whether an officer may sign step `sign` of `land`, which asks for a chair.
fn sign(directory: &Directory, title: &str, day: &str) -> Result<(), NotAuthorised> {
    directory.may_sign(
        &agency("H26.1"),
        &["CHAIR".parse().unwrap()].into(),
        &"land".parse().unwrap(),
        &"sign".parse().unwrap(),
        title,
        format!("{day}T05:00:00Z").parse().unwrap(),
    )
}

#[test]
fn who_is_named_may_sign_and_nobody_else() {
    let directory = read(&[
        agency_of("H26.1", "H26", ""),
        agency_of("H26.2", "H26_101", ""),
        delegation("Chủ tịch", ""),
        delegation("Phó Chủ tịch", "valid_to = \"2026-06-30\""),
    ]);
    assert_eq!(sign(&directory, "Chủ tịch", "2026-03-01"), Ok(()));
    assert_eq!(sign(&directory, "Phó Chủ tịch", "2026-06-30"), Ok(()));
    let said = sign(&directory, "Phó Chủ tịch", "2026-07-01").unwrap_err();
    assert_eq!(
        said.to_string(),
        "step sign must be signed by CHAIR: for H26.1 on 2026-07-01 that is an officer with the title Chủ tịch; have it signed by one, or have the delegation added to the directory"
    );
    for title in ["Công chức", "Chủ tịc", "Chu tich"] {
        let said = sign(&directory, title, "2026-03-01").unwrap_err();
        assert!(matches!(said, NotAuthorised::OtherTitle { .. }), "{title}");
        assert!(!said.to_string().contains(&format!("title {title};")));
    }
    for title in ["", "  "] {
        let said = sign(&directory, title, "2026-03-01").unwrap_err();
        assert!(matches!(said, NotAuthorised::NoTitle { .. }));
    }
    let early = sign(&directory, "Chủ tịch", "2025-12-31").unwrap_err();
    assert!(matches!(early, NotAuthorised::Nobody { .. }), "{early}");

    let may = |code: &str, positions: &[&str]| {
        directory.may_sign(
            &agency(code),
            &positions.iter().map(|one| one.parse().unwrap()).collect(),
            &"land".parse().unwrap(),
            &"sign".parse().unwrap(),
            "Chủ tịch",
            "2026-03-01T05:00:00Z".parse().unwrap(),
        )
    };
    assert_eq!(may("H26.1", &["CHAIR", "DIRECTOR"]), Ok(()));
    assert!(may("H26.1", &["DIRECTOR"]).is_err(), "another position");
    assert!(may("H26.2", &["CHAIR"]).is_err(), "another agency");
    assert_eq!(may("H26.2", &[]), Ok(()), "a step that asks for nobody");
}

#[test]
fn a_title_is_the_same_however_it_is_typed() {
    let directory = read(&[
        agency_of("H26.1", "H26", ""),
        delegation("Phó Chủ tịch", ""),
    ]);
    let decomposed = "Pho\u{301} Chu\u{309} ti\u{323}ch";
    for title in [decomposed, "PHÓ CHỦ TỊCH", " phó chủ tịch\n"] {
        assert_eq!(sign(&directory, title, "2026-03-01"), Ok(()), "{title}");
    }
}

#[test]
fn a_delegation_holds_within_its_scope() {
    let may = |scope: &str| {
        let directory = read(&[agency_of("H26.1", "H26", ""), delegation("Chủ tịch", scope)]);
        sign(&directory, "Chủ tịch", "2026-03-01").is_ok()
    };
    assert!(may("procedures = [\"birth\", \"land\"]"));
    assert!(may("steps = [\"sign\"]"));
    assert!(may("procedures = [\"land\"]\nsteps = [\"sign\"]"));
    assert!(!may("procedures = [\"birth\"]"));
    assert!(!may("steps = [\"check\"]"));
    assert!(!may("procedures = [\"land\"]\nsteps = [\"check\"]"));
}

#[test]
fn a_delegation_that_contradicts_itself_is_refused() {
    let office = || agency_of("H26.1", "H26", "aliases = [\"000.00.01.H26\"]");
    let said = |one: String| {
        let said = wrong(&[office(), one]);
        let place = "directory.toml: delegation ";
        said.strip_prefix(place).unwrap().to_owned()
    };
    let good = || delegation("Chủ tịch", "");
    for (one, expected) in [
        (
            good().replace("H26.1", "H26.9"),
            "H26.9 CHAIR: is of H26.9, which is not in the file; add an [[agency]]",
        ),
        (
            good().replace("H26.1", "000.00.01.H26"),
            "000.00.01.H26 CHAIR: is of 000.00.01.H26, which is an alias; write H26.1",
        ),
        (
            delegation("Chủ tịch", "valid_to = \"2025-12-31\""),
            "H26.1 CHAIR: ends before it begins; mend valid_to",
        ),
        (
            delegation(" ", ""),
            "H26.1 CHAIR: has no title; write the title that reports say",
        ),
        (
            good().replace("QĐ 1/QĐ-UBND", ""),
            "H26.1 CHAIR: has no basis; name the decision that delegates",
        ),
        (
            delegation("Chủ tịch", "procedures = []"),
            "H26.1 CHAIR: is for no procedure; name some, or leave procedures out for all",
        ),
        (
            delegation("Chủ tịch", "steps = []"),
            "H26.1 CHAIR: is for no step; name some, or leave steps out for all",
        ),
        (
            good() + &delegation("CHỦ TỊCH", ""),
            "H26.1 CHAIR: is there twice on the same day; remove one, or end it with valid_to",
        ),
    ] {
        assert_eq!(said(one), expected);
    }
    let unread = wrong(&[office(), good().replace("CHAIR", "chair")]);
    assert!(unread.contains("a position must be A-Z"), "{unread}");
    read(&[
        office(),
        delegation("Chủ tịch", "valid_to = \"2026-01-31\""),
        good().replace("2026-01-01", "2026-02-01"),
    ]);
}

fn shipped() -> Directory {
    let text = include_str!("../../../../deploy/directory.toml");
    Directory::parse("deploy/directory.toml", text).unwrap()
}

#[test]
fn in_the_shipped_directory_every_role_of_the_journeys_is_done_for_every_commune() {
    let directory = shipped();
    let at: Timestamp = "2026-09-01T05:00:00Z".parse().unwrap();
    for role in [
        "COMMUNE_CIVIL_STATUS",
        "COMMUNE_POLICE",
        "SOCIAL_INSURANCE",
        "POLICE_IDENTITY",
        "COMMUNE_WELFARE",
        "HOME_AFFAIRS_DEPT",
        "LAND_REGISTRY_BRANCH",
        "LAND_REGISTRY",
        "TAX",
        "BUSINESS_REGISTRY",
        "LABOUR",
        "CADASTRE",
        "HOSPITAL",
        "POPULATION_DATABASE",
    ] {
        for commune in ["H99_01", "H99_02"] {
            let (role, commune) = (role.parse().unwrap(), commune.parse().unwrap());
            let agency = directory.resolve(&role, &commune, at).unwrap();
            let system = directory.system_of(&agency.code, at).unwrap();
            assert!(system.address.is_some(), "{role}");
        }
    }
}

#[test]
fn in_the_shipped_directory_no_two_systems_listen_at_one_address() {
    let text: toml::Table = include_str!("../../../../deploy/directory.toml")
        .parse()
        .unwrap();
    let mut addresses = BTreeSet::new();
    for system in text["system"].as_array().unwrap() {
        if let Some(address) = system.get("address") {
            assert!(addresses.insert(address.as_str().unwrap()), "{address}");
        }
    }
}

#[test]
fn in_the_shipped_directory_agencies_are_known_by_both_schemes() {
    for agency in shipped().agencies() {
        let schemes: BTreeSet<AgencyScheme> = agency.codes().map(AgencyCode::scheme).collect();
        assert_eq!(schemes.len(), 2, "{}", agency.code);
    }
}

#[test]
fn an_operator_has_the_grants_of_the_day_and_no_others() {
    let text = r#"
        [[operator]]
        code = "duty"
        grants = ["operate"]
        logins = ["oidc:1"]
        valid_from = "2026-01-01"
        valid_to = "2026-06-30"
        [[operator]]
        code = "console"
        console = true
        valid_from = "2026-01-01"
    "#;
    let directory = Directory::parse("directory.toml", text).unwrap();
    let at = |day: &str| format!("{day}T05:00:00Z").parse::<Timestamp>().unwrap();
    let duty = directory.operator("duty", at("2026-06-30")).unwrap();
    assert!(duty.may(Grant::Operate) && duty.may(Grant::Observe) && !duty.may(Grant::Audit));
    assert!(directory.operator("duty", at("2026-07-01")).is_none());
    let by_login = directory.operator_by_login("oidc:1", at("2026-03-01"));
    assert_eq!(by_login, Some(duty));
    assert!(
        directory
            .operator_by_login("oidc:1", at("2026-07-01"))
            .is_none()
    );
    let console = directory.operator("console", at("2026-03-01")).unwrap();
    assert!(!console.may(Grant::Observe));
}

#[test]
fn operators_that_contradict_each_other_are_refused() {
    for (text, why) in [
        (
            "code = \"c\"\nconsole = true\ngrants = [\"observe\"]",
            "is a console and has grants",
        ),
        (
            "code = \"c\"\nconsole = true\nlogins = [\"oidc:1\"]",
            "is a console and has logins",
        ),
        ("code = \"a\"", "is there twice"),
        ("code = \"b\"\nlogins = [\"oidc:1\"]", "shares a login"),
        (
            "code = \"b\"\nlogins = [\"mailto:b\"]",
            "does not begin with `oidc:`",
        ),
        (
            "code = \"b\"\nvalid_to = \"2025-01-01\"",
            "ends before it begins",
        ),
    ] {
        let text = format!(
            "[[operator]]\ncode = \"a\"\nlogins = [\"oidc:1\"]\nvalid_from = \"2026-01-01\"\n\n[[operator]]\n{text}\nvalid_from = \"2026-01-01\"\n"
        );
        let error = Directory::parse("directory.toml", &text)
            .unwrap_err()
            .to_string();
        assert!(error.contains(why), "{error}");
    }
}
