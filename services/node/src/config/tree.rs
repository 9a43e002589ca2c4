//! What a configuration holds before it has its types: values that know whether the file or a
//! variable gave them, so that a refusal can say whose they are.

use serde::de::{
    self, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor,
    value::StringDeserializer,
};
use std::{collections::BTreeMap, fmt, str::FromStr as _, vec};

/// A value of the file or of a variable.
pub(super) enum Node {
    Table(BTreeMap<String, Node>),
    List(Vec<Node>),
    Scalar(toml::Value),
    Variable { name: String, text: String },
}

/// Who gave the value that is wrong.
#[derive(Debug, Default)]
pub(super) enum Origin {
    #[default]
    File,
    Missing,
    Unknown,
    Variable(String),
}

/// What is wrong with a value, and where it lies; the path grows from its inner end outwards.
#[derive(Debug, Default)]
pub(super) struct Fault {
    path: Vec<String>,
    pub(super) origin: Origin,
    pub(super) message: String,
}

impl From<toml::Value> for Node {
    fn from(value: toml::Value) -> Self {
        match value {
            toml::Value::Table(table) => Self::Table(
                table
                    .into_iter()
                    .map(|(key, value)| (key, value.into()))
                    .collect(),
            ),
            toml::Value::Array(list) => Self::List(list.into_iter().map(Node::from).collect()),
            scalar => Self::Scalar(scalar),
        }
    }
}

impl Node {
    /// Puts a variable's text where its keys lead, and says why when they lead nowhere.
    pub(super) fn put<'k>(
        &mut self,
        mut keys: impl Iterator<Item = &'k str>,
        name: &str,
        text: String,
    ) -> Result<(), String> {
        let Some(key) = keys.next() else {
            *self = Self::Variable {
                name: name.into(),
                text,
            };
            return Ok(());
        };
        match self {
            Self::Table(table) => {
                // A shell's names have no hyphens.
                let known = table
                    .keys()
                    .find(|known| known.to_lowercase().replace('-', "_") == key);
                let key = known.cloned().unwrap_or_else(|| key.to_owned());
                table
                    .entry(key)
                    .or_insert(Self::Table(BTreeMap::new()))
                    .put(keys, name, text)
            }
            Self::List(list) => {
                let entry = key
                    .parse()
                    .ok()
                    .and_then(|number: usize| list.get_mut(number));
                entry
                    .ok_or(format!("the list in the file has no entry {key}"))?
                    .put(keys, name, text)
            }
            Self::Scalar(_) | Self::Variable { .. } => {
                Err(format!("what is before `{key}` is not a table"))
            }
        }
    }

    /// The variable's text as TOML, and as it stands when it is none.
    fn guess(text: &str) -> toml::Value {
        toml::Value::from_str(text).unwrap_or_else(|_| toml::Value::String(text.to_owned()))
    }

    /// A variable's name, of this node or the only one in it.
    fn variable(&self) -> Option<&str> {
        match self {
            Self::Variable { name, .. } => Some(name),
            Self::Table(table) if table.len() == 1 => table.values().next()?.variable(),
            _ => None,
        }
    }
}

impl Fault {
    /// The key, as a person writes it.
    pub(super) fn key(&self) -> String {
        let mut key = String::new();
        for part in self.path.iter().rev() {
            if !key.is_empty() && !part.starts_with('[') {
                key.push('.');
            }
            key.push_str(part);
        }
        key
    }

    fn inside(mut self, part: impl Into<String>) -> Self {
        self.path.push(part.into());
        self
    }

    fn of_variable(mut self, name: Option<&str>) -> Self {
        if let (Some(name), false) = (name, matches!(self.origin, Origin::Variable(_))) {
            self.origin = Origin::Variable(name.to_owned());
        }
        self
    }

    fn of_toml(error: &toml::de::Error) -> Self {
        Self {
            message: error.message().to_owned(),
            ..Self::default()
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}: {}", self.key(), self.message)
    }
}

impl std::error::Error for Fault {}

impl de::Error for Fault {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self {
            message: message.to_string(),
            ..Self::default()
        }
    }

    fn missing_field(field: &'static str) -> Self {
        let message = "is missing".into();
        Self {
            path: vec![field.into()],
            origin: Origin::Missing,
            message,
        }
    }

    fn unknown_field(field: &str, expected: &'static [&'static str]) -> Self {
        let message = format!("is not known; known are {}", expected.join(", "));
        Self {
            path: vec![field.into()],
            origin: Origin::Unknown,
            message,
        }
    }
}

/// Hands every call for a shape that a variable's text can only have as TOML to that.
macro_rules! guessed {
    ($($method:ident($($argument:ident: $kind:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(self, $($argument: $kind,)* visitor: V) -> Result<V::Value, Fault> {
            match self {
                Node::Variable { name, text } => Node::guess(&text)
                    .$method($($argument,)* visitor)
                    .map_err(|error| Fault::of_toml(&error).of_variable(Some(&name))),
                Node::Scalar(value) => value
                    .$method($($argument,)* visitor)
                    .map_err(|error| Fault::of_toml(&error)),
                node => node.deserialize_any(visitor),
            }
        }
    )*};
}

/// Hands every call for a text to the variable's text as it stands, or without its TOML quotes.
macro_rules! textual {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
            match self {
                Node::Variable { name, text } => {
                    let text = match Node::guess(&text) {
                        toml::Value::String(unquoted) => unquoted,
                        _ => text,
                    };
                    let given: StringDeserializer<Fault> = text.into_deserializer();
                    given.$method(visitor).map_err(|fault| fault.of_variable(Some(&name)))
                }
                node => node.deserialize_any(visitor),
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for Node {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self {
            Self::Table(table) => visitor.visit_map(Entries {
                table: table.into_iter(),
                open: None,
            }),
            Self::List(list) => visitor.visit_seq(Places {
                list: list.into_iter(),
                number: 0,
            }),
            Self::Scalar(value) => value
                .deserialize_any(visitor)
                .map_err(|error| Fault::of_toml(&error)),
            Self::Variable { name, text } => Self::guess(&text)
                .deserialize_any(visitor)
                .map_err(|error| Fault::of_toml(&error).of_variable(Some(&name))),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match self {
            Self::Variable {
                name: variable,
                text,
            } => {
                let given: StringDeserializer<Fault> = text.into_deserializer();
                let read = given.deserialize_enum(name, variants, visitor);
                read.map_err(|fault| fault.of_variable(Some(&variable)))
            }
            Self::Scalar(value) => value
                .deserialize_enum(name, variants, visitor)
                .map_err(|error| Fault::of_toml(&error)),
            Self::Table(table) => de::value::MapAccessDeserializer::new(Entries {
                table: table.into_iter(),
                open: None,
            })
            .deserialize_enum(name, variants, visitor),
            list @ Self::List(_) => list.deserialize_any(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        // The file may hold what nobody reads; a variable was set for a purpose.
        if let Some(name) = self.variable() {
            let message = "is not known".into();
            return Err(Fault {
                message,
                ..Fault::default()
            }
            .of_variable(Some(name)));
        }
        self.deserialize_any(visitor)
    }

    textual! { deserialize_str deserialize_string deserialize_char deserialize_identifier
    deserialize_bytes deserialize_byte_buf }

    guessed! {
        deserialize_bool() deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64()
        deserialize_f32() deserialize_f64() deserialize_unit() deserialize_seq() deserialize_map()
        deserialize_tuple(len: usize)
        deserialize_unit_struct(name: &'static str)
        deserialize_tuple_struct(name: &'static str, len: usize)
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
    }
}

impl<'de> IntoDeserializer<'de, Fault> for Node {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

/// The entries of a table, each named in the faults from inside it.
struct Entries {
    table: std::collections::btree_map::IntoIter<String, Node>,
    open: Option<(String, Node)>,
}

impl<'de> MapAccess<'de> for Entries {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        let Some((key, node)) = self.table.next() else {
            return Ok(None);
        };
        let given: StringDeserializer<Fault> = key.clone().into_deserializer();
        let read = seed
            .deserialize(given)
            .map_err(|fault| fault.of_variable(node.variable()))?;
        self.open = Some((key, node));
        Ok(Some(read))
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Fault> {
        let (key, node) = self
            .open
            .take()
            .expect("serde asks for a value after its key");
        seed.deserialize(node).map_err(|fault| fault.inside(key))
    }
}

/// The entries of a list, each numbered in the faults from inside it.
struct Places {
    list: vec::IntoIter<Node>,
    number: usize,
}

impl<'de> SeqAccess<'de> for Places {
    type Error = Fault;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Fault> {
        let Some(node) = self.list.next() else {
            return Ok(None);
        };
        let number = self.number;
        self.number += 1;
        seed.deserialize(node)
            .map(Some)
            .map_err(|fault| fault.inside(format!("[{number}]")))
    }
}
