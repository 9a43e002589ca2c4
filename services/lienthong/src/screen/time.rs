//! Instants as people in Việt Nam read them.

use jiff::{
    Timestamp, Zoned,
    tz::{Offset, TimeZone},
};

/// Without the zone's rules on this machine: Việt Nam has had +07 all year since 1975.
const OFFSET: Offset = jiff::tz::offset(7);

/// An instant of the contract, if it is set and sound.
pub(crate) fn read(at: &Option<prost_types::Timestamp>) -> Option<Timestamp> {
    at.as_ref()
        .and_then(|at| Timestamp::new(at.seconds, at.nanos).ok())
}

fn here(at: Timestamp) -> Zoned {
    at.to_zoned(TimeZone::get("Asia/Ho_Chi_Minh").unwrap_or_else(|_| TimeZone::fixed(OFFSET)))
}

/// Day and time, such as `22/11/2026 22:45:03`.
pub(crate) fn full(at: Timestamp) -> String {
    here(at).strftime("%d/%m/%Y %H:%M:%S").to_string()
}

/// The time, such as `22:45:03`, with the day before it when that is not the day of `beside`.
pub(crate) fn beside(at: Timestamp, beside: Option<Timestamp>) -> String {
    let at = here(at);
    match beside {
        Some(other) if here(other).date() == at.date() => at.strftime("%H:%M:%S").to_string(),
        _ => at.strftime("%d/%m %H:%M:%S").to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_read_in_ho_chi_minh() {
        let at: Timestamp = "2026-11-22T17:00:05Z".parse().unwrap();
        assert_eq!(full(at), "23/11/2026 00:00:05");
        let before: Timestamp = "2026-11-22T16:59:59Z".parse().unwrap();
        assert_eq!(beside(at, Some(before)), "23/11 00:00:05");
        assert_eq!(beside(at, Some(at)), "00:00:05");
    }
}
