//! What a template can name: the fields of a paper as values, made from its struct.

use jiff::civil::DateTime;

/// The value of a field.
#[derive(Debug, Clone)]
pub(crate) enum Value {
    Text(String),
    Count(u32),
    Money(Option<i64>),
    Moment(Option<DateTime>),
    Group(Fields),
    /// `blank` shows a template what a row has, even when there is none.
    Rows {
        blank: Fields,
        rows: Vec<Fields>,
    },
}

/// Names and values, in the order of the struct.
pub(crate) type Fields = Vec<(&'static str, Value)>;

/// A struct whose fields templates name.
pub(crate) trait AsFields {
    fn fields(&self) -> Fields;
}

/// A type that a field may have.
pub(crate) trait AsValue {
    fn value(&self) -> Value;
}

impl AsValue for String {
    fn value(&self) -> Value {
        Value::Text(self.clone())
    }
}

impl AsValue for u32 {
    fn value(&self) -> Value {
        Value::Count(*self)
    }
}

impl AsValue for Option<i64> {
    fn value(&self) -> Value {
        Value::Money(*self)
    }
}

impl AsValue for Option<DateTime> {
    fn value(&self) -> Value {
        Value::Moment(*self)
    }
}

impl<T: AsFields> AsValue for T {
    fn value(&self) -> Value {
        Value::Group(self.fields())
    }
}

impl<T: AsFields + Default> AsValue for Vec<T> {
    fn value(&self) -> Value {
        Value::Rows {
            blank: T::default().fields(),
            rows: self.iter().map(AsFields::fields).collect(),
        }
    }
}

/// Follows a dotted name, such as `head.agency`.
pub(crate) fn find<'a>(fields: &'a Fields, path: &str) -> Option<&'a Value> {
    let (name, rest) = match path.split_once('.') {
        Some((name, rest)) => (name, Some(rest)),
        None => (path, None),
    };
    let value = &fields.iter().find(|(field, _)| *field == name)?.1;
    match (value, rest) {
        (_, None) => Some(value),
        (Value::Group(fields), Some(rest)) => find(fields, rest),
        (_, Some(_)) => None,
    }
}

/// All names that `find` knows, for those who mistyped one.
pub(crate) fn names(fields: &Fields) -> Vec<String> {
    let mut names = Vec::new();
    for (name, value) in fields {
        match value {
            Value::Group(fields) => {
                names.extend(
                    self::names(fields)
                        .into_iter()
                        .map(|inner| format!("{name}.{inner}")),
                );
            }
            _ => names.push((*name).to_owned()),
        }
    }
    names
}

/// Declares the struct of a paper, and that each of its fields is one of its templates' too.
macro_rules! paper {
    (
        $(#[$meta:meta])*
        pub struct $name:ident {
            $( $(#[$field_meta:meta])* pub $field:ident: $type:ty, )*
        }
    ) => {
        $(#[$meta])*
        #[derive(Debug, Clone, Default, PartialEq, Eq)]
        pub struct $name {
            $( $(#[$field_meta])* pub $field: $type, )*
        }

        impl $crate::value::AsFields for $name {
            fn fields(&self) -> $crate::value::Fields {
                vec![$( (stringify!($field), $crate::value::AsValue::value(&self.$field)), )*]
            }
        }
    };
}
pub(crate) use paper;
