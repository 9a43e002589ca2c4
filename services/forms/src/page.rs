//! Pieces put onto pages: what does not fit goes to the next, and rows higher than a third of a
//! page are cut between their lines.

use crate::form::{FormError, PAGES_MAX};
use crate::layout::{Body, Cell, Item, Line, Row};
use std::collections::VecDeque;

/// What is drawn on a page. Places are points from the upper left corner.
#[derive(Debug)]
pub(crate) enum Mark {
    /// `y` is the upper edge of the line, `height` what it takes.
    Text {
        x: f32,
        y: f32,
        height: f32,
        line: Line,
    },
    Rule {
        x: f32,
        y: f32,
        width: f32,
    },
    Frame {
        x: f32,
        y: f32,
        width: f32,
        height: f32,
    },
    Fill {
        x: f32,
        y: f32,
        width: f32,
        height: f32,
    },
}

pub(crate) type Page = Vec<Mark>;

/// Where text stands on a page.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Area {
    pub left: f32,
    pub top: f32,
    pub height: f32,
}

/// Rows higher than this share of a page are cut where they stand.
const CUT_SHARE: f32 = 1.0 / 3.0;
/// A head or running line higher than this share is not repeated.
const HEAD_SHARE: f32 = 0.3;
/// Light modules around a QR code, as its standard asks.
pub(crate) const QUIET: usize = 4;
/// What rounding may add up to.
const SLACK: f32 = 0.05;

/// Fills pages. `heads` are the tables' heads; `running` gives what stands above the text of a
/// page, from the second on.
///
/// # Errors
/// [`FormError::TooManyPages`].
pub(crate) fn paginate(
    items: Vec<Item>,
    heads: &[Item],
    area: Area,
    running: impl Fn(usize) -> Vec<Item>,
) -> Result<Vec<Page>, FormError> {
    let bottom = area.top + area.height;
    let mut pages: Vec<Page> = vec![Page::new()];
    let mut y = area.top;
    let mut fresh = true;
    let mut queue: VecDeque<Item> = items.into();
    while let Some(item) = queue.pop_front() {
        let page = pages.last_mut().expect("there is always a page");
        if fresh && matches!(item.body, Body::Space) {
            continue;
        }
        let fits = item.height <= bottom - y + SLACK;
        let apart = !fresh && !fits_with_glued(&item, &queue, bottom - y, area.height);
        if fits && !apart {
            y += place(item, area.left, y, page);
            fresh = false;
            continue;
        }
        let rest = match cut(item, bottom - y, area.height, fresh, apart && fits) {
            Cut::Parts(first, rest) => {
                place(first, area.left, y, page);
                rest
            }
            Cut::Forced(whole) => {
                y += place(whole, area.left, y, page);
                fresh = false;
                continue;
            }
            Cut::Next(whole) => whole,
        };
        if pages.len() == PAGES_MAX {
            return Err(FormError::TooManyPages);
        }
        let mut page = Page::new();
        y = area.top;
        for item in running(pages.len() + 1) {
            y += place(item, area.left, y, &mut page);
        }
        if let Body::Row(Row {
            table: Some(table), ..
        }) = &rest.body
            && heads[*table].height <= area.height * HEAD_SHARE
        {
            y += place(heads[*table].clone(), area.left, y, &mut page);
        }
        pages.push(page);
        fresh = true;
        queue.push_front(rest);
    }
    Ok(pages)
}

/// Drops from running lines those that would leave too little of a page.
pub(crate) fn fits_above(items: &[Item], area: Area) -> bool {
    items.iter().map(|item| item.height).sum::<f32>() <= area.height * HEAD_SHARE
}

/// Whether a piece and those glued to it fit into `room`; if they fit no page at all, they need not.
fn fits_with_glued(item: &Item, queue: &VecDeque<Item>, room: f32, page: f32) -> bool {
    let mut height = 0.0;
    let mut glued = Some(item);
    let mut following = queue.iter();
    while let Some(item) = glued {
        height += match &item.body {
            Body::Row(row) if !row.whole && item.height > page * CUT_SHARE => page * 0.15,
            _ => item.height,
        };
        if height > page * 0.8 {
            return true;
        }
        glued = if item.glued { following.next() } else { None };
    }
    height <= room + SLACK
}

/// What becomes of a piece that does not fit.
enum Cut {
    /// One part here, the other on the next page.
    Parts(Item, Item),
    /// All of it on the next page.
    Next(Item),
    /// All of it here: no page has more room.
    Forced(Item),
}

/// Cuts a row so that its first part fits into `room`. On a fresh page something is always placed.
fn cut(item: Item, room: f32, page: f32, fresh: bool, leave: bool) -> Cut {
    let row = match &item.body {
        Body::Row(row) if fresh => row,
        Body::Row(row) if !leave && !row.whole && item.height > page * CUT_SHARE => row,
        _ if fresh => return Cut::Forced(item),
        _ => return Cut::Next(item),
    };
    let room = room - 2.0 * row.pad;
    let least = usize::from(fresh);
    let mut first = Row {
        cells: Vec::new(),
        ..row.clone()
    };
    let mut rest = Row {
        cells: Vec::new(),
        ..row.clone()
    };
    let mut starved = false;
    for cell in &row.cells {
        let mut used = 0.0;
        let fitting = cell.items.iter().take_while(|item| {
            used += item.height;
            used <= room + SLACK
        });
        let taken = fitting.count().max(least.min(cell.items.len()));
        starved |= taken == 0 && !cell.items.is_empty();
        let (head, tail) = cell.items.split_at(taken);
        first.cells.push(Cell {
            items: head.to_vec(),
            ..*cell
        });
        rest.cells.push(Cell {
            items: tail.to_vec(),
            ..*cell
        });
    }
    match rest.cells.iter().all(|cell| cell.items.is_empty()) {
        _ if starved => Cut::Next(item),
        true if fresh => Cut::Forced(item),
        true => Cut::Next(item),
        false => Cut::Parts(
            Item::row(first),
            Item {
                glued: item.glued,
                ..Item::row(rest)
            },
        ),
    }
}

/// Draws a piece and gives its height.
fn place(item: Item, x: f32, y: f32, page: &mut Page) -> f32 {
    let height = item.height;
    match item.body {
        Body::Space => {}
        Body::Line(line) => page.push(Mark::Text {
            x: x + line.x,
            y,
            height,
            line,
        }),
        Body::Rule { x: at, width } => {
            page.push(Mark::Rule {
                x: x + at,
                y: y + height / 2.0,
                width,
            });
        }
        Body::Qr {
            x: at,
            size,
            modules,
        } => place_code(x + at, y, size, &modules, page),
        Body::Row(row) => {
            for cell in row.cells {
                if row.framed {
                    page.push(Mark::Frame {
                        x: x + cell.x,
                        y,
                        width: cell.width,
                        height,
                    });
                }
                let mut inner = y + row.pad;
                let left = x + cell.x + row.pad;
                for item in cell.items {
                    inner += place(item, left, inner, page);
                }
            }
        }
    }
    height
}

/// Draws a QR code: dark modules beside one another as one rectangle, light ones around all.
fn place_code(x: f32, y: f32, size: f32, modules: &[Vec<bool>], page: &mut Page) {
    let module = size / (modules.len() + 2 * QUIET) as f32;
    for (down, row) in modules.iter().enumerate() {
        let mut across = 0;
        while across < row.len() {
            let dark = row[across..].iter().take_while(|dark| **dark).count();
            if dark > 0 {
                page.push(Mark::Fill {
                    x: x + (across + QUIET) as f32 * module,
                    y: y + (down + QUIET) as f32 * module,
                    width: dark as f32 * module,
                    height: module,
                });
            }
            across += dark.max(1);
        }
    }
}
