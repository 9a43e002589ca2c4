//! Pages become a PDF file: text that can be searched and copied, fonts with the letters used.

use crate::font::{Face, Font, Fonts};
use crate::form::FormError;
use crate::page::{Mark, Page};
use miniz_oxide::deflate::compress_to_vec_zlib;
use pdf_writer::types::{CidFontType, FontFlags, SystemInfo, UnicodeCmap};
use pdf_writer::{Content, Filter, Finish, Name, Pdf, Rect, Ref, Str, TextStr};
use std::collections::BTreeMap;
use subsetter::GlyphRemapper;

/// How hard streams are pressed, of 10.
const PRESSURE: u8 = 8;
/// Letters of one face in one paper that get a code of their own; others show as missing.
const CODES_MAX: u16 = 65_000;
const CATALOG: Ref = Ref::new(1);
const PAGES: Ref = Ref::new(2);
const INFO: Ref = Ref::new(3);
/// Each face takes this many objects, the four of them before the pages.
const FACE_REFS: i32 = 6;
const SYSTEM: SystemInfo = SystemInfo {
    registry: Str(b"Adobe"),
    ordering: Str(b"Identity"),
    supplement: 0,
};

/// The codes of one face's letters. Each letter has its own, so that also letters without a glyph
/// can be searched and copied.
type Codes = BTreeMap<char, u16>;

/// Writes pages of one size. The same pages always give the same bytes.
///
/// # Errors
/// [`FormError::Font`].
pub(crate) fn write(
    fonts: &Fonts,
    pages: &[Page],
    (width, height): (f32, f32),
    title: &str,
) -> Result<Vec<u8>, FormError> {
    let codes = Face::ALL.map(|face| codes(face, pages));
    let mut pdf = Pdf::new();
    let first = 4 + FACE_REFS * Face::ALL.len() as i32;
    let refs: Vec<(Ref, Ref)> = (0..pages.len() as i32)
        .map(|at| (Ref::new(first + 2 * at), Ref::new(first + 2 * at + 1)))
        .collect();

    let mut catalog = pdf.catalog(CATALOG);
    catalog.pages(PAGES).lang(TextStr("vi-VN"));
    catalog.viewer_preferences().display_doc_title(true);
    catalog.finish();
    pdf.document_info(INFO)
        .title(TextStr(title))
        .producer(TextStr("Liên thông"));
    let kids = refs.iter().map(|(page, _)| *page);
    pdf.pages(PAGES).kids(kids).count(pages.len() as i32);

    for (marks, (page, content)) in pages.iter().zip(&refs) {
        let mut writer = pdf.page(*page);
        writer
            .parent(PAGES)
            .media_box(Rect::new(0.0, 0.0, width, height))
            .contents(*content);
        let mut resources = writer.resources();
        let mut dict = resources.fonts();
        for face in Face::ALL
            .into_iter()
            .filter(|face| !codes[*face as usize].is_empty())
        {
            dict.pair(Name(name(face)), font_ref(face, 0));
        }
        dict.finish();
        resources.finish();
        writer.finish();
        let drawn = compress_to_vec_zlib(&draw(marks, height, &codes), PRESSURE);
        pdf.stream(*content, &drawn).filter(Filter::FlateDecode);
    }
    for face in Face::ALL {
        let codes = &codes[face as usize];
        if !codes.is_empty() {
            embed(&mut pdf, fonts.face(face), face, codes)?;
        }
    }
    Ok(pdf.finish())
}

fn name(face: Face) -> &'static [u8] {
    match face {
        Face::Regular => b"R",
        Face::Bold => b"B",
        Face::Italic => b"I",
        Face::BoldItalic => b"X",
    }
}

fn font_ref(face: Face, at: i32) -> Ref {
    Ref::new(4 + face as i32 * FACE_REFS + at)
}

fn codes(face: Face, pages: &[Page]) -> Codes {
    let mut codes = Codes::new();
    for mark in pages.iter().flatten() {
        if let Mark::Text { line, .. } = mark {
            for run in line.runs.iter().filter(|run| run.face == face) {
                codes.extend(run.text.chars().map(|letter| (letter, 0)));
            }
        }
    }
    for (code, place) in (1..=CODES_MAX).zip(codes.values_mut()) {
        *place = code;
    }
    codes
}

/// Three decimals are finer than any printer.
fn round(value: f32) -> f32 {
    (value * 1000.0).round() / 1000.0
}

fn draw(marks: &[Mark], height: f32, codes: &[Codes; 4]) -> Vec<u8> {
    let mut content = Content::new();
    content.set_line_width(0.5);
    for mark in marks {
        match mark {
            Mark::Rule { x, y, width } => {
                let y = round(height - y);
                content
                    .move_to(round(*x), y)
                    .line_to(round(x + width), y)
                    .stroke();
            }
            Mark::Frame {
                x,
                y,
                width,
                height: high,
            } => {
                let bottom = round(height - y - high);
                content
                    .rect(round(*x), bottom, round(*width), round(*high))
                    .stroke();
            }
            Mark::Fill {
                x,
                y,
                width,
                height: high,
            } => {
                let bottom = round(height - y - high);
                content
                    .rect(round(*x), bottom, round(*width), round(*high))
                    .fill_nonzero();
            }
            Mark::Text {
                x,
                y,
                height: high,
                line,
            } => {
                // Letters with two marks reach up to 0.95 of their size, tails down to 0.22.
                let baseline = height - y - (high - 1.17 * line.size) / 2.0 - 0.95 * line.size;
                content.begin_text();
                content.next_line(round(*x), round(baseline));
                for run in &line.runs {
                    content.set_font(Name(name(run.face)), round(line.size));
                    show(&mut content, &run.text, line, &codes[run.face as usize]);
                }
                content.end_text();
            }
        }
    }
    content.finish().into_vec()
}

fn show(content: &mut Content, text: &str, line: &crate::layout::Line, codes: &Codes) {
    let mut shown = content.show_positioned();
    let mut items = shown.items();
    let mut bytes = Vec::new();
    for letter in text.chars() {
        bytes.extend(codes.get(&letter).copied().unwrap_or(0).to_be_bytes());
        if letter == ' ' && line.stretch > 0.0 {
            items.show(Str(&bytes));
            items.adjust(round(-line.stretch * 1000.0 / line.size));
            bytes.clear();
        }
    }
    if !bytes.is_empty() {
        items.show(Str(&bytes));
    }
}

fn embed(pdf: &mut Pdf, font: &Font, face: Face, codes: &Codes) -> Result<(), FormError> {
    let refs: [Ref; 6] = std::array::from_fn(|at| font_ref(face, at as i32));
    let [font_id, cid_id, descriptor_id, unicode_id, map_id, file_id] = refs;

    let mut glyphs = GlyphRemapper::new();
    // Code 0 is the box for what has no code.
    let mut map = vec![0, 0];
    let mut widths = vec![font.advance('\u{10ffff}')];
    let mut unicode = UnicodeCmap::new(Name(b"Custom"), SYSTEM);
    for (letter, code) in codes.iter().filter(|(_, code)| **code > 0) {
        map.extend(glyphs.remap(font.glyph(*letter)).to_be_bytes());
        widths.push(round(font.advance(*letter)));
        unicode.pair(*code, *letter);
    }
    let cut = font.cut(&glyphs).map_err(|why| FormError::Font {
        face: face.file(),
        why,
    })?;
    // A subset's name begins with six letters of its own.
    let name = format!(
        "{}{}",
        ["LTHRGL+", "LTHBLD+", "LTHITL+", "LTHBIT+"][face as usize],
        font.name
    );

    pdf.type0_font(font_id)
        .base_font(Name(name.as_bytes()))
        .encoding_predefined(Name(b"Identity-H"))
        .descendant_font(cid_id)
        .to_unicode(unicode_id);
    let mut cid = pdf.cid_font(cid_id);
    cid.subtype(CidFontType::Type2)
        .base_font(Name(name.as_bytes()))
        .system_info(SYSTEM)
        .font_descriptor(descriptor_id)
        .default_width(0.0)
        .cid_to_gid_map_stream(map_id);
    cid.widths().consecutive(0, widths);
    cid.finish();
    let mut flags = FontFlags::SERIF | FontFlags::SYMBOLIC;
    flags.set(
        FontFlags::ITALIC,
        matches!(face, Face::Italic | Face::BoldItalic),
    );
    let bold = matches!(face, Face::Bold | Face::BoldItalic);
    let [left, bottom, right, top] = font.bbox;
    pdf.font_descriptor(descriptor_id)
        .name(Name(name.as_bytes()))
        .flags(flags)
        .bbox(Rect::new(left, bottom, right, top))
        .italic_angle(font.italic_angle)
        .ascent(font.ascent)
        .descent(font.descent)
        .cap_height(font.cap_height)
        .stem_v(if bold { 140.0 } else { 80.0 })
        .font_file2(file_id);
    let mut stream = |id, data: &[u8], length: Option<i32>| {
        let pressed = compress_to_vec_zlib(data, PRESSURE);
        let mut stream = pdf.stream(id, &pressed);
        stream.filter(Filter::FlateDecode);
        if let Some(length) = length {
            stream.pair(Name(b"Length1"), length);
        }
    };
    stream(map_id, &map, None);
    stream(file_id, &cut, Some(cut.len() as i32));
    let unicode = compress_to_vec_zlib(&unicode.finish(), PRESSURE);
    pdf.cmap(unicode_id, &unicode).filter(Filter::FlateDecode);
    Ok(())
}
