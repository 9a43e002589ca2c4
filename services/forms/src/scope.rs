//! The values that a template can reach, and what they look like on paper.

use crate::form::{FIELD_CHARS_MAX, FormError, ROWS_MAX};
use crate::template::Filter;
use crate::value::{Fields, Value, find};
use crate::vietnamese;

/// Refuses what no paper can carry, before any of it is set.
///
/// # Errors
/// Names the field.
pub(crate) fn check(fields: &Fields) -> Result<(), FormError> {
    for (name, value) in fields {
        match value {
            Value::Text(text) if text.chars().nth(FIELD_CHARS_MAX).is_some() => {
                return Err(FormError::FieldTooLong {
                    field: (*name).to_owned(),
                });
            }
            Value::Rows { rows, .. } if rows.len() > ROWS_MAX => {
                return Err(FormError::TooManyRows {
                    field: (*name).to_owned(),
                });
            }
            Value::Rows { rows, .. } => rows.iter().try_for_each(check)?,
            Value::Group(group) => check(group)?,
            _ => {}
        }
    }
    Ok(())
}

/// The values in reach.
#[derive(Clone)]
pub(crate) struct Scope<'a> {
    pub fields: Vec<&'a Fields>,
    /// The number of the row that is being set; `None` where there is none.
    pub row: Option<usize>,
    /// The page and how many there are, for what runs above the text.
    pub page: (usize, usize),
}

impl<'a> Scope<'a> {
    fn find(&self, name: &str) -> Option<&'a Value> {
        self.fields
            .iter()
            .rev()
            .find_map(|fields| find(fields, name))
    }

    pub(crate) fn within(&self, fields: &'a Fields, row: Option<usize>) -> Scope<'a> {
        let mut inner = self.clone();
        inner.fields.push(fields);
        inner.row = row;
        inner
    }

    pub(crate) fn rows(&self, list: &str) -> (Option<&'a Fields>, &'a [Fields]) {
        match self.find(list) {
            Some(Value::Rows { blank, rows }) => (Some(blank), rows),
            _ => (None, &[]),
        }
    }

    pub(crate) fn has(&self, field: &str) -> bool {
        match self.find(field) {
            Some(Value::Text(text)) => !text.trim().is_empty(),
            Some(Value::Count(count)) => *count > 0,
            Some(Value::Money(money)) => money.is_some(),
            Some(Value::Moment(moment)) => moment.is_some(),
            Some(Value::Rows { rows, .. }) => !rows.is_empty(),
            Some(Value::Group(_)) => true,
            None => false,
        }
    }

    /// A field as text; empty where it has no value.
    pub(crate) fn text(&self, name: &str, filter: Filter) -> String {
        match (name, self.find(name)) {
            ("row", None) => self.row.map(|row| row.to_string()).unwrap_or_default(),
            ("page", None) => self.page.0.to_string(),
            ("pages", None) => self.page.1.to_string(),
            (_, Some(Value::Text(text))) if text.trim().is_empty() => String::new(),
            (_, Some(Value::Text(text))) if filter == Filter::Upper => {
                vietnamese::clean(&text.to_uppercase())
            }
            (_, Some(Value::Text(text))) => vietnamese::clean(text.trim()),
            (_, Some(Value::Count(count))) if *count > 0 => count.to_string(),
            (_, Some(Value::Money(Some(dong)))) => vietnamese::money(*dong),
            (_, Some(Value::Moment(Some(at)))) => match filter {
                Filter::Date => vietnamese::date(*at),
                Filter::Short => vietnamese::short_moment(*at),
                Filter::ShortDate => vietnamese::short_date(*at),
                Filter::Plain | Filter::Upper => vietnamese::moment(*at),
            },
            _ => String::new(),
        }
    }
}
