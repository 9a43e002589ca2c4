//! A template and the values of a form become pieces, and these pages.

mod table;

use crate::font::{Face, Fonts};
use crate::form::{CODE_BYTES_MAX, FormError};
use crate::layout::{Body, Cell, Item, Measure, Row, Run, lines};
use crate::page::{Area, Page, QUIET, fits_above, paginate};
use crate::scope::Scope;
use crate::template::{Align, Block, MM, Span, Style, Template, What, Words};
use crate::value::Fields;
use crate::vietnamese;
use qrcode::{Color, QrCode};

/// Space between columns that stand side by side.
const GUTTER: f32 = 2.0 * MM;

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
                    whole: false,
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
                for item in &mut kept {
                    if let Body::Row(row) = &mut item.body {
                        row.whole = true;
                    }
                }
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
