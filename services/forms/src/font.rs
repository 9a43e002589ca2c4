//! The four faces that papers are set in: what a letter's glyph is and how wide.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::{Arc, LazyLock};
use subsetter::GlyphRemapper;
use ttf_parser::{Face as Reader, GlyphId, Permissions, Tag};

/// Bytes of one font file, after which it is refused.
pub(crate) const FONT_BYTES_MAX: u64 = 16 * 1024 * 1024;

/// Upright or italic, light or bold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Face {
    Regular,
    Bold,
    Italic,
    BoldItalic,
}

impl Face {
    pub(crate) const ALL: [Face; 4] = [Face::Regular, Face::Bold, Face::Italic, Face::BoldItalic];

    pub(crate) fn new(bold: bool, italic: bool) -> Face {
        match (bold, italic) {
            (false, false) => Face::Regular,
            (true, false) => Face::Bold,
            (false, true) => Face::Italic,
            (true, true) => Face::BoldItalic,
        }
    }

    /// Its file's name.
    pub(crate) fn file(self) -> &'static str {
        match self {
            Face::Regular => "regular.ttf",
            Face::Bold => "bold.ttf",
            Face::Italic => "italic.ttf",
            Face::BoldItalic => "bold-italic.ttf",
        }
    }

    /// Its file as built in: the licence lies beside the fonts in `deploy/forms/fonts`.
    pub(crate) fn built_in(self) -> &'static [u8] {
        macro_rules! file {
            ($name:literal) => {
                include_bytes!(concat!(
                    env!("CARGO_MANIFEST_DIR"),
                    "/../../deploy/forms/fonts/",
                    $name
                ))
            };
        }
        match self {
            Face::Regular => file!("regular.ttf"),
            Face::Bold => file!("bold.ttf"),
            Face::Italic => file!("italic.ttf"),
            Face::BoldItalic => file!("bold-italic.ttf"),
        }
    }
}

/// One face, read once. Measures are in thousandths of the size.
#[derive(Debug, Clone)]
pub(crate) struct Font {
    pub data: Cow<'static, [u8]>,
    /// As PDF names it.
    pub name: String,
    pub ascent: f32,
    pub descent: f32,
    pub cap_height: f32,
    pub bbox: [f32; 4],
    pub italic_angle: f32,
    glyphs: HashMap<char, u16>,
    advances: Vec<f32>,
}

impl Font {
    /// Reads a TrueType font.
    ///
    /// # Errors
    /// Says what the file lacks, in words that follow the file's name.
    pub(crate) fn read(data: Cow<'static, [u8]>) -> Result<Font, String> {
        let reader = Reader::parse(&data, 0).map_err(|error| format!("is no font: {error}"))?;
        if reader.raw_face().table(Tag::from_bytes(b"glyf")).is_none() {
            return Err("has no TrueType outlines; give a .ttf with a glyf table".to_owned());
        }
        if reader.permissions() == Some(Permissions::Restricted) || !reader.is_subsetting_allowed()
        {
            return Err("forbids embedding; give a font whose licence allows it".to_owned());
        }
        let unit = 1000.0 / f32::from(reader.units_per_em());
        let mut glyphs = HashMap::new();
        for table in reader.tables().cmap.iter().flat_map(|cmap| cmap.subtables) {
            if table.is_unicode() {
                table.codepoints(|point| {
                    if let (Some(letter), Some(glyph)) =
                        (char::from_u32(point), table.glyph_index(point))
                    {
                        glyphs.entry(letter).or_insert(glyph.0);
                    }
                });
            }
        }
        if let Some(letter) = "aĐđƠơƯưẾẵ0.,"
            .chars()
            .find(|letter| !glyphs.contains_key(letter))
        {
            return Err(format!(
                "has no letter {letter}; give one with all of Vietnamese"
            ));
        }
        let advances = (0..reader.number_of_glyphs())
            .map(|glyph| f32::from(reader.glyph_hor_advance(GlyphId(glyph)).unwrap_or(0)) * unit)
            .collect();
        let name = reader
            .names()
            .into_iter()
            .filter(|name| name.name_id == ttf_parser::name_id::POST_SCRIPT_NAME)
            .find_map(|name| name.to_string())
            .unwrap_or_else(|| "Serif".to_owned());
        let bbox = reader.global_bounding_box();
        let font = Font {
            name: name.chars().filter(char::is_ascii_alphanumeric).collect(),
            ascent: f32::from(reader.ascender()) * unit,
            descent: f32::from(reader.descender()) * unit,
            cap_height: f32::from(reader.capital_height().unwrap_or(reader.ascender())) * unit,
            bbox: [bbox.x_min, bbox.y_min, bbox.x_max, bbox.y_max].map(|at| f32::from(at) * unit),
            italic_angle: reader.italic_angle(),
            glyphs,
            advances,
            data: Cow::Borrowed(&[]),
        };
        let font = Font { data, ..font };
        font.cut(&GlyphRemapper::new_from_glyphs_sorted(&[
            0,
            font.glyph('a'),
        ]))?;
        Ok(font)
    }

    /// The glyph of a letter; 0 is the box that stands for a missing one.
    pub(crate) fn glyph(&self, letter: char) -> u16 {
        self.glyphs.get(&letter).copied().unwrap_or(0)
    }

    /// How wide a letter is.
    pub(crate) fn advance(&self, letter: char) -> f32 {
        self.advances
            .get(usize::from(self.glyph(letter)))
            .copied()
            .unwrap_or(0.0)
    }

    /// The font with the given glyphs alone.
    pub(crate) fn cut(&self, glyphs: &GlyphRemapper) -> Result<Vec<u8>, String> {
        subsetter::subset(&self.data, 0, glyphs)
            .map_err(|error| format!("cannot be cut for embedding: {error}"))
    }
}

/// The built-in faces, read once in a process.
static BUILT_IN: LazyLock<Fonts> = LazyLock::new(|| Fonts {
    faces: Face::ALL.map(|face| {
        let font = Font::read(Cow::Borrowed(face.built_in()));
        Arc::new(font.expect("the fonts in the program are read by every test of the papers"))
    }),
});

/// All four.
#[derive(Debug, Clone)]
pub(crate) struct Fonts {
    pub faces: [Arc<Font>; 4],
}

impl Fonts {
    /// Those that come with the program.
    pub(crate) fn built_in() -> Fonts {
        BUILT_IN.clone()
    }

    pub(crate) fn face(&self, face: Face) -> &Font {
        &self.faces[face as usize]
    }
}
