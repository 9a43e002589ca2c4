//! What names look like.

use super::AgencyScheme;

pub(super) fn is_word(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|first| first.is_ascii_lowercase())
        && text.len() <= 64
        && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

pub(super) fn is_role(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

pub(super) fn is_printable(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

/// DOMAIN §3.1: opaque everywhere but at the desk that gives it; only its alphabet is held.
pub(super) fn is_dossier_code(text: &str) -> bool {
    (8..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'.' || b == b'-')
}

pub(super) fn is_agency_code(text: &str) -> bool {
    agency_scheme(text).is_some()
}

pub(super) fn agency_scheme(text: &str) -> Option<AgencyScheme> {
    let begins_with_level_1 = text.split('.').next().is_some_and(is_level_1);
    if begins_with_level_1 && text.len() <= 35 && text.split('.').all(is_group) {
        Some(AgencyScheme::Qd20)
    } else if is_unit_code(text) {
        Some(AgencyScheme::Qcvn102)
    } else {
        None
    }
}

pub(super) fn is_national_procedure_code(text: &str) -> bool {
    let groups: Vec<&str> = text.split('.').collect();
    let [kind, number, rest @ ..] = &groups[..] else {
        return false;
    };
    let rest = match rest {
        [version, rest @ ..] if is_digits(version, 2) => rest,
        rest => rest,
    };
    is_digits(kind, 1) && is_digits(number, 6) && (rest.is_empty() || is_unit(rest))
}

pub(super) fn is_sector_code(text: &str) -> bool {
    text.split_once('-').is_some_and(|(agency, sector)| {
        is_level_1(agency) && is_group(sector) && sector.len() <= 31
    })
}

/// A group of an agency code or of an organisation's code.
pub(crate) fn is_group(text: &str) -> bool {
    !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
}

pub(crate) fn is_digits(text: &str, count: usize) -> bool {
    text.len() == count && text.bytes().all(|b| b.is_ascii_digit())
}

/// A ministry or a province: a letter before Z and two digits.
fn is_level_1(text: &str) -> bool {
    matches!(text.as_bytes(), [b'A'..=b'Y', tens, ones] if tens.is_ascii_digit() && ones.is_ascii_digit())
}

fn is_unit_code(text: &str) -> bool {
    is_unit(&text.split('.').collect::<Vec<_>>())
}

/// `V1V2V3.Z1Z2.Y1Y2.MX1X2` of QCVN 102:2016.
fn is_unit(groups: &[&str]) -> bool {
    matches!(groups, [unit, office, department, level_1]
        if is_digits(unit, 3) && is_digits(office, 2) && is_digits(department, 2) && is_level_1(level_1))
}
