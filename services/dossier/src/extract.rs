//! Extracts: of a piece of evidence, only the members that a step's need points at.

use crate::{ijson::Sound, intake::EVIDENCE_DATA_BYTES_MAX};
use serde::{Deserialize, Serialize};
use std::{fmt, fmt::Write as _, str::FromStr};

/// The most bytes of a written pointer.
pub const POINTER_BYTES_MAX: usize = 512;
/// The most tokens of a pointer.
pub const POINTER_TOKENS_MAX: usize = 16;

/// A place in JSON (RFC 6901), such as `/child/name`. Written with a `?` behind it when the data may
/// be without it; a member whose own name ends in `?` cannot be the last token.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Pointer {
    tokens: Vec<String>,
    /// The data may be without it.
    pub optional: bool,
}

/// A text that is no pointer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "a pointer must be a JSON pointer (RFC 6901) such as /child/name, with ? behind it if the data may be \
     without it: at most {POINTER_BYTES_MAX} bytes and {POINTER_TOKENS_MAX} tokens, ~ only as ~0 or ~1"
)]
pub struct BadPointer;

impl Pointer {
    /// Its tokens, unescaped.
    pub fn tokens(&self) -> &[String] {
        &self.tokens
    }
}

impl FromStr for Pointer {
    type Err = BadPointer;
    fn from_str(text: &str) -> Result<Self, BadPointer> {
        if text.len() > POINTER_BYTES_MAX {
            return Err(BadPointer);
        }
        let (path, optional) = match text.strip_suffix('?') {
            Some(path) => (path, true),
            None => (text, false),
        };
        let tokens = match path.strip_prefix('/') {
            Some(path) => path.split('/').map(unescaped).collect::<Option<Vec<_>>>(),
            None if path.is_empty() => Some(Vec::new()),
            None => None,
        };
        match tokens {
            Some(tokens) if tokens.len() <= POINTER_TOKENS_MAX => Ok(Self { tokens, optional }),
            _ => Err(BadPointer),
        }
    }
}

fn unescaped(token: &str) -> Option<String> {
    let mut pieces = token.split('~');
    let mut plain = pieces.next().unwrap_or_default().to_owned();
    for piece in pieces {
        plain.push(match piece.as_bytes().first() {
            Some(b'0') => '~',
            Some(b'1') => '/',
            _ => return None,
        });
        plain.push_str(&piece[1..]);
    }
    Some(plain)
}

/// Writes one token behind a pointer, with a slash before it.
pub(crate) fn push_token(pointer: &mut String, token: &str) {
    pointer.push('/');
    pointer.push_str(&token.replace('~', "~0").replace('/', "~1"));
}

/// The index that a token is, in an array.
pub(crate) fn index(token: &str) -> Option<usize> {
    let is_canonical = token == "0" || !token.starts_with('0');
    let is_number = is_canonical && token.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| token.parse().ok()).flatten()
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = String::new();
        for token in &self.tokens {
            push_token(&mut text, token);
        }
        f.write_str(&text)?;
        f.write_str(if self.optional { "?" } else { "" })
    }
}

impl TryFrom<String> for Pointer {
    type Error = BadPointer;
    fn try_from(text: String) -> Result<Self, BadPointer> {
        text.parse()
    }
}

impl From<Pointer> for String {
    fn from(pointer: Pointer) -> String {
        pointer.to_string()
    }
}

/// Data of which no extract can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ExtractError {
    /// Have the giver send the evidence again as I-JSON.
    #[error("{0}")]
    Unreadable(String),
    /// Have the giver send an object.
    #[error("must be a JSON object")]
    NoObject,
    /// Have the giver add what is missing, or write the pointer with a `?` in the procedure.
    #[error("{} is missing; write it as \"{}?\" in the procedure if a step can do without", .0, .0)]
    Missing(Pointer),
}

/// Makes an extract: an object with the pointed members at their places and nothing else.
///
/// Members keep the order of the data, whatever the order of the pointers; each value is the data's
/// own text, byte for byte, and no white space stands between. An item of an array keeps its index:
/// `null` stands for those before it that nobody points at, and those behind it are left out. So every
/// pointer names the same value in the extract as in the data, and an extract of an extract by the
/// same pointers is the same bytes. Two pointers of which one lies within the other are the outer one.
///
/// # Errors
/// Data that is no I-JSON object of at most [`EVIDENCE_DATA_BYTES_MAX`] bytes, or that is without
/// something that a pointer requires.
pub fn extract(data: &[u8], pointers: &[Pointer]) -> Result<Vec<u8>, ExtractError> {
    let sound = Sound::read(data, EVIDENCE_DATA_BYTES_MAX)
        .map_err(|error| ExtractError::Unreadable(error.to_string()))?;
    if !sound.text().starts_with('{') {
        return Err(ExtractError::NoObject);
    }
    let wants = pointers
        .iter()
        .enumerate()
        .map(|(number, pointer)| Want {
            number,
            rest: pointer.tokens(),
        })
        .collect();
    let mut found = vec![false; pointers.len()];
    let extract = project(sound, wants, &mut found);
    let mut missing = pointers.iter().zip(found);
    match missing.find(|(pointer, found)| !found && !pointer.optional) {
        Some((pointer, _)) => Err(ExtractError::Missing(pointer.clone())),
        None => Ok(extract.unwrap_or_else(|| "{}".to_owned()).into_bytes()),
    }
}

/// What is still to go of the pointer of this number.
#[derive(Clone, Copy)]
struct Want<'p> {
    number: usize,
    rest: &'p [String],
}

/// What is wanted of this value; nothing when none of it is there.
fn project(value: Sound<'_>, wants: Vec<Want<'_>>, found: &mut [bool]) -> Option<String> {
    let (whole, deeper): (Vec<_>, Vec<_>) =
        wants.into_iter().partition(|want| want.rest.is_empty());
    for want in &whole {
        found[want.number] = true;
    }
    // Also below a value that is wanted as a whole, to see whether it is there.
    let within = if deeper.is_empty() {
        None
    } else {
        project_members(value, &deeper, found).or_else(|| project_items(value, &deeper, found))
    };
    if whole.is_empty() {
        within
    } else {
        Some(value.text().to_owned())
    }
}

fn project_members(value: Sound<'_>, wants: &[Want<'_>], found: &mut [bool]) -> Option<String> {
    let mut text = String::from("{");
    for (name, value) in value.members()? {
        let wants = below(wants, |token| token == name);
        if wants.is_empty() {
            continue;
        }
        if let Some(part) = project(value, wants, found) {
            let comma = if text.len() > 1 { "," } else { "" };
            let name = serde_json::Value::from(name);
            write!(text, "{comma}{name}:{part}").expect("a text takes all that is written");
        }
    }
    text.push('}');
    (text.len() > 2).then_some(text)
}

fn project_items(value: Sound<'_>, wants: &[Want<'_>], found: &mut [bool]) -> Option<String> {
    let mut parts = Vec::new();
    for (n, value) in value.items()?.into_iter().enumerate() {
        let wants = below(wants, |token| index(token) == Some(n));
        parts.push(if wants.is_empty() {
            None
        } else {
            project(value, wants, found)
        });
    }
    let last = parts.iter().rposition(Option::is_some)?;
    let parts: Vec<_> = parts[..=last]
        .iter()
        .map(|part| part.as_deref().unwrap_or("null"))
        .collect();
    Some(format!("[{}]", parts.join(",")))
}

fn below<'p>(wants: &[Want<'p>], is_it: impl Fn(&str) -> bool) -> Vec<Want<'p>> {
    wants
        .iter()
        .filter_map(|want| {
            let (token, rest) = want.rest.split_first()?;
            is_it(token).then_some(Want { rest, ..*want })
        })
        .collect()
}
