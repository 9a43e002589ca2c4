//! A table that fits the width it is given: cells wrap, and where even that is too narrow, each row
//! becomes a list of its cells.

use std::fmt::Write as _;
use terminal::measure_text_width;

/// Between two columns.
const GAP: usize = 2;
/// A column narrower than this cannot be read.
const COLUMN_MIN: usize = 8;

/// Columns with headings, and rows of as many cells.
pub(crate) struct Table {
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(headings: impl IntoIterator<Item = &'static str>) -> Self {
        Self {
            headings: headings.into_iter().collect(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        let mut cells: Vec<String> = cells.into_iter().collect();
        cells.resize(self.headings.len(), String::new());
        self.rows.push(cells);
    }

    /// The table in lines of at most `columns`, each indented by `indent` of them. A column without
    /// content is left out.
    pub(crate) fn render(&self, columns: usize, indent: usize) -> String {
        let shown: Vec<usize> = (0..self.headings.len())
            .filter(|n| self.rows.is_empty() || self.rows.iter().any(|row| !row[*n].is_empty()))
            .collect();
        let wanted: Vec<usize> = shown
            .iter()
            .map(|n| {
                let cells = self.rows.iter().map(|row| measure_text_width(&row[*n]));
                cells.max().unwrap_or(0).max(self.headings[*n].len())
            })
            .collect();
        let room = columns.saturating_sub(indent + GAP * shown.len().saturating_sub(1));
        match fit(&wanted, room) {
            Some(widths) => self.as_columns(&shown, &widths, indent),
            None => self.as_lists(&shown, columns, indent),
        }
    }

    fn as_columns(&self, shown: &[usize], widths: &[usize], indent: usize) -> String {
        let mut text = String::new();
        let headings = shown.iter().map(|n| self.headings[*n].to_owned()).collect();
        put_row(&mut text, headings, widths, indent);
        let rules = widths.iter().map(|width| "─".repeat(*width)).collect();
        put_row(&mut text, rules, widths, indent);
        for row in &self.rows {
            let cells = shown.iter().map(|n| row[*n].clone()).collect();
            put_row(&mut text, cells, widths, indent);
        }
        text
    }

    fn as_lists(&self, shown: &[usize], columns: usize, indent: usize) -> String {
        let label = shown
            .iter()
            .map(|n| self.headings[*n].len())
            .max()
            .unwrap_or(0);
        let room = columns.saturating_sub(indent + label + GAP).max(COLUMN_MIN);
        let mut text = String::new();
        for (number, row) in self.rows.iter().enumerate() {
            if number > 0 {
                text.push('\n');
            }
            for n in shown.iter().filter(|n| !row[**n].is_empty()) {
                let cells = vec![self.headings[*n].to_owned(), row[*n].clone()];
                put_row(&mut text, cells, &[label, room], indent);
            }
        }
        text
    }
}

/// Widths that fit in `room`: what is wanted, less where it is widest; none when a column would
/// become too narrow to read.
fn fit(wanted: &[usize], room: usize) -> Option<Vec<usize>> {
    let mut widths = wanted.to_vec();
    while widths.iter().sum::<usize>() > room {
        let widest = widths.iter_mut().max()?;
        if *widest <= COLUMN_MIN {
            return None;
        }
        *widest -= 1;
    }
    Some(widths)
}

fn put_row(text: &mut String, cells: Vec<String>, widths: &[usize], indent: usize) {
    let wrapped: Vec<Vec<String>> = cells
        .iter()
        .zip(widths)
        .map(|(cell, width)| wrap(cell, *width))
        .collect();
    for line in 0..wrapped.iter().map(Vec::len).max().unwrap_or(0) {
        let mut row = " ".repeat(indent);
        for (n, (lines, width)) in wrapped.iter().zip(widths).enumerate() {
            let piece = lines.get(line).map_or("", String::as_str);
            let padding = width.saturating_sub(measure_text_width(piece));
            let gap = if n == 0 { 0 } else { GAP };
            let _ = write!(row, "{:gap$}{piece}{:padding$}", "", "");
        }
        text.push_str(row.trim_end());
        text.push('\n');
    }
}

/// A text in lines of at most `width`, broken at spaces, and within a word that is longer.
pub(crate) fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines = vec![String::new()];
    for word in text.split_whitespace() {
        let last = lines.len() - 1;
        let used = measure_text_width(&lines[last]);
        if used == 0 {
            lines[last] = word.to_owned();
        } else if used + 1 + measure_text_width(word) <= width {
            lines[last].push(' ');
            lines[last].push_str(word);
        } else {
            lines.push(word.to_owned());
        }
        while measure_text_width(&lines[lines.len() - 1]) > width {
            let last = lines.len() - 1;
            let cut = cut_at(&lines[last], width);
            let rest = lines[last].split_off(cut);
            lines.push(rest);
        }
    }
    lines
}

/// Where a word is cut to fit: after its last joint that fits, or wherever the width ends.
fn cut_at(word: &str, width: usize) -> usize {
    let fits = |end: &usize| measure_text_width(&word[..*end]) <= width;
    let ends = || word.char_indices().map(|(at, c)| at + c.len_utf8());
    let joint = word
        .char_indices()
        .filter(|(_, c)| matches!(c, '-' | '_' | '/' | ','))
        .map(|(at, c)| at + c.len_utf8())
        .rfind(fits);
    joint
        .or_else(|| ends().take_while(fits).last())
        .unwrap_or_else(|| ends().next().unwrap_or(word.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table() -> Table {
        let mut table = Table::new(["From", "Step", "Note", "Empty"]);
        table.row([
            "Công an xã Mẫu Một".into(),
            "register_residence".into(),
            "".into(),
        ]);
        table.row([
            "Tư pháp - hộ tịch, UBND xã Mẫu Một".into(),
            "register_birth".into(),
            "ghi chú".into(),
        ]);
        table
    }

    #[test]
    fn a_table_never_is_wider_than_its_room() {
        for columns in 24..120 {
            let text = table().render(columns, 2);
            for line in text.lines() {
                assert!(measure_text_width(line) <= columns, "{columns}: {line}");
            }
            assert!(
                text.replace(char::is_whitespace, "").contains("Mẫu"),
                "{text}"
            );
        }
    }

    #[test]
    fn a_column_without_content_is_left_out() {
        let text = table().render(100, 0);
        assert!(text.contains("Note") && !text.contains("Empty"), "{text}");
    }

    #[test]
    fn a_table_that_is_too_narrow_for_columns_becomes_lists() {
        let text = table().render(26, 0);
        assert!(text.contains("\n\nFrom  "), "{text}");
    }

    #[test]
    fn nothing_is_lost_when_a_cell_wraps() {
        for width in 4..40 {
            let text = "Giấy chứng-sinh register_residence Nguyễn";
            let joined: String = wrap(text, width).concat();
            assert_eq!(joined.replace(' ', ""), text.replace(' ', ""), "{width}");
        }
    }
}
