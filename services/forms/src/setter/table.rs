//! Tables: a head that is repeated on each page, and a framed row for each of a list.

use super::{Flow, Setter, places};
use crate::layout::{Body, Cell, Item, LEADING, Row};
use crate::scope::Scope;
use crate::template::{Align, Column, MM, Span, Style, What, Words};

/// Space between the border of a table's cell and its text.
const CELL_PAD: f32 = 1.0 * MM;
impl Setter<'_> {
    pub(super) fn table(
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
                whole: false,
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
                    whole: false,
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
            whole: false,
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
