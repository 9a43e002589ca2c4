//! One table, for a screen and for Markdown: the first column to the left, figures to the right.

/// See the module.
#[derive(Debug)]
pub(crate) struct Table {
    /// What it is about.
    pub(crate) title: &'static str,
    headings: Vec<&'static str>,
    rows: Vec<Vec<String>>,
}

impl Table {
    pub(crate) fn new(title: &'static str, headings: &[&'static str]) -> Self {
        Self {
            title,
            headings: headings.to_vec(),
            rows: Vec::new(),
        }
    }

    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// For a screen.
    pub(crate) fn render(&self) -> String {
        let widths = self.widths();
        let line = |cells: &mut dyn Iterator<Item = &str>| {
            let cells = cells.zip(&widths).enumerate().map(|(at, (cell, width))| {
                let blanks = " ".repeat(width - terminal::measure_text_width(cell));
                if at == 0 {
                    format!("{cell}{blanks}")
                } else {
                    format!("{blanks}{cell}")
                }
            });
            cells.collect::<Vec<_>>().join("  ")
        };
        let mut lines = vec![line(&mut self.headings.iter().copied())];
        for row in &self.rows {
            lines.push(line(&mut row.iter().map(String::as_str)));
        }
        lines.join("\n")
    }

    /// For Markdown.
    pub(crate) fn markdown(&self) -> String {
        let line = |cells: &[&str]| format!("| {} |\n", cells.join(" | "));
        let mut text = line(&self.headings);
        let sides = (0..self.headings.len()).map(|at| if at == 0 { "---" } else { "---:" });
        text.push_str(&line(&sides.collect::<Vec<_>>()));
        for row in &self.rows {
            text.push_str(&line(&row.iter().map(String::as_str).collect::<Vec<_>>()));
        }
        text
    }

    fn widths(&self) -> Vec<usize> {
        let columns = 0..self.headings.len();
        let width = |at: usize| {
            let cells = self.rows.iter().filter_map(|row| row.get(at));
            let widest = cells.map(|cell| terminal::measure_text_width(cell)).max();
            let heading = terminal::measure_text_width(self.headings[at]);
            widest.unwrap_or_default().max(heading)
        };
        columns.map(width).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_stand_under_each_other_on_a_screen_and_in_markdown() {
        let mut table = Table::new("t", &["what", "µs"]);
        table.row(["a".into(), "7".into()]);
        table.row(["chuỗi".into(), "1234".into()]);
        assert_eq!(table.render(), "what     µs\na         7\nchuỗi  1234");
        assert_eq!(
            table.markdown(),
            "| what | µs |\n| --- | ---: |\n| a | 7 |\n| chuỗi | 1234 |\n"
        );
    }
}
