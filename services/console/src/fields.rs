//! The fields of a form or a query, read leniently: whatever somebody types is a text or nothing.

/// Bytes of one field's value that are read at most; the contract's longest text has 2,000.
pub(crate) const VALUE_BYTES_MAX: usize = 8_192;
/// Fields that are read at most: as many incidents may be chosen, and some more.
const FIELDS_MAX: usize = 600;

/// Names and values, in order; a name may come several times.
#[derive(Debug, Clone, Default)]
pub(crate) struct Fields(Vec<(String, String)>);

impl Fields {
    /// Reads `application/x-www-form-urlencoded`; bytes that are no UTF-8 become U+FFFD, and what is too
    /// long or too much is left out.
    pub(crate) fn parse(bytes: &[u8]) -> Self {
        let pairs = form_urlencoded::parse(bytes).take(FIELDS_MAX);
        let short = pairs.filter(|(name, value)| name.len() < 64 && value.len() <= VALUE_BYTES_MAX);
        Self(
            short
                .map(|(name, value)| (name.into_owned(), value.into_owned()))
                .collect(),
        )
    }

    /// The first value of this name, without blanks around it; empty when there is none.
    pub(crate) fn get(&self, name: &str) -> &str {
        let first = self.0.iter().find(|(key, _)| key == name);
        first.map_or("", |(_, value)| value.trim())
    }

    /// Whether the name has a value that is not empty.
    pub(crate) fn has(&self, name: &str) -> bool {
        !self.get(name).is_empty()
    }

    /// Every value of this name.
    pub(crate) fn all(&self, name: &str) -> Vec<&str> {
        let these = self.0.iter().filter(|(key, _)| key == name);
        these.map(|(_, value)| value.trim()).collect()
    }

    /// The fields with these names that are not empty, as a query.
    pub(crate) fn query_of(&self, names: &[&str]) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        for name in names {
            let value = self.get(name);
            if !value.is_empty() {
                query.append_pair(name, value);
            }
        }
        query.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_is_typed_is_a_text_or_nothing() {
        let fields = Fields::parse(b"a=%3Cb%3E&a=2&c=+x+&d=%ff&=&e&f=%E1%BB%9D");
        assert_eq!(fields.get("a"), "<b>");
        assert_eq!(fields.all("a"), ["<b>", "2"]);
        assert_eq!(fields.get("c"), "x");
        assert_eq!(fields.get("d"), "\u{fffd}");
        assert_eq!(fields.get("f"), "ờ");
        assert!(!fields.has("e") && !fields.has("g"));
        assert_eq!(fields.query_of(&["c", "e", "f"]), "c=x&f=%E1%BB%9D");
        let long = format!("a={}&b=1", "x".repeat(VALUE_BYTES_MAX + 1));
        let fields = Fields::parse(long.as_bytes());
        assert!(!fields.has("a") && fields.has("b"));
    }
}
