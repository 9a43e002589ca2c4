//! One line of a template, taken apart: its keyword, its options, and the rest.

use super::Align;
use super::words::Fault;

/// One line of a template, taken apart.
pub(super) struct Line<'a> {
    pub number: usize,
    pub keyword: &'a str,
    options: Vec<(&'a str, &'a str)>,
    pub rest: &'a str,
}

pub(super) fn take_apart(number: usize, line: &str) -> Result<Line<'_>, Fault> {
    let end = line.find(|letter: char| letter.is_whitespace() || letter == '[');
    let (keyword, mut rest) = line.split_at(end.unwrap_or(line.len()));
    let mut options = Vec::new();
    if let Some(inside) = rest.strip_prefix('[') {
        let unclosed = || fault("the options are not closed", "write ] after them");
        let mut inside = inside.trim_start();
        while !inside.starts_with(']') {
            let (key, after) = inside
                .split_once('=')
                .filter(|(key, _)| !key.contains([']', ' ']))
                .ok_or_else(|| fault("an option has no value", "write options as key=value"))?;
            let (value, after) = match after.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').ok_or_else(unclosed)?,
                None => after.split_at(after.find([' ', ']']).ok_or_else(unclosed)?),
            };
            options.push((key, value));
            inside = after.trim_start();
            if inside.is_empty() {
                return Err(unclosed());
            }
        }
        rest = &inside[1..];
    }
    Ok(Line {
        number,
        keyword,
        options,
        rest: rest.trim(),
    })
}

pub(super) fn fault(what: impl Into<String>, mend: impl Into<String>) -> Fault {
    (what.into(), mend.into())
}

pub(super) fn number(text: &str, what: &str, least: f32, most: f32) -> Result<f32, Fault> {
    let mend = || format!("write a number from {least} to {most}");
    match text.parse::<f32>() {
        Ok(value) if (least..=most).contains(&value) => Ok(value),
        Ok(_) => Err((format!("{what} {text} is out of bounds"), mend())),
        Err(_) => Err((format!("{what} is not a number"), mend())),
    }
}

impl Line<'_> {
    pub(super) fn allow(&self, keys: &[&str]) -> Result<(), Fault> {
        match self.options.iter().find(|(key, _)| !keys.contains(key)) {
            None => Ok(()),
            Some((key, _)) => {
                let mend = match keys {
                    [] => "leave it out".to_owned(),
                    some => format!("write one of {}", some.join(", ")),
                };
                Err((format!("{} has no option {key}", self.keyword), mend))
            }
        }
    }

    pub(super) fn option(&self, key: &str) -> Option<&str> {
        self.options
            .iter()
            .find(|(name, _)| *name == key)
            .map(|(_, value)| *value)
    }

    pub(super) fn length(&self, key: &str, least: f32, most: f32) -> Result<Option<f32>, Fault> {
        self.option(key)
            .map(|value| number(value, key, least, most))
            .transpose()
    }

    pub(super) fn align(&self) -> Result<Option<Align>, Fault> {
        match self.option("align") {
            None => Ok(None),
            Some("left") => Ok(Some(Align::Left)),
            Some("center") => Ok(Some(Align::Center)),
            Some("right") => Ok(Some(Align::Right)),
            Some("justify") => Ok(Some(Align::Justify)),
            Some(other) => Err(fault(
                format!("there is no alignment {other}"),
                "write left, center, right or justify",
            )),
        }
    }

    pub(super) fn numbers(&self, least: f32, most: f32) -> Result<Vec<f32>, Fault> {
        self.rest
            .split_whitespace()
            .map(|n| number(n, self.keyword, least, most))
            .collect()
    }

    pub(super) fn no_rest(&self) -> Result<(), Fault> {
        match self.rest {
            "" => Ok(()),
            _ => Err(fault(
                format!("{} takes no text", self.keyword),
                "leave it out",
            )),
        }
    }
}
