//! I-JSON (RFC 7493), read strictly: what two readers could understand differently is refused, and
//! no message repeats anything of the text.

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Value};
use std::fmt;

/// The largest whole number that every reader of JSON keeps exact, 2^53 - 1 (RFC 7493 §2.2).
const NUMBER_MAX: u64 = 9_007_199_254_740_991;

/// Bytes that are no I-JSON. Says where, and never what stands there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("must be I-JSON: {0}")]
pub(crate) struct NotIJson(String);

impl NotIJson {
    /// What the text must be.
    pub(crate) fn rule(&self) -> String {
        format!("I-JSON: {}", self.0)
    }
}

/// Reads a text of at most this many bytes.
///
/// # Errors
/// Too long, not UTF-8, not JSON, a member named twice, a number that is not exact everywhere, a
/// noncharacter, or nested deeper than 127.
pub(crate) fn read(bytes: &[u8], bytes_max: usize) -> Result<Value, NotIJson> {
    if bytes.len() > bytes_max {
        return Err(NotIJson(format!("at most {bytes_max} bytes")));
    }
    let text = std::str::from_utf8(bytes)
        .map_err(|error| NotIJson(format!("no UTF-8 from byte {} on", error.valid_up_to())))?;
    let mut reader = serde_json::Deserializer::from_str(text);
    let value = Strict.deserialize(&mut reader).and_then(|value| {
        reader.end()?;
        Ok(value)
    });
    // These messages are words of the reader and of `Strict`, with line and column.
    value.map_err(|error| NotIJson(error.to_string()))
}

/// A text that [`read`] has accepted, or a value within it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sound<'a>(&'a str);

impl<'a> Sound<'a> {
    /// Reads a text and keeps it as it stands.
    ///
    /// # Errors
    /// As [`read`].
    pub(crate) fn read(bytes: &'a [u8], bytes_max: usize) -> Result<Self, NotIJson> {
        read(bytes, bytes_max)?;
        let text = std::str::from_utf8(bytes).expect("what was read is UTF-8");
        Ok(Self(text.trim_matches([' ', '\t', '\n', '\r'])))
    }

    /// The text, without white space around it.
    pub(crate) fn text(self) -> &'a str {
        self.0
    }

    /// Its members in their order, if it is an object.
    pub(crate) fn members(self) -> Option<Vec<(String, Sound<'a>)>> {
        let inner = self.0.strip_prefix('{')?;
        let mut rest = inner.trim_start_matches(SEPARATORS);
        let mut members = Vec::new();
        while !rest.starts_with('}') {
            let (name, after) = rest.split_at(length(rest));
            let name = serde_json::from_str(name).expect("a sound object has sound names");
            let (value, after) = next(after);
            members.push((name, value));
            rest = after;
        }
        Some(members)
    }

    /// Its items in their order, if it is an array.
    pub(crate) fn items(self) -> Option<Vec<Sound<'a>>> {
        let inner = self.0.strip_prefix('[')?;
        let mut rest = inner.trim_start_matches(SEPARATORS);
        let mut items = Vec::new();
        while !rest.starts_with(']') {
            let (value, after) = next(rest);
            items.push(value);
            rest = after;
        }
        Some(items)
    }
}

/// What may stand between the values of a sound text.
const SEPARATORS: [char; 6] = [' ', '\t', '\n', '\r', ',', ':'];

fn next(text: &str) -> (Sound<'_>, &str) {
    let text = text.trim_start_matches(SEPARATORS);
    let (value, after) = text.split_at(length(text));
    (Sound(value), after.trim_start_matches(SEPARATORS))
}

/// How many bytes the value takes that this sound text begins with.
fn length(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match byte {
            b'"' => {
                while let Some((_, byte)) = bytes.next() {
                    match byte {
                        b'\\' => drop(bytes.next()),
                        b'"' => break,
                        _ => {}
                    }
                }
            }
            b'{' | b'[' => depth += 1,
            b'}' | b']' if depth > 0 => depth -= 1,
            _ => {
                let ends = text.as_bytes().get(at + 1);
                if depth == 0 && ends.is_none_or(|byte| b" \t\n\r,:]}".contains(byte)) {
                    return at + 1;
                }
                continue;
            }
        }
        if depth == 0 {
            return bytes.next().map_or(text.len(), |(at, _)| at);
        }
    }
    text.len()
}

struct Strict;

impl<'de> DeserializeSeed<'de> for Strict {
    type Value = Value;
    fn deserialize<D: Deserializer<'de>>(self, reader: D) -> Result<Value, D::Error> {
        reader.deserialize_any(self)
    }
}

fn sound_text<E: Error>(text: &str) -> Result<(), E> {
    let is_noncharacter =
        |c: char| u32::from(c) & 0xfffe == 0xfffe || ('\u{fdd0}'..='\u{fdef}').contains(&c);
    if text.contains(is_noncharacter) {
        return Err(E::custom("a noncharacter of Unicode in a text"));
    }
    Ok(())
}

const INEXACT: &str = "a number beyond 9007199254740991, which some readers change; make it a text";

impl<'de> Visitor<'de> for Strict {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }
    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(value.into())
    }
    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        if value.unsigned_abs() > NUMBER_MAX {
            return Err(E::custom(INEXACT));
        }
        Ok(value.into())
    }
    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        if value > NUMBER_MAX {
            return Err(E::custom(INEXACT));
        }
        Ok(value.into())
    }
    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        if value.abs() > NUMBER_MAX as f64 {
            return Err(E::custom(INEXACT));
        }
        Ok(value.into())
    }
    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        sound_text(value)?;
        Ok(value.into())
    }
    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut array = Vec::new();
        while let Some(item) = items.next_element_seed(Strict)? {
            array.push(item);
        }
        Ok(Value::Array(array))
    }
    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            sound_text(&name)?;
            if object.contains_key(&name) {
                return Err(A::Error::custom("a member is named twice"));
            }
            object.insert(name, members.next_value_seed(Strict)?);
        }
        Ok(Value::Object(object))
    }
}
