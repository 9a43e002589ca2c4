//! The two languages of the page, and which one a request wants.

use contract::v1::Text;

/// A language of the page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Language {
    /// Vietnamese, the first.
    Vi,
    /// English.
    En,
}

impl Language {
    /// Its tag (BCP 47).
    pub(crate) fn tag(self) -> &'static str {
        match self {
            Self::Vi => "vi",
            Self::En => "en",
        }
    }

    pub(crate) fn other(self) -> Self {
        match self {
            Self::Vi => Self::En,
            Self::En => Self::Vi,
        }
    }

    pub(crate) fn of_tag(tag: &str) -> Option<Self> {
        match tag {
            "vi" => Some(Self::Vi),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// The first of the two that a browser's `Accept-Language` names; Vietnamese when it names neither.
    pub(crate) fn accepted(header: &str) -> Self {
        let tags = header.split(',').take(20);
        let primary = tags.filter_map(|tag| tag.split([';', '-']).next());
        primary
            .filter_map(|tag| Self::of_tag(tag.trim()))
            .next()
            .unwrap_or(Self::Vi)
    }

    /// One of two texts.
    pub(crate) fn of<'t>(self, vi: &'t str, en: &'t str) -> &'t str {
        match self {
            Self::Vi => vi,
            Self::En => en,
        }
    }

    /// A text of the contract; the other language where this one is empty.
    pub(crate) fn text(self, text: &Option<Text>) -> String {
        let Some(text) = text else {
            return String::new();
        };
        let (first, second) = match self {
            Self::Vi => (&text.vi, &text.en),
            Self::En => (&text.en, &text.vi),
        };
        if first.is_empty() { second } else { first }.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_language_that_a_browser_names_is_taken_and_vietnamese_otherwise() {
        assert_eq!(Language::accepted("en-GB,vi;q=0.5"), Language::En);
        assert_eq!(Language::accepted("fr, vi-VN;q=0.8, en"), Language::Vi);
        assert_eq!(Language::accepted("fr"), Language::Vi);
        assert_eq!(Language::accepted(""), Language::Vi);
    }
}
