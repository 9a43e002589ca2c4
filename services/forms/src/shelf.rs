//! The shelf of papers: all templates and fonts, as built in or from a folder that overrides them.

use crate::font::{FONT_BYTES_MAX, Face, Font, Fonts};
use crate::form::{Form, FormError, FormKind};
use crate::template::{self, TEMPLATE_BYTES_MAX, Template, TemplateError};
use crate::{pdf, scope, setter};
use std::borrow::Cow;
use std::fs::File;
use std::io::{ErrorKind, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What a template's file ends with.
const ENDING: &str = "form";

/// Why a folder of papers is refused.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// A template is wrong. Mend it as the message says.
    #[error(transparent)]
    Template(#[from] TemplateError),
    /// A font cannot be used. Replace it.
    #[error("{file} {why}")]
    Font {
        /// The file.
        file: String,
        /// What it lacks.
        why: String,
    },
    /// A template bears no paper's name. Rename or remove it.
    #[error("{file} is no paper; name it one of {}", words())]
    UnknownPaper {
        /// The file.
        file: String,
    },
    /// A file is larger than any template or font. Replace it.
    #[error("{file} has more than {bytes_max} bytes; replace it")]
    TooLarge {
        /// The file.
        file: String,
        /// The most it may have.
        bytes_max: u64,
    },
    /// The folder or a file in it cannot be read. Check that it is there and who may read it.
    #[error("cannot read {}", path.display())]
    Unreadable {
        /// The folder or file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
}

fn words() -> String {
    let files: Vec<String> = FormKind::ALL
        .iter()
        .map(|kind| format!("{}.{ENDING}", kind.word()))
        .collect();
    files.join(", ")
}

/// All papers, ready to be typeset.
#[derive(Debug, Clone)]
pub struct Forms {
    templates: Vec<Template>,
    fonts: Fonts,
}

impl Forms {
    /// The papers that come with the program.
    pub fn builtin() -> Forms {
        let read = |kind: &FormKind| {
            template::read(&file(*kind), *kind, kind.template())
                .expect("the templates in the program are read by every test of the papers")
        };
        Forms {
            templates: FormKind::ALL.iter().map(read).collect(),
            fonts: Fonts::built_in(),
        }
    }

    /// The papers of a folder. A template or font that is not in it is the built-in one; fonts lie
    /// in `fonts/` within it.
    ///
    /// # Errors
    /// The first file that cannot be used, and how to mend it.
    pub fn load(folder: &Path) -> Result<Forms, LoadError> {
        let mut forms = Forms::builtin();
        let unreadable = |source| LoadError::Unreadable {
            path: folder.to_owned(),
            source,
        };
        for entry in std::fs::read_dir(folder).map_err(unreadable)? {
            let name = entry
                .map_err(unreadable)?
                .file_name()
                .to_string_lossy()
                .into_owned();
            let Some(word) = name
                .strip_suffix(ENDING)
                .and_then(|name| name.strip_suffix('.'))
            else {
                continue;
            };
            if FormKind::from_word(word).is_none() {
                return Err(LoadError::UnknownPaper { file: name });
            }
        }
        for (kind, template) in FormKind::ALL.iter().zip(&mut forms.templates) {
            if let Some(bytes) = read(&folder.join(file(*kind)), TEMPLATE_BYTES_MAX as u64)? {
                let text = String::from_utf8(bytes).map_err(|error| {
                    let before = &error.as_bytes()[..error.utf8_error().valid_up_to()];
                    TemplateError {
                        file: file(*kind),
                        line: before.iter().filter(|byte| **byte == b'\n').count() + 1,
                        what: "the text is not UTF-8".to_owned(),
                        mend: "save the file as UTF-8".to_owned(),
                    }
                })?;
                *template = template::read(&file(*kind), *kind, &text)?;
            }
        }
        for (face, font) in Face::ALL.iter().zip(&mut forms.fonts.faces) {
            let file = format!("fonts/{}", face.file());
            if let Some(bytes) = read(&folder.join(&file), FONT_BYTES_MAX)? {
                let read = Font::read(Cow::Owned(bytes));
                *font = Arc::new(read.map_err(|why| LoadError::Font { file, why })?);
            }
        }
        Ok(forms)
    }

    /// The same papers with another template for one of them, as [`load`](Self::load) takes it from a
    /// file.
    ///
    /// # Errors
    /// See [`TemplateError`].
    pub fn with_template(mut self, kind: FormKind, text: &str) -> Result<Forms, TemplateError> {
        let template = template::read(&file(kind), kind, text)?;
        self.templates.retain(|one| one.kind != kind);
        self.templates.push(template);
        Ok(self)
    }

    /// The same papers in another font, as [`load`](Self::load) takes it from a file.
    ///
    /// # Errors
    /// What the font lacks.
    pub fn with_font(mut self, bytes: Vec<u8>) -> Result<Forms, String> {
        let font = Arc::new(Font::read(Cow::Owned(bytes))?);
        for one in &mut self.fonts.faces {
            *one = font.clone();
        }
        Ok(self)
    }

    /// Typesets a form as a PDF file. The same form always gives the same bytes.
    ///
    /// # Errors
    /// See [`FormError`]: values that no paper can carry.
    pub fn typeset(&self, form: &Form) -> Result<Vec<u8>, FormError> {
        let fields = form.fields();
        scope::check(&fields)?;
        let kind = form.kind();
        let template = self
            .templates
            .iter()
            .find(|template| template.kind == kind)
            .expect("each paper has a template");
        let (pages, title) = setter::set(&self.fonts, template, &fields)?;
        let title = if title.is_empty() {
            kind.title().to_owned()
        } else {
            title
        };
        pdf::write(
            &self.fonts,
            &pages,
            (template.width, template.height),
            &title,
        )
    }
}

fn file(kind: FormKind) -> String {
    format!("{}.{ENDING}", kind.word())
}

/// Reads a file that need not be there.
fn read(path: &Path, bytes_max: u64) -> Result<Option<Vec<u8>>, LoadError> {
    let unreadable = |source| LoadError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(error)),
    };
    let mut bytes = Vec::new();
    file.take(bytes_max + 1)
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    if bytes.len() as u64 > bytes_max {
        let file = path.display().to_string();
        return Err(LoadError::TooLarge { file, bytes_max });
    }
    Ok(Some(bytes))
}
