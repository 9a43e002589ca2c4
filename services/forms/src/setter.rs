//! A template and the values of a form become pieces, and these pages.

use crate::font::{Face, Fonts};
use crate::form::{CODE_BYTES_MAX, FIELD_CHARS_MAX, FormError, ROWS_MAX};
use crate::layout::{Body, Cell, Item, LEADING, Measure, Row, Run, lines};
use crate::page::{Area, Page, QUIET, fits_above, paginate};
use crate::template::{Align, Block, Column, Filter, MM, Span, Style, Template, What, Words};
use crate::value::{Fields, Value, find};
use crate::vietnamese;
use qrcode::{Color, QrCode};

/// Space between the border of a table's cell and its text.
const CELL_PAD: f32 = 1.0 * MM;
/// Space between columns that stand side by side.
const GUTTER: f32 = 2.0 * MM;

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

/// Sets a form: its pages, and its title.
///
/// # Errors
/// See [`FormError`].
pub(crate) fn set(
    fonts: &Fonts,
    template: &Template,
    fields: &Fields,
) -> Result<(Vec<Page>, String), FormError> {
    let mut setter = Setter {
        fonts,
        heads: Vec::new(),
    };
    let scope = Scope {
        fields: vec![fields],
        row: None,
        page: (0, 0),
    };
    let margins = template.margins;
    let width = template.width - margins.left - margins.right;
    let area = Area {
        left: margins.left,
        top: margins.top,
        height: template.height - margins.top - margins.bottom,
    };
    let flow = Flow {
        width,
        size: template.size,
        spacing: template.spacing,
    };
    let items = setter.flow(&template.body, flow, &scope)?;
    let title = setter
        .runs(&template.title, &scope)
        .into_iter()
        .map(|run| run.text)
        .collect();
    let running = |page: usize, pages: usize| {
        let scope = Scope {
            page: (page, pages),
            ..scope.clone()
        };
        let measure = Measure {
            lean: 0.5,
            ..flow.measure()
        };
        let mut items = lines(fonts, &setter.runs(&template.running, &scope), measure);
        items.push(Item::space(template.size * 0.5));
        if fits_above(&items, area) {
            items
        } else {
            Vec::new()
        }
    };
    // The number of pages is known only after they have been filled once.
    let pages = paginate(items.clone(), &setter.heads, area, |page| {
        running(page, 999)
    })?
    .len();
    let pages = paginate(items, &setter.heads, area, |page| running(page, pages))?;
    Ok((pages, title))
}

/// The values in reach.
#[derive(Clone)]
struct Scope<'a> {
    fields: Vec<&'a Fields>,
    /// The number of the row that is being set; `None` where there is none.
    row: Option<usize>,
    page: (usize, usize),
}

impl<'a> Scope<'a> {
    fn find(&self, name: &str) -> Option<&'a Value> {
        self.fields
            .iter()
            .rev()
            .find_map(|fields| find(fields, name))
    }

    fn within(&self, fields: &'a Fields, row: Option<usize>) -> Scope<'a> {
        let mut inner = self.clone();
        inner.fields.push(fields);
        inner.row = row;
        inner
    }

    fn rows(&self, list: &str) -> (Option<&'a Fields>, &'a [Fields]) {
        match self.find(list) {
            Some(Value::Rows { blank, rows }) => (Some(blank), rows),
            _ => (None, &[]),
        }
    }

    fn has(&self, field: &str) -> bool {
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
    fn text(&self, name: &str, filter: Filter) -> String {
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

/// Where blocks are set one under another.
#[derive(Debug, Clone, Copy)]
struct Flow {
    width: f32,
    size: f32,
    spacing: f32,
}

impl Flow {
    fn measure(self) -> Measure {
        Measure {
            width: self.width,
            size: self.size,
            indent: 0.0,
            hang: 0.0,
            lean: 0.0,
            justified: false,
        }
    }
}

struct Setter<'a> {
    fonts: &'a Fonts,
    /// The heads of the tables set so far.
    heads: Vec<Item>,
}

impl Setter<'_> {
    fn flow(
        &mut self,
        blocks: &[Block],
        flow: Flow,
        scope: &Scope,
    ) -> Result<Vec<Item>, FormError> {
        let mut items = Vec::new();
        for block in blocks {
            self.block(block, flow, scope, &mut items)?;
        }
        Ok(items)
    }

    fn block(
        &mut self,
        block: &Block,
        flow: Flow,
        scope: &Scope,
        items: &mut Vec<Item>,
    ) -> Result<(), FormError> {
        match block {
            Block::Paragraph { style, words } => {
                let before = style.before.unwrap_or(flow.spacing);
                if before > 0.0 {
                    items.push(Item::space(before));
                }
                items.extend(self.paragraph(words, *style, flow, scope));
            }
            Block::Gap(height) => items.push(Item::space(*height)),
            Block::Rule { percent } => items.extend(rule(items, *percent)),
            Block::Qr { size, align, words } => {
                let text: String = self
                    .runs(words, scope)
                    .into_iter()
                    .map(|run| run.text)
                    .collect();
                if !text.is_empty() {
                    let size = size.min(flow.width);
                    let modules = qr(&text)?;
                    // The dark part reaches the edge; what must stay light lies in the margin.
                    let light = size * QUIET as f32 / (modules.len() + 2 * QUIET) as f32;
                    let lean = lean(*align);
                    let x = (flow.width - size) * lean + light * (2.0 * lean - 1.0);
                    items.push(Item::new(size, Body::Qr { x, size, modules }));
                }
            }
            Block::Columns {
                shares,
                before,
                cells,
            } => {
                let before = before.unwrap_or(flow.spacing);
                if before > 0.0 {
                    items.push(Item::space(before));
                }
                let mut row = Row {
                    cells: Vec::new(),
                    framed: false,
                    pad: 0.0,
                    table: None,
                };
                let gutters = GUTTER * (shares.len() - 1) as f32;
                let places = places(shares, flow.width - gutters);
                for ((at, (x, width)), blocks) in places.enumerate().zip(cells) {
                    let inner = Flow {
                        width,
                        spacing: 0.0,
                        ..flow
                    };
                    let items = self.flow(blocks, inner, scope)?;
                    row.cells.push(Cell {
                        x: x + GUTTER * at as f32,
                        width,
                        items,
                    });
                }
                items.push(Item::row(row));
            }
            Block::Table {
                list,
                size,
                before,
                columns,
            } => {
                items.push(Item::space(*before));
                let flow = Flow {
                    size: size.unwrap_or(flow.size),
                    spacing: 0.0,
                    ..flow
                };
                self.table(list, columns, flow, scope, items);
            }
            Block::If {
                field,
                then,
                otherwise,
            } => {
                let blocks = if scope.has(field) { then } else { otherwise };
                items.extend(self.flow(blocks, flow, scope)?);
            }
            Block::Each { list, body } => {
                for (at, row) in scope.rows(list).1.iter().enumerate() {
                    items.extend(self.flow(body, flow, &scope.within(row, Some(at + 1)))?);
                }
            }
            Block::Keep(blocks) => {
                let mut kept = self.flow(blocks, flow, scope)?;
                let count = kept.len();
                kept.iter_mut()
                    .take(count.saturating_sub(1))
                    .for_each(|item| item.glued = true);
                items.extend(kept);
            }
        }
        Ok(())
    }

    fn paragraph(&self, words: &Words, style: Style, flow: Flow, scope: &Scope) -> Vec<Item> {
        let measure = Measure {
            size: style.size.unwrap_or(flow.size),
            indent: style.indent,
            hang: style.hang,
            lean: lean(style.align),
            justified: style.align == Align::Justify,
            ..flow.measure()
        };
        lines(self.fonts, &self.runs(words, scope), measure)
    }

    fn runs(&self, words: &Words, scope: &Scope) -> Vec<Run> {
        let text = |span: &Span| match &span.what {
            What::Text(text) => vietnamese::clean(text),
            What::Field {
                name,
                filter,
                fallback,
            } => match scope.text(name, *filter) {
                text if text.is_empty() => vietnamese::clean(fallback),
                text => text,
            },
        };
        words
            .iter()
            .map(|span| Run {
                face: Face::new(span.bold, span.italic),
                text: text(span),
            })
            .collect()
    }

    fn table(
        &mut self,
        list: &str,
        columns: &[Column],
        flow: Flow,
        scope: &Scope,
        items: &mut Vec<Item>,
    ) {
        let shares: Vec<f32> = columns.iter().map(|column| column.share).collect();
        let places: Vec<(f32, f32)> = places(&shares, flow.width).collect();
        let head = Item {
            glued: true,
            ..self.head(columns, &places, flow, scope)
        };
        let table = self.heads.len();
        self.heads.push(head.clone());
        items.push(head);
        let (blank, rows) = scope.rows(list);
        // A table without rows shows one to write in by hand.
        let rows = rows.iter().enumerate().map(|(at, row)| (row, Some(at + 1)));
        let empty = blank.filter(|_| rows.len() == 0).map(|blank| (blank, None));
        for (row, number) in rows.chain(empty) {
            let scope = scope.within(row, number);
            let cells = columns.iter().zip(&places).map(|(column, (x, width))| {
                let flow = Flow {
                    width: width - 2.0 * CELL_PAD,
                    ..flow
                };
                let style = plain(column.align);
                let mut items = self.paragraph(&column.cell, style, flow, &scope);
                // A field without a value leaves no empty line.
                items
                    .retain(|item| !matches!(&item.body, Body::Line(line) if line.runs.is_empty()));
                if items.is_empty() {
                    items.push(Item::space(flow.size * LEADING));
                }
                Cell {
                    x: *x,
                    width: *width,
                    items,
                }
            });
            let cells = cells.collect();
            items.push(Item::row(Row {
                cells,
                framed: true,
                pad: CELL_PAD,
                table: Some(table),
            }));
        }
    }

    /// The head of a table: columns of one group stand under a head of their own.
    fn head(&self, columns: &[Column], places: &[(f32, f32)], flow: Flow, scope: &Scope) -> Item {
        let set = |words: &Words, width: f32| {
            let flow = Flow {
                width: width - 2.0 * CELL_PAD,
                ..flow
            };
            self.paragraph(words, plain(Align::Center), flow, scope)
        };
        let mut cells = Vec::new();
        let mut at = 0;
        while at < columns.len() {
            let group = &columns[at].group;
            let same = columns[at..]
                .iter()
                .take_while(|column| column.group == *group)
                .count();
            let count = if group.is_empty() { 1 } else { same };
            let (x, width) = (
                places[at].0,
                places[at..at + count].iter().map(|p| p.1).sum(),
            );
            let mut items = if group.is_empty() {
                set(&columns[at].head, width)
            } else {
                let text = What::Text(group.clone());
                set(
                    &vec![Span {
                        bold: true,
                        italic: false,
                        what: text,
                    }],
                    width,
                )
            };
            if !group.is_empty() {
                items.push(Item::space(CELL_PAD));
                let inner = (at..at + count).map(|at| Cell {
                    // Beside the padding that all pieces of the outer cell get.
                    x: places[at].0 - x - CELL_PAD,
                    width: places[at].1,
                    items: set(&columns[at].head, places[at].1),
                });
                let cells = inner.collect();
                items.push(Item::row(Row {
                    cells,
                    framed: true,
                    pad: CELL_PAD,
                    table: None,
                }));
            }
            cells.push(Cell { x, width, items });
            at += count;
        }
        let mut row = Row {
            cells,
            framed: true,
            pad: CELL_PAD,
            table: None,
        };
        let inner = |cell: &Cell| match cell.items.last() {
            Some(Item {
                body: Body::Row(_), ..
            }) => cell.height() - CELL_PAD,
            _ => cell.height(),
        };
        let height = row.cells.iter().map(inner).fold(0.0, f32::max);
        for cell in &mut row.cells {
            let over = height - inner(cell);
            match cell.items.last_mut() {
                // The inner heads reach down to the border.
                Some(
                    item @ Item {
                        body: Body::Row(_), ..
                    },
                ) => item.height += over,
                _ => cell.items.insert(0, Item::space(over / 2.0)),
            }
        }
        Item {
            height: height + 2.0 * CELL_PAD,
            ..Item::row(row)
        }
    }
}

fn plain(align: Align) -> Style {
    Style {
        align,
        size: None,
        before: None,
        indent: 0.0,
        hang: 0.0,
    }
}

fn lean(align: Align) -> f32 {
    match align {
        Align::Left | Align::Justify => 0.0,
        Align::Center => 0.5,
        Align::Right => 1.0,
    }
}

/// Where columns of these shares begin, and how wide they are.
fn places(shares: &[f32], width: f32) -> impl Iterator<Item = (f32, f32)> {
    let sum: f32 = shares.iter().sum();
    let mut x = 0.0;
    shares.iter().map(move |share| {
        let place = (x, width * share / sum);
        x += place.1;
        place
    })
}

/// A stroke under the last line, centred on it.
fn rule(items: &[Item], percent: f32) -> Option<Item> {
    let line = items.iter().rev().find_map(|item| match &item.body {
        Body::Line(line) => Some(line),
        _ => None,
    })?;
    let width = line.width * percent / 100.0;
    let x = line.x + (line.width - width) / 2.0;
    Some(Item::new(1.2 * MM, Body::Rule { x, width }))
}

/// The modules of a QR code, row by row.
fn qr(text: &str) -> Result<Vec<Vec<bool>>, FormError> {
    if text.len() > CODE_BYTES_MAX {
        return Err(FormError::CodeTooLong);
    }
    let code = QrCode::new(text).map_err(|_| FormError::CodeTooLong)?;
    let width = code.width();
    let modules: Vec<bool> = code
        .into_colors()
        .iter()
        .map(|color| *color == Color::Dark)
        .collect();
    Ok(modules.chunks(width).map(<[bool]>::to_vec).collect())
}
