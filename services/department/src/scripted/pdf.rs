//! A small real PDF with Vietnamese text: letters of the standard Helvetica, which every reader has,
//! and the Vietnamese marks drawn over them, so that no font needs to be carried along.
//!
//! The text itself stands beside the letters as `ActualText` (ISO 32000-1, 14.9.4), so that it can
//! be searched, copied and read aloud.

use std::fmt::Write as _;
use unicode_normalization::UnicodeNormalization as _;

/// Adds formatted text to a `String`, which cannot fail.
macro_rules! put {
    ($to:expr, $($what:tt)*) => {{ let _ = write!($to, $($what)*); }};
}

/// A4, points.
const PAGE: (f64, f64) = (595.0, 842.0);
const MARGIN: f64 = 64.0;
const TITLE_SIZE: f64 = 17.0;
const TEXT_SIZE: f64 = 11.5;
/// Between two lines, in parts of the size: room for two marks over a capital.
const LINE_HEIGHT: f64 = 1.75;
/// How much higher a mark sits over a capital, and over another mark, in parts of the size.
const OVER_CAPITAL: f64 = 0.2;
const OVER_MARK: f64 = 0.16;

/// Advance of the letters from space to `~`, thousandths of the size.
const ADVANCES: [u16; 95] = [
    278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556,
    556, 556, 556, 556, 556, 556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667,
    611, 778, 722, 278, 500, 667, 556, 833, 722, 778, 667, 778, 722, 667, 611, 722, 667, 944, 667,
    667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556, 556, 222, 222, 500,
    222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
];
/// The `i` without its dot, and its advance.
const DOTLESS_I: (u8, u16) = (1, 278);

/// The marks: how each is called in the font, and its strokes, in thousandths of the size, over the
/// middle of a small letter.
const MARKS: [(char, &str, &str); 10] = [
    ('\u{300}', "grave", "-75 735 m 35 605 l S"),
    ('\u{301}', "acute", "75 735 m -35 605 l S"),
    ('\u{302}', "circumflex", "-115 600 m 0 715 l 115 600 l S"),
    (
        '\u{303}',
        "tilde",
        "-140 615 m -95 730 -30 700 0 665 c 30 630 95 600 140 715 c S",
    ),
    ('\u{306}', "breve", "-120 715 m -95 575 95 575 120 715 c S"),
    (
        '\u{309}',
        "hook",
        "-55 745 m 55 800 95 700 5 665 c 5 605 l S",
    ),
    ('\u{323}', "dot", "110 w 0 -145 m 0 -145 l S"),
    ('\u{31b}', "horn", "0 455 m 95 480 120 560 95 640 c S"),
    ('\u{335}', "bar", "60 605 m 290 605 l S"),
    ('\u{336}', "capitalbar", "-355 370 m -60 370 l S"),
];

/// A paper of one or more pages: its title, and its lines, each as long as it is. The same words
/// give the same bytes.
pub fn paper(title: &str, lines: &[String]) -> Vec<u8> {
    let mut pages = Vec::new();
    let mut page = String::from("1 J 1 j\n");
    let mut y = PAGE.1 - MARGIN;
    let mut put = |text: &str, size: f64, centred: bool| {
        for piece in wrap(text, size) {
            if y < MARGIN {
                pages.push(std::mem::replace(&mut page, String::from("1 J 1 j\n")));
                y = PAGE.1 - MARGIN;
            }
            y -= size * LINE_HEIGHT;
            let x = if centred {
                (PAGE.0 - width(&piece, size)) / 2.0
            } else {
                MARGIN
            };
            show(&mut page, &piece, size, x, y);
        }
    };
    put(title, TITLE_SIZE, true);
    put(" ", TEXT_SIZE, false);
    for line in lines {
        put(line, TEXT_SIZE, false);
    }
    pages.push(page);
    assemble(title, &pages)
}

/// One letter with the marks over, under and in it.
struct Letter {
    code: u8,
    advance: u16,
    capital: bool,
    marks: Vec<usize>,
}

fn letters(text: &str) -> Vec<Letter> {
    let mut letters: Vec<Letter> = Vec::new();
    let text = text.replace('đ', "d\u{335}").replace('Đ', "D\u{336}");
    for c in text.nfd() {
        if let Some(mark) = MARKS.iter().position(|(mark, ..)| *mark == c) {
            let Some(letter) = letters.last_mut() else {
                continue;
            };
            letter.marks.push(mark);
            if letter.code == b'i' && c != '\u{323}' {
                (letter.code, letter.advance) = DOTLESS_I;
            }
            continue;
        }
        let (code, advance) = match c {
            ' '..='~' => (c as u8, ADVANCES[c as usize - ' ' as usize]),
            '–' => (0x96, 556),
            '—' => (0x97, 1000),
            '“' => (0x93, 333),
            '”' => (0x94, 333),
            '‘' => (0x91, 222),
            '’' => (0x92, 222),
            '…' => (0x85, 1000),
            '§' => (0xa7, 556),
            '°' => (0xb0, 400),
            _ => (b'?', 556),
        };
        letters.push(Letter {
            code,
            advance,
            capital: c.is_ascii_uppercase(),
            marks: Vec::new(),
        });
    }
    letters
}

fn width(text: &str, size: f64) -> f64 {
    letters(text)
        .iter()
        .map(|letter| f64::from(letter.advance) * size / 1000.0)
        .sum()
}

/// The text in pieces that fit between the margins, broken at spaces.
fn wrap(text: &str, size: f64) -> Vec<String> {
    let mut pieces = vec![String::new()];
    for word in text.split(' ') {
        let last = pieces.len() - 1;
        let longer = if pieces[last].is_empty() {
            word.into()
        } else {
            format!("{} {word}", pieces[last])
        };
        if pieces[last].is_empty() || width(&longer, size) <= PAGE.0 - 2.0 * MARGIN {
            pieces[last] = longer;
        } else {
            pieces.push(word.to_owned());
        }
    }
    pieces
}

/// Writes a line's operators: runs of plain letters at once, marked letters one by one.
fn show(page: &mut String, text: &str, size: f64, x: f64, y: f64) {
    let mut actual = String::from("FEFF");
    text.encode_utf16()
        .for_each(|unit| put!(actual, "{unit:04X}"));
    put!(
        page,
        "/Span <</ActualText <{actual}>>> BDC BT /F {size} Tf {x:.2} {y:.2} Td\n"
    );
    let mut run = String::new();
    for letter in letters(text) {
        put!(run, "{:02X}", letter.code);
        if letter.marks.is_empty() {
            continue;
        }
        put!(page, "<{run}> Tj ");
        run.clear();
        let half = f64::from(letter.advance) / 2.0;
        let mut rise = if letter.capital { OVER_CAPITAL } else { 0.0 };
        for mark in letter.marks {
            let (_, name, _) = MARKS[mark];
            let (shift, lift) = match name {
                "dot" | "bar" | "capitalbar" => (half, 0.0),
                "horn" => (50.0, if letter.capital { OVER_CAPITAL } else { 0.0 }),
                _ => (half, rise),
            };
            let code = MARK_CODE_FIRST + mark;
            let lift = lift * size;
            put!(
                page,
                "/M {size} Tf {lift:.2} Ts [{shift} <{code:02X}> -{shift}] TJ "
            );
            if matches!(name, "circumflex" | "breve") {
                rise += OVER_MARK;
            }
        }
        put!(page, "/F {size} Tf 0 Ts\n");
    }
    put!(page, "<{run}> Tj ET EMC\n");
}

/// The code of the first mark in its font.
const MARK_CODE_FIRST: usize = 0x61;

fn assemble(title: &str, pages: &[String]) -> Vec<u8> {
    let mut objects: Vec<String> = Vec::new();
    let page_first = 4 + MARKS.len();
    let kids: Vec<String> = (0..pages.len())
        .map(|page| format!("{} 0 R", page_first + 2 * page))
        .collect();
    objects.push(
        "<</Type /Catalog /Pages 2 0 R /Lang (vi) /ViewerPreferences <</DisplayDocTitle true>>>>"
            .into(),
    );
    objects.push(format!(
        "<</Type /Pages /Count {} /Kids [{}] /MediaBox [0 0 {} {}] /Resources <</Font <</F <</Type /Font \
         /Subtype /Type1 /BaseFont /Helvetica /Encoding <</BaseEncoding /WinAnsiEncoding \
         /Differences [{} /dotlessi]>>>> /M 3 0 R>>>>>>",
        pages.len(),
        kids.join(" "),
        PAGE.0,
        PAGE.1,
        DOTLESS_I.0,
    ));
    let (mut procedures, mut names, mut widths) = (String::new(), String::new(), String::new());
    for (number, (_, name, _)) in MARKS.iter().enumerate() {
        put!(procedures, "/{name} {} 0 R ", 4 + number);
        put!(names, "/{name} ");
        widths.push_str("0 ");
    }
    objects.push(format!(
        "<</Type /Font /Subtype /Type3 /FontBBox [-400 -250 400 900] /FontMatrix [0.001 0 0 0.001 0 0] \
         /Resources <<>> /CharProcs <<{procedures}>> /Encoding <</Type /Encoding /Differences \
         [{MARK_CODE_FIRST} {names}]>> /FirstChar {MARK_CODE_FIRST} /LastChar {} /Widths [{widths}]>>",
        MARK_CODE_FIRST + MARKS.len() - 1,
    ));
    let stream = |content: &str| {
        format!(
            "<</Length {}>>\nstream\n{content}\nendstream",
            content.len()
        )
    };
    for (.., strokes) in MARKS {
        objects.push(stream(&format!("0 0 d0 62 w 1 J 1 j {strokes}")));
    }
    for (number, page) in pages.iter().enumerate() {
        let content = page_first + 2 * number + 1;
        objects.push(format!(
            "<</Type /Page /Parent 2 0 R /Contents {content} 0 R>>"
        ));
        objects.push(stream(page));
    }
    let mut title_hex = String::from("FEFF");
    title
        .encode_utf16()
        .for_each(|unit| put!(title_hex, "{unit:04X}"));
    objects.push(format!("<</Title <{title_hex}>>>"));

    let mut pdf = String::from("%PDF-1.5\n");
    let mut table = String::from("0000000000 65535 f \n");
    for (number, object) in objects.iter().enumerate() {
        put!(table, "{:010} 00000 n \n", pdf.len());
        put!(pdf, "{} 0 obj\n{object}\nendobj\n", number + 1);
    }
    let (start, size) = (pdf.len(), objects.len() + 1);
    put!(
        pdf,
        "xref\n0 {size}\n{table}trailer\n<</Size {size} /Root 1 0 R /Info {} 0 R>>\nstartxref\n{start}\n%%EOF\n",
        objects.len()
    );
    pdf.into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINE: &str =
        "Họ và tên: NGUYỄN THỊ ÁNH DƯƠNG – Đường Lê Lợi, phường Vỹ Dạ, thành phố Huế";

    #[test]
    fn every_vietnamese_letter_has_its_marks() {
        let all = "àáảãạăằắẳẵặâầấẩẫậèéẻẽẹêềếểễệìíỉĩịòóỏõọôồốổỗộơờớởỡợùúủũụưừứửữựỳýỷỹỵđ";
        for c in all.chars().chain(all.to_uppercase().chars()) {
            let letters = letters(&c.to_string());
            assert_eq!(letters.len(), 1, "{c}");
            assert!(
                letters[0].code != b'?' && !letters[0].marks.is_empty(),
                "{c}"
            );
        }
        assert_eq!(letters("ệ")[0].marks.len(), 2);
    }

    #[test]
    fn the_table_of_a_paper_points_at_its_objects() {
        let pdf = paper("GIẤY KHAI SINH", &vec![LINE.to_owned(); 60]);
        let text = String::from_utf8(pdf).unwrap();
        let start = text.rsplit("startxref\n").next().unwrap();
        let start: usize = start.lines().next().unwrap().parse().unwrap();
        let table = &text[start..];
        assert!(table.starts_with("xref\n0 "));
        for (number, row) in table
            .lines()
            .skip(3)
            .take_while(|row| row.ends_with("n "))
            .enumerate()
        {
            let at: usize = row[..10].parse().unwrap();
            assert!(
                text[at..].starts_with(&format!("{} 0 obj\n", number + 1)),
                "{row}"
            );
        }
        assert!(
            text.contains("/Count 2"),
            "sixty lines and more need two pages"
        );
    }

    #[test]
    fn the_same_paper_has_the_same_bytes() {
        assert_eq!(paper("A", &[LINE.into()]), paper("A", &[LINE.into()]));
    }
}
