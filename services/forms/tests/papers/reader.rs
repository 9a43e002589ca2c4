//! Reads back what a PDF reader would: pages, runs of text where they stand, title and language.

use std::collections::BTreeMap;

/// A run of text. Places are points from the lower left corner.
#[derive(Debug, Clone)]
pub(crate) struct Run {
    pub page: usize,
    pub x: f32,
    /// The baseline.
    pub y: f32,
    pub width: f32,
    pub size: f32,
    pub text: String,
}

/// A paper as it was read.
pub(crate) struct Paper {
    pub width: f32,
    pub height: f32,
    pub pages: usize,
    pub runs: Vec<Run>,
    /// Dark rectangles: the modules of QR codes.
    pub squares: usize,
    /// Everything outside of streams.
    pub dictionaries: String,
}

struct Font {
    letters: BTreeMap<u16, char>,
    widths: Vec<f32>,
}

impl Paper {
    pub(crate) fn read(bytes: &[u8]) -> Paper {
        let objects = objects(bytes);
        let dict = |id: usize| objects[&id].0.as_str();
        let mut paper = Paper {
            width: 0.0,
            height: 0.0,
            pages: 0,
            runs: Vec::new(),
            squares: 0,
            dictionaries: objects.values().map(|(dict, _)| dict.as_str()).collect(),
        };
        let pages: Vec<usize> = objects
            .keys()
            .copied()
            .filter(|id| dict(*id).contains("/Type /Page\n"))
            .collect();
        for (page, id) in pages.iter().enumerate() {
            let own = dict(*id);
            let media = numbers(after(own, "/MediaBox ["));
            (paper.width, paper.height) = (media[2], media[3]);
            let content = reference(own, "/Contents ");
            let fonts = ["R", "B", "I", "X"]
                .into_iter()
                .filter(|n| own.contains(&format!("/{n} ")));
            let fonts = fonts.map(|name| {
                let font = dict(reference(own, &format!("/{name} ")));
                let cid = dict(reference(font, "/DescendantFonts ["));
                let widths = numbers(after(cid, "/W [0 ["));
                let unicode = objects[&reference(font, "/ToUnicode ")].1.as_ref().unwrap();
                assert!(dict(reference(cid, "/FontDescriptor ")).contains("/FontFile2"));
                (
                    name.to_owned(),
                    Font {
                        letters: letters(unicode),
                        widths,
                    },
                )
            });
            let content = objects[&content].1.as_ref().unwrap();
            paper.draw(page, content, &fonts.collect());
        }
        paper.pages = pages.len();
        paper
    }

    /// All text, with spaces and line ends alike, so that a sentence is found over lines.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let mut last: Option<&Run> = None;
        for run in &self.runs {
            // Runs of one line follow each other without a gap.
            let joined = last.is_some_and(|last| {
                last.y == run.y
                    && (last.x + last.width - run.x).abs() < 0.5
                    && last.page == run.page
            });
            if !joined && !text.ends_with(' ') {
                text.push(' ');
            }
            text.push_str(&run.text);
            last = Some(run);
        }
        text
    }

    fn draw(&mut self, page: usize, content: &[u8], fonts: &BTreeMap<String, Font>) {
        let (mut x, mut y, mut size, mut font) = (0.0, 0.0, 0.0, String::new());
        let mut operands: Vec<Token> = Vec::new();
        let tokens = Tokens {
            bytes: content,
            at: 0,
        };
        for token in tokens {
            let Token::Word(word) = &token else {
                operands.push(token);
                continue;
            };
            match (word.as_str(), &operands[..]) {
                ("Td", [Token::Number(across), Token::Number(up)]) => (x, y) = (*across, *up),
                ("Tf", [Token::Name(name), Token::Number(points)]) => {
                    (font, size) = (name.clone(), *points);
                }
                ("f", _) => self.squares += 1,
                ("TJ", shown) => {
                    let font = &fonts[&font];
                    let mut run = Run {
                        page,
                        x,
                        y,
                        width: 0.0,
                        size,
                        text: String::new(),
                    };
                    for token in shown {
                        match token {
                            Token::Text(bytes) => {
                                for code in bytes.chunks(2) {
                                    let code = u16::from_be_bytes([code[0], code[1]]);
                                    run.text.push(font.letters[&code]);
                                    run.width += font.widths[usize::from(code)] * size / 1000.0;
                                }
                            }
                            Token::Number(back) => run.width -= back * size / 1000.0,
                            other => panic!("{other:?} within text"),
                        }
                    }
                    x += run.width;
                    self.runs.push(run);
                }
                _ => {}
            }
            operands.clear();
        }
    }
}

#[derive(Debug)]
enum Token {
    Number(f32),
    Name(String),
    Text(Vec<u8>),
    Word(String),
}

struct Tokens<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl Iterator for Tokens<'_> {
    type Item = Token;

    fn next(&mut self) -> Option<Token> {
        while self
            .bytes
            .get(self.at)
            .is_some_and(|b| b.is_ascii_whitespace() || b"[]".contains(b))
        {
            self.at += 1;
        }
        let start = self.at;
        match *self.bytes.get(start)? {
            b'<' => {
                let end = start + self.bytes[start..].iter().position(|b| *b == b'>').unwrap();
                self.at = end + 1;
                Some(Token::Text(unhex(&self.bytes[start + 1..end])))
            }
            b'(' => {
                let mut text = Vec::new();
                let mut depth = 1;
                self.at += 1;
                while depth > 0 {
                    let mut byte = self.bytes[self.at];
                    self.at += 1;
                    match byte {
                        b'(' => depth += 1,
                        b')' => depth -= 1,
                        b'\\' => {
                            byte = match self.bytes[self.at] {
                                b'n' => b'\n',
                                b'r' => b'\r',
                                b't' => b'\t',
                                b'b' => 8,
                                b'f' => 12,
                                digit @ b'0'..=b'7' => {
                                    let next = |at: usize| self.bytes[self.at + at] - b'0';
                                    let byte = (digit - b'0') * 64 + next(1) * 8 + next(2);
                                    self.at += 2;
                                    byte
                                }
                                other => other,
                            };
                            self.at += 1;
                        }
                        _ => {}
                    }
                    if depth > 0 {
                        text.push(byte);
                    }
                }
                Some(Token::Text(text))
            }
            first => {
                let ends = |b: &u8| b.is_ascii_whitespace() || b"[]<(".contains(b);
                let rest = &self.bytes[start + 1..];
                self.at = start + 1 + rest.iter().position(ends).unwrap_or(rest.len());
                let word = String::from_utf8_lossy(&self.bytes[start..self.at]).into_owned();
                Some(match word.parse() {
                    Ok(number) => Token::Number(number),
                    Err(_) if first == b'/' => Token::Name(word[1..].to_owned()),
                    Err(_) => Token::Word(word),
                })
            }
        }
    }
}

/// All objects: their dictionaries, and their streams unpressed.
fn objects(bytes: &[u8]) -> BTreeMap<usize, (String, Option<Vec<u8>>)> {
    let mut objects = BTreeMap::new();
    let mut at = 0;
    while let Some(found) = find(&bytes[at..], b" 0 obj\n") {
        let start = at + found;
        let digits = bytes[..start]
            .iter()
            .rev()
            .take_while(|b| b.is_ascii_digit())
            .count();
        let id = std::str::from_utf8(&bytes[start - digits..start])
            .unwrap()
            .parse()
            .unwrap();
        let body = start + b" 0 obj\n".len();
        let end = body + find(&bytes[body..], b"endobj").unwrap();
        let stream = find(&bytes[body..end], b"stream\n").map(|stream| body + stream);
        let dict = String::from_utf8_lossy(&bytes[body..stream.unwrap_or(end)]).into_owned();
        let data = stream.map(|stream| {
            let length = numbers(after(&dict, "/Length "))[0] as usize;
            let from = stream + b"stream\n".len();
            at = from + length;
            miniz_oxide::inflate::decompress_to_vec_zlib(&bytes[from..at]).unwrap()
        });
        if data.is_none() {
            at = end;
        }
        objects.insert(id, (dict, data));
    }
    objects
}

fn letters(cmap: &[u8]) -> BTreeMap<u16, char> {
    let text = std::str::from_utf8(cmap).unwrap();
    let lines = text
        .lines()
        .filter(|line| line.starts_with('<') && line.contains("> <"));
    let pairs = lines.filter_map(|line| line.trim_matches(['<', '>']).split_once("> <"));
    pairs
        .filter(|(code, letter)| code.len() == 4 && !letter.contains('>') && *code != "0000")
        .map(|(code, letter)| {
            let units: Vec<u16> = unhex(letter.as_bytes())
                .chunks(2)
                .map(|unit| u16::from_be_bytes([unit[0], unit[1]]))
                .collect();
            let letter = String::from_utf16(&units).unwrap().chars().next().unwrap();
            (u16::from_str_radix(code, 16).unwrap(), letter)
        })
        .collect()
}

fn unhex(hex: &[u8]) -> Vec<u8> {
    hex.chunks(2)
        .map(|pair| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap())
        .collect()
}

fn find(bytes: &[u8], what: &[u8]) -> Option<usize> {
    bytes.windows(what.len()).position(|window| window == what)
}

fn after<'a>(text: &'a str, what: &str) -> &'a str {
    &text[text
        .find(what)
        .unwrap_or_else(|| panic!("no {what} in {text}"))
        + what.len()..]
}

fn numbers(text: &str) -> Vec<f32> {
    text.split_whitespace()
        .map_while(|word| {
            let number = word.trim_end_matches([']', '>']);
            number.parse().ok()
        })
        .collect()
}

fn reference(text: &str, what: &str) -> usize {
    numbers(after(text, what))[0] as usize
}
