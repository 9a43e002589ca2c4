//! Templates: one block a line, checked against the fields of their paper when they are loaded.
//!
//! `deploy/forms/README.md` describes the language.

mod line;
mod reader;
mod words;

use crate::form::FormKind;
pub(crate) use reader::read;
pub(crate) use words::{Filter, Span, What, Words};

/// Points in a millimetre.
pub(crate) const MM: f32 = 72.0 / 25.4;
/// Bytes in a template, after which it is refused.
pub(crate) const TEMPLATE_BYTES_MAX: usize = 256 * 1024;

/// What is wrong in a template, where, and how to mend it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{file}, line {line}: {what}; {mend}")]
pub struct TemplateError {
    /// The file's name.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// What is wrong.
    pub what: String,
    /// What to write instead.
    pub mend: String,
}

/// A paper's look. Lengths are points.
#[derive(Debug, Clone)]
pub(crate) struct Template {
    pub kind: FormKind,
    pub width: f32,
    pub height: f32,
    pub margins: Margins,
    /// Size of the letters.
    pub size: f32,
    /// Space above each paragraph.
    pub spacing: f32,
    /// The document's title, which viewers show.
    pub title: Words,
    /// What stands above the text from the second page on.
    pub running: Words,
    pub body: Vec<Block>,
}

#[derive(Debug, Clone, Copy)]
pub(crate) struct Margins {
    pub top: f32,
    pub right: f32,
    pub bottom: f32,
    pub left: f32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    Left,
    Center,
    Right,
    Justify,
}

/// How one paragraph differs from the rest.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Style {
    pub align: Align,
    pub size: Option<f32>,
    pub before: Option<f32>,
    /// Of the first line alone.
    pub indent: f32,
    /// Of all lines but the first.
    pub hang: f32,
}

#[derive(Debug, Clone)]
pub(crate) enum Block {
    Paragraph {
        style: Style,
        words: Words,
    },
    Gap(f32),
    /// A stroke under the line before it, in hundredths of that line.
    Rule {
        percent: f32,
    },
    Qr {
        size: f32,
        align: Align,
        words: Words,
    },
    Columns {
        shares: Vec<f32>,
        before: Option<f32>,
        cells: Vec<Vec<Block>>,
    },
    Table {
        list: String,
        size: Option<f32>,
        before: f32,
        columns: Vec<Column>,
    },
    If {
        field: String,
        then: Vec<Block>,
        otherwise: Vec<Block>,
    },
    Each {
        list: String,
        body: Vec<Block>,
    },
    Keep(Vec<Block>),
}

#[derive(Debug, Clone)]
pub(crate) struct Column {
    pub share: f32,
    pub align: Align,
    /// Columns beside one another with the same group have one head above theirs.
    pub group: String,
    pub head: Words,
    pub cell: Words,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Fields, Value, names};

    fn all_names(fields: &Fields) -> Vec<String> {
        let rows = fields.iter().filter_map(|(_, value)| match value {
            Value::Rows { blank, .. } => Some(all_names(blank)),
            _ => None,
        });
        rows.flatten().chain(names(fields)).collect()
    }

    #[test]
    fn every_field_of_a_paper_stands_in_its_template() {
        for kind in FormKind::ALL {
            let template = kind.template();
            // Heads and applicants are shared: a slip between offices needs no e-mail of anybody.
            let own = all_names(&kind.blank())
                .into_iter()
                .filter(|name| !name.contains('.'));
            for name in own {
                let shown = template.contains(&format!("{{{name}"));
                let listed = template
                    .lines()
                    .any(|line| line.ends_with(&format!(" {name}")));
                assert!(shown || listed, "{} does not show {name}", kind.word());
            }
        }
    }
}
