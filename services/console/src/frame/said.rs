//! The contract's enums as templates write them: numbers in, words out.

use super::Frame;
use crate::words::{causes, happened, states};
use contract::v1::{CauseClass, IncidentOwner, Limit, LimitUnit, RedriveKind, StepState};

/// Makes a method for each enum that gives its word.
macro_rules! said {
    ($($name:ident: $of:path;)*) => {
        impl Frame {
            $(
                pub(crate) fn $name(&self, value: &i32) -> &'static str {
                    $of((*value).try_into().unwrap_or_default(), self.language)
                }
            )*
        }
    };
}

said! {
    dossier_state: states::dossier;
    step_state: states::step;
    part_state: states::part;
    timeliness: states::timeliness;
    pause_reason: states::pause;
    time_holder: states::holder;
    source: states::source;
    channel: states::channel;
    national: states::national;
    finance: states::finance;
    delivery: states::delivery;
    sync: states::sync;
    role: states::role;
    cause_class: causes::class;
    incident_owner: causes::owner;
    redrive_kind: causes::redrive;
    redrive_outcome: causes::outcome;
}

impl Frame {
    pub(crate) fn step_mark(&self, state: &i32) -> &'static str {
        states::mark(StepState::try_from(*state).unwrap_or_default())
    }

    pub(crate) fn step_class(&self, state: &i32) -> &'static str {
        states::class(StepState::try_from(*state).unwrap_or_default())
    }

    pub(crate) fn limit(&self, limit: &Option<Limit>) -> String {
        states::limit(limit, self.language)
    }

    pub(crate) fn event(&self, word: &str) -> String {
        happened::event(word, self.language)
    }

    pub(crate) fn outcome(&self, word: &str) -> String {
        happened::outcome(word, self.language)
    }

    pub(crate) fn figure(&self, name: &str) -> String {
        happened::figure(name, self.language)
    }

    pub(crate) fn reasons(&self, reasons: &[i32]) -> String {
        let words = reasons.iter().map(|reason| self.pause_reason(reason));
        words.collect::<Vec<_>>().join(", ")
    }

    /// The units in which a step may be extended: as a form carries them, and as they are called.
    pub(crate) fn units(&self) -> [(&'static str, &'static str); 4] {
        [
            ("working_day", LimitUnit::WorkingDay),
            ("working_hour", LimitUnit::WorkingHour),
            ("calendar_day", LimitUnit::CalendarDay),
            ("elapsed_hour", LimitUnit::ElapsedHour),
        ]
        .map(|(word, unit)| (word, states::unit(unit, self.language)))
    }

    /// Whether trying an incident again does anything about it.
    pub(crate) fn can_redrive(&self, kind: &i32) -> bool {
        *kind != RedriveKind::Nothing as i32 && *kind != RedriveKind::Unspecified as i32
    }

    pub(crate) fn class_word(&self, class: &i32) -> &'static str {
        match CauseClass::try_from(*class).unwrap_or_default() {
            CauseClass::Connection => "connection",
            CauseClass::Deadline => "deadline",
            CauseClass::Department => "department",
            CauseClass::Data => "data",
            CauseClass::Broker | CauseClass::Unspecified => "broker",
        }
    }

    /// Whose an incident is, with the department's code where it is a department's.
    pub(crate) fn owner_of(&self, owner: &i32, agency_code: &str) -> String {
        let word = self.incident_owner(owner);
        match IncidentOwner::try_from(*owner).unwrap_or_default() {
            IncidentOwner::Department if !agency_code.is_empty() => format!("{word} {agency_code}"),
            _ => word.to_owned(),
        }
    }

    /// The first and last hex digits of a hash.
    pub(crate) fn hash(&self, bytes: &[u8]) -> String {
        let text = hex::encode(bytes);
        if text.len() <= 16 {
            return text;
        }
        format!("{}…{}", &text[..8], &text[text.len() - 4..])
    }
}
