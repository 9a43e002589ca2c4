//! Text with bold and italic runs and the fields in it.

use crate::value::{Fields, Value, find, names};

/// Text of a template, in runs.
pub(crate) type Words = Vec<Span>;

/// One run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    pub bold: bool,
    pub italic: bool,
    pub what: What,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum What {
    Text(String),
    Field {
        name: String,
        filter: Filter,
        /// Stands where the field has no value.
        fallback: String,
    },
}

/// How a value is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Filter {
    Plain,
    Upper,
    Date,
    Short,
    ShortDate,
}

/// What is wrong, and the mend.
pub(crate) type Fault = (String, String);

/// The fields in reach: those of the paper, and of the row that is being set.
pub(crate) type Known<'a> = Vec<&'a Fields>;

/// Looks a field up, the innermost row first.
pub(crate) fn look_up<'a>(scope: &[&'a Fields], name: &str) -> Result<&'a Value, Fault> {
    scope
        .iter()
        .rev()
        .find_map(|fields| find(fields, name))
        .ok_or_else(|| {
            let known: Vec<String> = scope.iter().flat_map(|fields| names(fields)).collect();
            (
                format!("there is no field {name}"),
                format!("write one of {}", known.join(", ")),
            )
        })
}

/// Reads a run of text; `built_in` are numbers that the typesetter knows, such as `row`.
pub(crate) fn words(text: &str, scope: &Known, built_in: &[&str]) -> Result<Words, Fault> {
    let mut spans = Words::new();
    let (mut bold, mut italic) = (false, false);
    let mut plain = String::new();
    let mut rest = text;
    let flush = |plain: &mut String, spans: &mut Words, bold, italic| {
        if !plain.is_empty() {
            let what = What::Text(std::mem::take(plain));
            spans.push(Span { bold, italic, what });
        }
    };
    while let Some(letter) = rest.chars().next() {
        if let Some(after) = rest.strip_prefix("**") {
            flush(&mut plain, &mut spans, bold, italic);
            bold = !bold;
            rest = after;
        } else if let Some(after) = rest.strip_prefix('_') {
            flush(&mut plain, &mut spans, bold, italic);
            italic = !italic;
            rest = after;
        } else if let Some(after) = rest.strip_prefix('\\') {
            let escaped = after
                .chars()
                .next()
                .filter(|next| r"n*_{}[]|\".contains(*next));
            let Some(escaped) = escaped else {
                return Err((
                    "a backslash stands before a sign that needs none".to_owned(),
                    r"write \\ for the backslash itself, \n for a new line".to_owned(),
                ));
            };
            plain.push(if escaped == 'n' { '\n' } else { escaped });
            rest = &after[1..];
        } else if let Some(after) = rest.strip_prefix('{') {
            flush(&mut plain, &mut spans, bold, italic);
            let Some((inner, after)) = after.split_once('}') else {
                return Err((
                    "a field is opened and not closed".to_owned(),
                    r"write } after its name, or \{ for the brace itself".to_owned(),
                ));
            };
            let what = field(inner, scope, built_in)?;
            spans.push(Span { bold, italic, what });
            rest = after;
        } else {
            plain.push(letter);
            rest = &rest[letter.len_utf8()..];
        }
    }
    flush(&mut plain, &mut spans, bold, italic);
    if bold {
        return Err((
            "bold text is not closed".to_owned(),
            "write ** after it".to_owned(),
        ));
    }
    if italic {
        let mend = r"write _ after it, or \_ for the sign itself";
        return Err(("italic text is not closed".to_owned(), mend.to_owned()));
    }
    Ok(spans)
}

fn field(inner: &str, scope: &Known, built_in: &[&str]) -> Result<What, Fault> {
    let (inner, fallback) = inner.split_once('|').unwrap_or((inner, ""));
    let (name, filter) = match inner.split_once(':') {
        Some((name, filter)) => (name.trim(), Some(filter.trim())),
        None => (inner.trim(), None),
    };
    if !built_in.contains(&name) {
        look_up(scope, name)?;
    }
    let allowed = match built_in.contains(&name) {
        true => &[][..],
        false => match look_up(scope, name)? {
            Value::Text(_) => &["upper"][..],
            Value::Moment(_) => &["date", "short", "short-date"],
            Value::Count(_) | Value::Money(_) => &[],
            Value::Rows { .. } => {
                let mend = format!("write `each {name}` or `table {name}` around its rows");
                return Err((format!("{name} is a list and no text"), mend));
            }
            Value::Group(fields) => {
                let inner: Vec<String> = names(fields)
                    .iter()
                    .map(|field| format!("{name}.{field}"))
                    .collect();
                let mend = format!("write one of {}", inner.join(", "));
                return Err((format!("{name} is a group of fields and no text"), mend));
            }
        },
    };
    let filter = match filter {
        None => Filter::Plain,
        Some(word) if !allowed.contains(&word) => {
            let mend = match allowed {
                [] => "leave it out".to_owned(),
                some => format!("write one of {}, or none", some.join(", ")),
            };
            return Err((
                format!("the field {name} cannot be written as {word}"),
                mend,
            ));
        }
        Some("upper") => Filter::Upper,
        Some("date") => Filter::Date,
        Some("short") => Filter::Short,
        Some(_) => Filter::ShortDate,
    };
    Ok(What::Field {
        name: name.to_owned(),
        filter,
        fallback: fallback.replace("\\n", "\n"),
    })
}
