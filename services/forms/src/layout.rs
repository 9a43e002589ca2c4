//! Text broken into lines, and the pieces that pages are filled with. Lengths are points.

use crate::font::{Face, Fonts};
use unicode_normalization::char::is_combining_mark;

/// A line is this much higher than its letters' size.
pub(crate) const LEADING: f32 = 1.2;
/// Spaces wider by more than this share of the letters' size look torn: such a line stays ragged.
const STRETCH_SHARE: f32 = 0.6;
/// How closely centred lines are made equally long: the width is halved so often.
const BALANCE_STEPS: usize = 8;

/// Text of one face.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub face: Face,
    pub text: String,
}

/// One line of text, where it stands beside the left edge of what it is in.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub x: f32,
    pub width: f32,
    pub size: f32,
    pub runs: Vec<Run>,
    /// Added to each space so that the line reaches the right edge.
    pub stretch: f32,
}

/// A piece of a page, of its own height; nothing in it can be cut but a row.
#[derive(Debug, Clone)]
pub(crate) struct Item {
    pub height: f32,
    /// Stays on one page with the next piece, if that can be.
    pub glued: bool,
    pub body: Body,
}

#[derive(Debug, Clone)]
pub(crate) enum Body {
    Space,
    Line(Line),
    Rule {
        x: f32,
        width: f32,
    },
    Qr {
        x: f32,
        size: f32,
        modules: Vec<Vec<bool>>,
    },
    Row(Row),
}

/// Pieces side by side.
#[derive(Debug, Clone)]
pub(crate) struct Row {
    pub cells: Vec<Cell>,
    /// Drawn with borders.
    pub framed: bool,
    /// Space between a cell's border and what is in it.
    pub pad: f32,
    /// Never cut where it stands, only if no page is high enough for it.
    pub whole: bool,
    /// The table it is of: its head is repeated on each page.
    pub table: Option<usize>,
}

#[derive(Debug, Clone)]
pub(crate) struct Cell {
    pub x: f32,
    pub width: f32,
    pub items: Vec<Item>,
}

impl Cell {
    pub(crate) fn height(&self) -> f32 {
        self.items.iter().map(|item| item.height).sum()
    }
}

impl Item {
    pub(crate) fn new(height: f32, body: Body) -> Item {
        Item {
            height,
            glued: false,
            body,
        }
    }

    pub(crate) fn space(height: f32) -> Item {
        Item {
            height,
            glued: true,
            body: Body::Space,
        }
    }

    pub(crate) fn row(row: Row) -> Item {
        let height = row.cells.iter().map(Cell::height).fold(0.0, f32::max) + 2.0 * row.pad;
        Item::new(height, Body::Row(row))
    }
}

/// How a paragraph fills its width.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Measure {
    pub width: f32,
    pub size: f32,
    pub indent: f32,
    pub hang: f32,
    /// Of the space left over, how much stands at the left: 0 left, 0.5 centred, 1 right. Centred
    /// lines are made about equally long.
    pub lean: f32,
    pub justified: bool,
}

struct Letter {
    sign: char,
    face: Face,
    width: f32,
}

/// Breaks runs into lines: at spaces; in a word longer than a line at its punctuation, or else
/// anywhere but before a combining mark. Nothing is dropped but the space at a break.
pub(crate) fn lines(fonts: &Fonts, runs: &[Run], measure: Measure) -> Vec<Item> {
    let mut items = Vec::new();
    let mut letters: Vec<Letter> = Vec::new();
    for run in runs {
        for sign in run.text.chars() {
            if sign == '\n' {
                break_up(&letters, measure, &mut items);
                letters.clear();
            } else {
                let width = fonts.face(run.face).advance(sign) * measure.size / 1000.0;
                letters.push(Letter {
                    sign,
                    face: run.face,
                    width,
                });
            }
        }
    }
    break_up(&letters, measure, &mut items);
    // No single line of a paragraph stays behind on a page or goes alone to the next.
    let count = items.len();
    if count > 1 {
        items[0].glued = true;
        items[count - 2].glued = true;
    }
    items
}

fn break_up(letters: &[Letter], measure: Measure, items: &mut Vec<Item>) {
    let first = if items.is_empty() {
        measure.indent
    } else {
        measure.hang
    };
    let room = |offset: f32| (measure.width - offset).max(measure.size);
    let mut ends = line_ends(letters, room(first), room(measure.hang));
    if measure.lean == 0.5 && ends.len() > 1 {
        let (mut least, mut most) = (0.0, room(0.0));
        for _ in 0..BALANCE_STEPS {
            let middle = (least + most) / 2.0;
            let narrower = line_ends(letters, middle, middle);
            if narrower.len() == ends.len() {
                most = middle;
                ends = narrower;
            } else {
                least = middle;
            }
        }
    }
    let count = ends.len();
    for (at, (start, end)) in ends.into_iter().enumerate() {
        let offset = if at == 0 { first } else { measure.hang };
        let letters = &letters[start..end];
        items.push(line(
            letters,
            offset,
            room(offset),
            measure,
            at + 1 == count,
        ));
    }
}

/// Where lines begin and end; there is always one.
fn line_ends(letters: &[Letter], first: f32, others: f32) -> Vec<(usize, usize)> {
    let mut ends = Vec::new();
    let mut start = 0;
    loop {
        let room = if start == 0 { first } else { others };
        let end = line_end(&letters[start..], room) + start;
        ends.push((start, end));
        let over = letters[end..]
            .iter()
            .take_while(|letter| letter.sign == ' ')
            .count();
        start = end + over;
        if start >= letters.len() {
            return ends;
        }
    }
}

/// How many letters go on the line: at least one, unless there is none.
fn line_end(letters: &[Letter], room: f32) -> usize {
    let mut width = 0.0;
    let (mut at_space, mut at_sign, mut anywhere) = (None, None, None);
    for (at, letter) in letters.iter().enumerate() {
        if letter.sign == ' ' {
            at_space = Some(at);
        } else if width + letter.width > room + 0.01 && at > 0 {
            return at_space
                .filter(|at| *at > 0)
                .or(at_sign)
                .or(anywhere)
                .unwrap_or(at);
        }
        width += letter.width;
        if "-/.,;:@_–".contains(letter.sign) {
            at_sign = Some(at + 1);
        }
        if letters
            .get(at + 1)
            .is_some_and(|next| !is_combining_mark(next.sign))
        {
            anywhere = Some(at + 1);
        }
    }
    letters.len()
}

fn line(letters: &[Letter], offset: f32, room: f32, measure: Measure, last: bool) -> Item {
    let shown = letters
        .iter()
        .rposition(|letter| letter.sign != ' ')
        .map_or(0, |at| at + 1);
    let letters = &letters[..shown];
    let width: f32 = letters.iter().map(|letter| letter.width).sum();
    let spaces = letters.iter().filter(|letter| letter.sign == ' ').count();
    let over = (room - width).max(0.0);
    let mut runs: Vec<Run> = Vec::new();
    for letter in letters {
        match runs.last_mut() {
            Some(run) if run.face == letter.face => run.text.push(letter.sign),
            _ => runs.push(Run {
                face: letter.face,
                text: letter.sign.to_string(),
            }),
        }
    }
    let stretch = if spaces > 0 {
        over / spaces as f32
    } else {
        0.0
    };
    let stretched = measure.justified && !last && stretch < measure.size * STRETCH_SHARE;
    let line = Line {
        x: offset + over * measure.lean,
        width: if stretched { room } else { width },
        size: measure.size,
        runs,
        stretch: if stretched { stretch } else { 0.0 },
    };
    Item::new(measure.size * LEADING, Body::Line(line))
}
