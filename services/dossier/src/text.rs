//! Reading TOML texts, so that whoever wrote one is told where it is wrong and how to mend it.

use serde::de::DeserializeOwned;

/// Reads a text.
///
/// # Errors
/// Names the place, such as `step.residence.limit`, what is wrong there, and the mend.
pub(crate) fn read<T: DeserializeOwned>(toml: &str) -> Result<T, String> {
    let syntax = |error: toml::de::Error| {
        let at = error.span().map_or(0, |span| span.start);
        let line = 1 + toml.bytes().take(at).filter(|byte| *byte == b'\n').count();
        format!("line {line}: {}; mend the TOML there", error.message())
    };
    let reader = toml::Deserializer::parse(toml).map_err(syntax)?;
    serde_path_to_error::deserialize(reader).map_err(|error| {
        let path = error.path().to_string();
        let place = if path == "." {
            "the file".to_owned()
        } else {
            path
        };
        let message = error.inner().message().trim().to_owned();
        let mend = if message.starts_with("missing field") {
            "add it"
        } else if message.starts_with("unknown field") {
            "correct its name, or remove it"
        } else if message.starts_with("unknown variant") {
            "write one of those"
        } else {
            "correct it"
        };
        format!("{place}: {message}; {mend}")
    })
}
