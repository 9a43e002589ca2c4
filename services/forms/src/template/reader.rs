//! Reads a template line by line, and refuses what it cannot set.

use super::line::{Line, fault, number, take_apart};
use super::words::{Fault, Known, look_up, words};
use super::{Align, Block, Column, MM, Margins, Style, TEMPLATE_BYTES_MAX, Template};
use super::{TemplateError, Words};
use crate::form::FormKind;
use crate::value::Value;

/// Blocks within blocks, after which a template is refused.
const DEPTH_MAX: usize = 8;
/// Columns of a table or side by side.
const COLUMNS_MAX: usize = 20;
/// The least that must be left between the margins, in millimetres.
const BODY_MM_MIN: f32 = 60.0;

const BLOCKS: &str = "text, left, center, right, gap, rule, qr, columns, table, if, each, keep";

/// Reads the template of a paper; `file` is its name in refusals.
///
/// # Errors
/// The first line that cannot be set, and how to mend it.
pub(crate) fn read(file: &str, kind: FormKind, text: &str) -> Result<Template, TemplateError> {
    let refuse = |line: usize, (what, mend): Fault| TemplateError {
        file: file.to_owned(),
        line,
        what,
        mend,
    };
    if text.len() > TEMPLATE_BYTES_MAX {
        let what = format!("the template has more than {TEMPLATE_BYTES_MAX} bytes");
        return Err(refuse(1, (what, "shorten it".to_owned())));
    }
    let mut lines = Vec::new();
    for (at, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        if !line.is_empty() && !line.starts_with('#') {
            lines.push(take_apart(at + 1, line).map_err(|fault| refuse(at + 1, fault))?);
        }
    }
    let blank = kind.blank();
    let mut reader = Reader {
        lines: &lines,
        at: 0,
    };
    reader.template(kind, &vec![&blank]).map_err(|fault| {
        refuse(
            reader.current().map_or(text.lines().count(), |l| l.number),
            fault,
        )
    })
}

struct Reader<'a> {
    lines: &'a [Line<'a>],
    at: usize,
}

impl<'a> Reader<'a> {
    fn current(&self) -> Option<&'a Line<'a>> {
        self.lines.get(self.at)
    }

    fn template(&mut self, kind: FormKind, scope: &Known) -> Result<Template, Fault> {
        let mut template = Template {
            kind,
            width: 210.0 * MM,
            height: 297.0 * MM,
            margins: Margins {
                top: 20.0,
                right: 15.0,
                bottom: 20.0,
                left: 30.0,
            },
            size: 13.0,
            spacing: 0.0,
            title: Words::new(),
            running: Words::new(),
            body: Vec::new(),
        };
        while let Some(line) = self.current() {
            match line.keyword {
                "page" => {
                    let (width, height) = match line.rest {
                        "A4" => (210.0, 297.0),
                        "A4 landscape" => (297.0, 210.0),
                        "A5" => (148.0, 210.0),
                        "A5 landscape" => (210.0, 148.0),
                        other => {
                            let mend = "write A4 or A5, and landscape after it where it lies";
                            return Err(fault(format!("there is no page {other}"), mend));
                        }
                    };
                    (template.width, template.height) = (width * MM, height * MM);
                }
                "margins" => match line.numbers(5.0, 60.0)?[..] {
                    [top, right, bottom, left] => {
                        template.margins = Margins {
                            top,
                            right,
                            bottom,
                            left,
                        };
                    }
                    _ => {
                        let mend = "write top, right, bottom and left in millimetres";
                        return Err(fault("margins are four numbers", mend));
                    }
                },
                "font" => template.size = number(line.rest, "font", 6.0, 24.0)?,
                "spacing" => template.spacing = number(line.rest, "spacing", 0.0, 20.0)? * MM,
                "title" => template.title = words(line.rest, scope, &[])?,
                "running" => template.running = words(line.rest, scope, &["page", "pages"])?,
                _ => break,
            }
            line.allow(&[])?;
            self.at += 1;
        }
        let Margins {
            top,
            right,
            bottom,
            left,
        } = template.margins;
        template.margins = Margins {
            top: top * MM,
            right: right * MM,
            bottom: bottom * MM,
            left: left * MM,
        };
        let least = BODY_MM_MIN * MM;
        if template.width - (left + right) * MM < least
            || template.height - (top + bottom) * MM < least
        {
            let what = format!("the margins leave less than {BODY_MM_MIN} mm for text");
            return Err(fault(what, "write smaller ones"));
        }
        template.body = self.blocks(scope, &[], 0)?;
        Ok(template)
    }

    /// Reads blocks up to one of the closing words, which stays the current line.
    fn blocks(
        &mut self,
        scope: &Known,
        closing: &[&str],
        depth: usize,
    ) -> Result<Vec<Block>, Fault> {
        let mut blocks = Vec::new();
        if depth > DEPTH_MAX {
            let what = format!("more than {DEPTH_MAX} blocks stand within one another");
            return Err(fault(what, "take some apart"));
        }
        while let Some(line) = self.current() {
            if closing.contains(&line.keyword) {
                line.allow(&[])?;
                line.no_rest()?;
                return Ok(blocks);
            }
            blocks.push(self.block(line, scope, depth)?);
            self.at += 1;
        }
        match closing {
            [] => Ok(blocks),
            _ => Err(fault(
                "a block is opened and not closed",
                "write end after it",
            )),
        }
    }

    /// Reads one block; its last line stays the current one.
    fn block(&mut self, line: &Line, scope: &Known, depth: usize) -> Result<Block, Fault> {
        let paragraph = |align| -> Result<Block, Fault> {
            line.allow(&["size", "before", "indent", "hang"])?;
            let style = Style {
                align,
                size: line.length("size", 6.0, 24.0)?,
                before: line.length("before", 0.0, 50.0)?.map(|mm| mm * MM),
                indent: line.length("indent", 0.0, 25.0)?.unwrap_or(0.0) * MM,
                hang: line.length("hang", 0.0, 25.0)?.unwrap_or(0.0) * MM,
            };
            Ok(Block::Paragraph {
                style,
                words: words(line.rest, scope, &row_number(scope))?,
            })
        };
        match line.keyword {
            "text" => paragraph(Align::Justify),
            "left" => paragraph(Align::Left),
            "center" => paragraph(Align::Center),
            "right" => paragraph(Align::Right),
            "gap" => {
                line.allow(&[])?;
                Ok(Block::Gap(number(line.rest, "gap", 0.0, 50.0)? * MM))
            }
            "rule" => {
                line.allow(&[])?;
                Ok(Block::Rule {
                    percent: number(line.rest, "rule", 1.0, 100.0)?,
                })
            }
            "qr" => {
                line.allow(&["size", "align"])?;
                let size = line.length("size", 10.0, 50.0)?.unwrap_or(20.0) * MM;
                let align = line.align()?.unwrap_or(Align::Left);
                Ok(Block::Qr {
                    size,
                    align,
                    words: words(line.rest, scope, &[])?,
                })
            }
            "columns" => self.columns(line, scope, depth),
            "table" => self.table(line, scope),
            "if" => {
                line.allow(&[])?;
                look_up(scope, line.rest)?;
                self.at += 1;
                let then = self.blocks(scope, &["else", "end"], depth + 1)?;
                let mut otherwise = Vec::new();
                if self.current().is_some_and(|line| line.keyword == "else") {
                    self.at += 1;
                    otherwise = self.blocks(scope, &["end"], depth + 1)?;
                }
                Ok(Block::If {
                    field: line.rest.to_owned(),
                    then,
                    otherwise,
                })
            }
            "each" => {
                line.allow(&[])?;
                let mut inner = scope.clone();
                inner.push(rows(scope, line.rest)?);
                self.at += 1;
                let body = self.blocks(&inner, &["end"], depth + 1)?;
                Ok(Block::Each {
                    list: line.rest.to_owned(),
                    body,
                })
            }
            "keep" => {
                line.allow(&[])?;
                line.no_rest()?;
                self.at += 1;
                Ok(Block::Keep(self.blocks(scope, &["end"], depth + 1)?))
            }
            "end" | "else" | "next" | "column" => Err(fault(
                format!("{} belongs to no block", line.keyword),
                "open one before it: column to table, next to columns, else to if",
            )),
            "page" | "margins" | "font" | "spacing" | "title" | "running" => Err(fault(
                format!("{} stands after the first block", line.keyword),
                "write it at the head of the template",
            )),
            other => Err(fault(
                format!("there is no block {other}"),
                format!("write one of {BLOCKS}, or # before a note"),
            )),
        }
    }

    fn columns(&mut self, line: &Line, scope: &Known, depth: usize) -> Result<Block, Fault> {
        line.allow(&["before"])?;
        let before = line.length("before", 0.0, 50.0)?.map(|mm| mm * MM);
        let shares = line.numbers(1.0, 100.0)?;
        if !(1..=COLUMNS_MAX).contains(&shares.len()) {
            let mend = "write each column's share of the width, such as columns 45 55";
            return Err(fault("columns without widths", mend));
        }
        let mut cells = Vec::new();
        loop {
            self.at += 1;
            cells.push(self.blocks(scope, &["next", "end"], depth + 1)?);
            if self.current().is_none_or(|line| line.keyword == "end") {
                break;
            }
        }
        if cells.iter().any(|cell| has_rows(cell)) {
            let mend = "close the columns before it";
            return Err(fault("a table or columns stand within columns", mend));
        }
        if cells.len() != shares.len() {
            let what = format!("{} widths for {} columns", shares.len(), cells.len());
            return Err(fault(
                what,
                "write next between columns, and one width for each",
            ));
        }
        Ok(Block::Columns {
            shares,
            before,
            cells,
        })
    }

    fn table(&mut self, line: &Line, scope: &Known) -> Result<Block, Fault> {
        line.allow(&["size", "before"])?;
        let size = line.length("size", 6.0, 24.0)?;
        let before = line.length("before", 0.0, 50.0)?.unwrap_or(1.5) * MM;
        let mut inner = scope.clone();
        inner.push(rows(scope, line.rest)?);
        let mut columns = Vec::new();
        loop {
            self.at += 1;
            let Some(line) = self.current() else {
                return Err(fault(
                    "a table is opened and not closed",
                    "write end after it",
                ));
            };
            if line.keyword == "end" {
                line.no_rest()?;
                break;
            }
            if line.keyword != "column" {
                let what = format!("{} stands within a table", line.keyword);
                return Err(fault(what, "write column or end"));
            }
            line.allow(&["width", "align", "group"])?;
            let Some((head, cell)) = line.rest.split_once('|') else {
                let mend = "write column Head | cell";
                return Err(fault("a column has a head and no cell", mend));
            };
            columns.push(Column {
                share: line.length("width", 3.0, 100.0)?.unwrap_or(10.0),
                align: line.align()?.unwrap_or(Align::Left),
                group: line.option("group").unwrap_or_default().to_owned(),
                head: words(head.trim(), scope, &[])?,
                cell: words(cell.trim(), &inner, &["row"])?,
            });
        }
        if !(1..=COLUMNS_MAX).contains(&columns.len()) {
            let mend = format!("write from 1 to {COLUMNS_MAX} of them");
            return Err(fault(
                format!("a table has {} columns", columns.len()),
                mend,
            ));
        }
        Ok(Block::Table {
            list: line.rest.to_owned(),
            size,
            before,
            columns,
        })
    }
}

/// Rows are numbered; outside of one there is no number.
fn row_number(scope: &Known) -> Vec<&'static str> {
    if scope.len() > 1 {
        vec!["row"]
    } else {
        Vec::new()
    }
}

fn rows<'a>(scope: &Known<'a>, list: &str) -> Result<&'a crate::value::Fields, Fault> {
    match look_up(scope, list)? {
        Value::Rows { blank, .. } => Ok(blank),
        _ => Err(fault(
            format!("{list} is no list"),
            "write the name of a list",
        )),
    }
}

fn has_rows(blocks: &[Block]) -> bool {
    blocks.iter().any(|block| match block {
        Block::Columns { .. } | Block::Table { .. } => true,
        Block::If {
            then, otherwise, ..
        } => has_rows(then) || has_rows(otherwise),
        Block::Each { body, .. } | Block::Keep(body) => has_rows(body),
        _ => false,
    })
}
