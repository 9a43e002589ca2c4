//! What every page has around it: who is logged in, the language, where one is, and how fresh it is.

mod said;

use crate::{
    app::App,
    assets::{NAMES, Names},
    language::Language,
    session::{Login, Message},
    time,
    visit::{Member, Theme, Visit},
    words::{Words, causes},
};
use contract::v1::{Grant, Incident, Text};
use jiff::Timestamp;

/// A page of the console.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Section {
    Now,
    Dossiers,
    Departments,
    Incidents,
    Measures,
    Audit,
    Outside,
}

/// See the module.
pub(crate) struct Frame {
    pub(crate) w: &'static Words,
    pub(crate) assets: &'static Names,
    pub(crate) language: Language,
    pub(crate) theme: Theme,
    pub(crate) section: Section,
    /// What was asked for, path and query.
    pub(crate) here: String,
    /// In every form.
    pub(crate) token: String,
    /// The code of the operator who is logged in; empty outside.
    pub(crate) operator: String,
    pub(crate) is_local: bool,
    pub(crate) may_observe: bool,
    pub(crate) may_operate: bool,
    pub(crate) may_audit: bool,
    pub(crate) messages: Vec<Message>,
    /// When what is shown was so.
    pub(crate) as_of: Timestamp,
    pub(crate) lost_since: Option<Timestamp>,
    /// Where changes are heard; none for a page that does not change.
    pub(crate) events: Option<String>,
    /// At which changes the page looks again.
    pub(crate) triggers: &'static str,
}

impl Frame {
    /// Around a page for whoever is not logged in.
    pub(crate) fn outside(visit: &Visit) -> Self {
        Self {
            w: Words::of(visit.language),
            assets: &NAMES,
            language: visit.language,
            theme: visit.theme,
            section: Section::Outside,
            here: visit.here(),
            token: String::new(),
            operator: String::new(),
            is_local: false,
            may_observe: false,
            may_operate: false,
            may_audit: false,
            messages: Vec::new(),
            as_of: Timestamp::now(),
            lost_since: None,
            events: None,
            triggers: "",
        }
    }

    /// Around a page of somebody who is logged in, after its calls were made.
    pub(crate) fn inside(app: &App, member: &Member, section: Section) -> Self {
        let session = &member.session;
        let operator = session.operator();
        let code = operator.rsplit('/').next().unwrap_or(&operator);
        Self {
            section,
            token: session.token.clone(),
            operator: code.to_owned(),
            is_local: session.login == Login::Local,
            may_observe: session.may(Grant::Observe) || session.may(Grant::Operate),
            may_operate: session.may(Grant::Operate),
            may_audit: session.may(Grant::Audit),
            messages: if member.visit.is_refresh {
                Vec::new()
            } else {
                session.take_messages()
            },
            lost_since: app.line.link().lost_since(),
            ..Self::outside(&member.visit)
        }
    }

    /// The page looks again at these changes.
    pub(crate) fn live(mut self, triggers: &'static str, of: &str) -> Self {
        self.events = Some(if of.is_empty() {
            "/events".to_owned()
        } else {
            format!("/events?{of}")
        });
        self.triggers = triggers;
        self
    }

    pub(crate) fn is(&self, section: Section) -> bool {
        self.section == section
    }

    /// The same page, in the other language.
    pub(crate) fn in_other_language(&self) -> String {
        self.with("language", self.language.other().tag())
    }

    /// The same page, in the next theme.
    pub(crate) fn in_next_theme(&self) -> String {
        self.with("theme", self.theme.next().as_str())
    }

    fn with(&self, name: &str, value: &str) -> String {
        let joint = if self.here.contains('?') { '&' } else { '?' };
        format!("{}{joint}{name}={value}", self.here)
    }

    pub(crate) fn theme_word(&self) -> &'static str {
        match self.theme {
            Theme::Auto => self.w.theme_auto,
            Theme::Light => self.w.theme_light,
            Theme::Dark => self.w.theme_dark,
        }
    }

    // What templates write.

    /// An instant of the contract, or a dash.
    pub(crate) fn at(&self, at: &Option<prost_types::Timestamp>) -> String {
        time::read(at).map_or_else(|| "–".into(), time::minute)
    }

    pub(crate) fn at_full(&self, at: &Option<prost_types::Timestamp>) -> String {
        time::read(at).map_or_else(|| "–".into(), time::full)
    }

    pub(crate) fn clock(&self, at: &Timestamp) -> String {
        time::clock(*at)
    }

    /// How long ago an instant was, such as `2 giờ 5 phút`.
    pub(crate) fn since(&self, at: &Option<prost_types::Timestamp>) -> String {
        time::read(at).map_or_else(
            || "–".into(),
            |at| self.span(&time::seconds_since(at, self.as_of)),
        )
    }

    pub(crate) fn is_past(&self, at: &Option<prost_types::Timestamp>) -> bool {
        time::read(at).is_some_and(|at| at < self.as_of)
    }

    pub(crate) fn span(&self, seconds: &u64) -> String {
        time::span(*seconds, self.language)
    }

    pub(crate) fn working(&self, seconds: &u64) -> String {
        time::working_span(*seconds, self.language)
    }

    pub(crate) fn text(&self, text: &Option<Text>) -> String {
        self.language.text(text)
    }

    /// What the step of an incident is called; its id where nobody knows.
    pub(crate) fn step_of(&self, incident: &Incident) -> String {
        match self.text(&incident.step_title) {
            title if title.is_empty() => incident.step_id.clone(),
            title => title,
        }
    }

    /// A number with its thousands apart.
    pub(crate) fn number(&self, number: &u64) -> String {
        grouped(*number, self.language)
    }

    /// What a cause is called.
    pub(crate) fn cause(&self, cause: &str) -> String {
        causes::name(cause, self.language)
    }

    pub(crate) fn or_dash<'t>(&self, text: &'t str) -> &'t str {
        if text.is_empty() { "–" } else { text }
    }
}

/// `1.234.567` in Vietnamese, `1,234,567` in English.
pub(crate) fn grouped(number: u64, language: Language) -> String {
    let digits = number.to_string();
    let separator = match language {
        Language::Vi => '.',
        Language::En => ',',
    };
    let mut text = String::new();
    for (n, digit) in digits.chars().enumerate() {
        if n > 0 && (digits.len() - n).is_multiple_of(3) {
            text.push(separator);
        }
        text.push(digit);
    }
    text
}

/// `12,5 %` in Vietnamese, `12.5 %` in English.
pub(crate) fn percent(part: u64, of: u64, language: Language) -> String {
    if of == 0 {
        return "–".into();
    }
    let tenths = (part as f64 * 1_000.0 / of as f64).round() as u64;
    let mark = language.of(",", ".");
    format!("{}{mark}{} %", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_each_language_writes_them() {
        assert_eq!(grouped(1_234_567, Language::Vi), "1.234.567");
        assert_eq!(grouped(999, Language::En), "999");
        assert_eq!(percent(1, 8, Language::Vi), "12,5 %");
        assert_eq!(percent(3, 3, Language::En), "100.0 %");
        assert_eq!(percent(0, 0, Language::En), "–");
    }
}
