//! How things look: on a terminal, in a pipe, and as JSON.

pub(crate) mod json;
pub(crate) mod notice;
pub(crate) mod rules;
pub(crate) mod slip;
pub(crate) mod table;
pub(crate) mod time;
pub(crate) mod track;
pub(crate) mod words;

use std::{
    fmt,
    io::{self, Write as _},
    process::exit,
};
use terminal::Term;

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

/// Prints a line on standard output, as `println!` does. Whoever reads it may stop: then there is
/// nothing more to do.
macro_rules! tell {
    () => { $crate::screen::put(format_args!("")) };
    ($($what:tt)*) => { $crate::screen::put(format_args!($($what)*)) };
}
pub(crate) use tell;

pub(crate) fn put(text: fmt::Arguments<'_>) {
    if let Err(error) = writeln!(io::stdout().lock(), "{text}") {
        if error.kind() == io::ErrorKind::BrokenPipe {
            exit(0);
        }
        eprintln!("error: cannot write to standard output: {error}");
        exit(1);
    }
}
