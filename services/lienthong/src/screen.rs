//! How things look: on a terminal, in a pipe, and as JSON.

pub(crate) mod json;
pub(crate) mod notice;
pub(crate) mod slip;
pub(crate) mod table;
pub(crate) mod time;
pub(crate) mod track;
pub(crate) mod words;

use console::Term;

/// Columns of a line when the output is no terminal.
const COLUMNS_ELSEWHERE: usize = 120;

/// Columns that a line may have.
pub(crate) fn columns() -> usize {
    let terminal = Term::stdout();
    match terminal.size_checked() {
        Some((_, columns)) if terminal.is_term() => usize::from(columns),
        _ => COLUMNS_ELSEWHERE,
    }
}
