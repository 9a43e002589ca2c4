//! Dossier codes by pattern, and the codes of results.

use dossier::{
    code::{CodeError, CodeParts, CodePattern, ResultCode},
    name::{AgencyCode, DossierCode},
};
use jiff::{SignedDuration, Timestamp, civil::date};
use proptest::prelude::*;
use std::collections::BTreeSet;

fn pattern(text: &str) -> CodePattern {
    text.parse().unwrap()
}

fn agency(code: &str) -> AgencyCode {
    code.parse().unwrap()
}

#[test]
fn a_code_is_written_by_the_circular_or_as_it_is_seen_today() {
    let old = pattern("{agency:qcvn102}-{yymmdd}-{number:4}");
    let new = pattern("{agency}-{yyyymmdd}-{number:7}");
    let made = |pattern: CodePattern, code: &str, date, number| {
        pattern
            .format(&agency(code), date, number)
            .unwrap()
            .to_string()
    };
    assert_eq!(
        made(old, "000.00.01.H29", date(2024, 1, 15), 1),
        "000.00.01.H29-240115-0001"
    );
    assert_eq!(
        made(new, "G09.20", date(2026, 6, 9), 92_637),
        "G09.20-20260609-0092637"
    );
    assert_eq!(
        made(
            pattern("{agency}-{yymmdd}-{number:4}"),
            "H29.20",
            date(2021, 1, 5),
            1
        ),
        "H29.20-210105-0001"
    );
}

#[test]
fn a_pattern_reads_as_it_is_written() {
    for text in [
        "{agency}-{yymmdd}-{number:4}",
        "{agency:qd20}-{yyyymmdd}-{number:7}",
        "{agency:qcvn102}-{yymmdd}-{number:5}",
    ] {
        assert_eq!(pattern(text).to_string(), text);
    }
}

#[test]
fn what_is_no_pattern_is_refused_with_the_mend() {
    for text in [
        "",
        "{agency}-{yymmdd}",
        "{yymmdd}-{agency}-{number:4}",
        "{agency}{yymmdd}{number:4}",
        "{agency}-{yymmdd}-{number}",
        "{agency}-{yymmdd}-{number:3}",
        "{agency}-{yymmdd}-{number:8}",
        "{agency}-{yymmdd}-{number:04}",
        "{agency}-{ddmmyy}-{number:4}",
        "{agency:iso}-{yymmdd}-{number:4}",
        "{agency}-{yymmdd}-{number:4}-{number:4}",
    ] {
        let said = text.parse::<CodePattern>().unwrap_err().to_string();
        assert!(
            said.starts_with(&format!("`{text}` is no pattern"))
                && said.contains("{agency}-{yyyymmdd}-{number:7}"),
            "{said}"
        );
    }
}

#[test]
fn a_number_that_does_not_fit_is_refused_and_never_cut() {
    let four = pattern("{agency}-{yymmdd}-{number:4}");
    let day = date(2026, 9, 1);
    assert!(four.format(&agency("H29"), day, 9_999).is_ok());
    for number in [0, 10_000, u64::MAX] {
        let refused = four.format(&agency("H29"), day, number).unwrap_err();
        assert!(
            matches!(refused, CodeError::NumberOutOfRange { max: 9_999, .. }),
            "{refused}"
        );
    }
    let said = four.format(&agency("H29"), day, 10_000).unwrap_err();
    assert_eq!(
        said.to_string(),
        "number 10000 does not fit the pattern {agency}-{yymmdd}-{number:4}, which has numbers from 1 to 9999 for an agency and a day; take a pattern with more digits"
    );
}

#[test]
fn a_day_or_an_agency_that_does_not_fit_is_refused() {
    let old = pattern("{agency:qcvn102}-{yymmdd}-{number:4}");
    let refused = old.format(&agency("000.00.01.H29"), date(1999, 12, 31), 1);
    assert!(matches!(refused, Err(CodeError::DayOutOfRange { .. })));
    let refused = old.format(&agency("H29.20"), date(2026, 9, 1), 1);
    assert!(matches!(refused, Err(CodeError::OtherScheme { .. })));
}

#[test]
fn an_agency_known_by_both_schemes_gives_the_code_that_the_pattern_wants() {
    let codes = [agency("H29.20"), agency("000.00.20.H29")];
    let chosen = |text: &str| pattern(text).choose(codes.iter()).unwrap().to_string();
    assert_eq!(chosen("{agency}-{yymmdd}-{number:4}"), "H29.20");
    assert_eq!(chosen("{agency:qd20}-{yymmdd}-{number:4}"), "H29.20");
    assert_eq!(
        chosen("{agency:qcvn102}-{yymmdd}-{number:4}"),
        "000.00.20.H29"
    );
    let none = pattern("{agency:qcvn102}-{yymmdd}-{number:4}").choose(codes[..1].iter());
    assert_eq!(none, None);
}

#[test]
fn codes_of_other_patterns_are_told_apart_and_still_dossier_codes() {
    let seen = [
        ("000.00.01.H29-240115-0001", "000.00.01.H29", 1),
        ("000.00.01.H26-260930-0012", "000.00.01.H26", 12),
        ("H29.20-210105-0001", "H29.20", 1),
        ("G09.20-20260609-0092637", "G09.20", 92_637),
    ];
    let strict = pattern("{agency}-{yyyymmdd}-{number:7}");
    for (text, of, number) in seen {
        let code: DossierCode = text.parse().unwrap();
        let parts = CodeParts::of(&code).unwrap();
        assert_eq!((parts.agency, parts.number), (agency(of), number));
        assert_eq!(strict.parse(text).is_ok(), text.starts_with("G09"));
    }
    for opaque in [
        "H29.20-20260231-0000001",
        "H29.20-20260201-0000000",
        "H29.20-20260201-001",
        "H29.20-20260201-00000001",
        "H29.20-2602011-0001",
        "X-20260201-0001",
        "H29.20-20260201-0001-KQ1",
        "H29.20-2026AB01-0001",
    ] {
        let code: DossierCode = opaque.parse().unwrap();
        assert_eq!(CodeParts::of(&code), None, "{opaque}");
    }
}

#[test]
fn a_result_code_names_its_dossier_and_its_number() {
    let text = "000.00.01.H29-240115-0001-KQ12";
    let code: ResultCode = text.parse().unwrap();
    assert_eq!(code.dossier.as_str(), "000.00.01.H29-240115-0001");
    assert_eq!(code.number, 12);
    assert_eq!(code.to_string(), text);
    assert_eq!(serde_json::to_string(&code).unwrap(), format!("{text:?}"));
    for bad in [
        "",
        "-KQ1",
        "000.00.01.H29-240115-0001",
        "000.00.01.H29-240115-0001-KQ",
        "000.00.01.H29-240115-0001-KQ0",
        "000.00.01.H29-240115-0001-KQ01",
        "000.00.01.H29-240115-0001-KQ+1",
        "000.00.01.H29-240115-0001-KQ99999999999",
        "000.00.01.H29-240115-0001-kq1",
    ] {
        assert!(bad.parse::<ResultCode>().is_err(), "{bad}");
    }
}

/// A store that counts as the broker's should: never below the floor, never twice.
#[derive(Clone, Default)]
struct Count(u64);

impl Count {
    fn next(&mut self, pattern: CodePattern, at: Timestamp) -> u64 {
        self.0 = (self.0 + 1).max(pattern.number_floor(at));
        self.0
    }
}

#[test]
fn a_count_restored_from_an_older_copy_gives_no_number_twice() {
    let morning: Timestamp = "2026-09-01T08:00:00+07:00".parse().unwrap();
    for text in [
        "{agency}-{yymmdd}-{number:4}",
        "{agency}-{yyyymmdd}-{number:7}",
    ] {
        let pattern = pattern(text);
        let mut given = BTreeSet::new();
        for begun in [
            morning,
            morning + SignedDuration::from_hours(2),
            morning + SignedDuration::from_hours(4),
        ] {
            let mut count = Count::default();
            for dossier in 0..200 {
                let at = begun + SignedDuration::from_secs(20 * dossier);
                assert!(given.insert(count.next(pattern, at)), "{text} at {at}");
            }
        }
        assert!(given.iter().all(|number| *number <= pattern.numbers_max()));
    }
}

#[test]
fn half_of_the_numbers_are_left_at_midnight() {
    let pattern = pattern("{agency}-{yymmdd}-{number:4}");
    let floor =
        |time: &str| pattern.number_floor(format!("2026-09-01T{time}+07:00").parse().unwrap());
    assert_eq!(floor("00:00:00"), 1);
    assert_eq!(floor("12:00:00"), 2_500);
    assert_eq!(floor("23:59:59"), 4_999);
}

#[test]
fn two_starts_within_a_second_do_not_give_the_same_numbers() {
    let pattern = pattern("{agency}-{yymmdd}-{number:7}");
    let floor =
        |time: &str| pattern.number_floor(format!("2026-09-01T{time}+07:00").parse().unwrap());
    // 16 numbers are the first block of a process.
    assert!(floor("12:00:00.300") > floor("12:00:00") + 16);
}

proptest! {
    #[test]
    fn what_a_pattern_writes_it_reads(
        scheme in 0..3_usize,
        long in any::<bool>(),
        digits in 4..=7_u32,
        number in 1..10_000_000_u64,
        day in 0..36_500_i32,
    ) {
        let (field, code) = [
            ("{agency}", "H29.20.1A"),
            ("{agency:qd20}", "G09"),
            ("{agency:qcvn102}", "000.00.05.H55"),
        ][scheme];
        let day_field = if long { "{yyyymmdd}" } else { "{yymmdd}" };
        let pattern = pattern(&format!("{field}-{day_field}-{{number:{digits}}}"));
        let number = number % pattern.numbers_max() + 1;
        let date = date(2000, 1, 1) + jiff::Span::new().days(day);
        let made = pattern.format(&agency(code), date, number).unwrap();
        let parts = CodeParts { agency: agency(code), date, number };
        prop_assert_eq!(pattern.parse(made.as_str()), Ok(parts.clone()));
        prop_assert_eq!(CodeParts::of(&made), Some(parts));
    }
}
