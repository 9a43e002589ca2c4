//! Conditions: what the data of a dossier must say for a step to run, or for evidence to be needed.
//!
//! Written in a small part of the Common Expression Language (<https://cel.dev>): members of
//! evidence compared with literals by `==`, `!=`, `<`, `<=`, `>`, `>=` and `in`, `has(…)` for a
//! member that may be absent, joined by `&&`, `||` and `!`. No function, no macro but `has`, no
//! arithmetic: a condition ends, costs what its text is long, and knows no clock.

mod claim;
mod grammar;

use crate::name::EvidenceName;
use cel::{Context, IdedExpr, Value, parser::PrattParser};
use claim::Claim;
use serde::Deserialize;
use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    sync::Arc,
};

/// How many bytes the text of a condition may have.
pub const CONDITION_BYTES_MAX: usize = 500;
/// How deep its parts may lie within each other.
pub const CONDITION_DEPTH_MAX: usize = 12;
/// The variable that lists the optional parts and steps asked for, by their names.
pub const ASKED: &str = "asked";
/// The variable that says whether somebody acts for the owner.
pub const REPRESENTED: &str = "represented";

/// A condition, read and checked.
#[derive(Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct Condition {
    text: String,
    expression: Arc<IdedExpr>,
    evidence: BTreeSet<EvidenceName>,
    asks: BTreeSet<String>,
    /// All of them together say what the text says.
    claims: Vec<Claim>,
}

/// A text that is no condition.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadCondition {
    /// Shorten it, or split the step.
    #[error(
        "a condition has at most {CONDITION_BYTES_MAX} bytes and this has {0}; shorten it, or write two steps"
    )]
    TooLong(usize),
    /// Take out brackets and negations.
    #[error("a condition has at most {CONDITION_DEPTH_MAX} levels; write it flatter")]
    TooDeep,
    /// Mend it where the message says.
    #[error(
        "no condition at column {column}: {message}; write for example `choice.kind == 'OTHER'`"
    )]
    Syntax {
        /// Where, from 1; 0 when the whole of it is meant.
        column: usize,
        /// What the reader of the language says.
        message: String,
    },
    /// Write it with comparisons, `in`, `has(…)`, `&&`, `||` and `!`.
    #[error(
        "a condition has no {0}; use ==, !=, <, <=, >, >=, in, has(…), &&, || and ! on members of evidence and literals"
    )]
    NotAllowed(&'static str),
    /// Name evidence of the procedure, `asked` or `represented`.
    #[error("`{0}` is no name of evidence; name evidence, or write asked or represented")]
    NotEvidence(String),
    /// Name a member of the evidence's data.
    #[error("`{0}` stands alone; name a member of its data, such as {0}.kind")]
    NoMember(EvidenceName),
    /// Write `'name' in asked`.
    #[error("`asked` is a list of names; write 'name' in asked")]
    Asked,
    /// Leave it out.
    #[error("a condition that names nothing of the dossier always says the same; leave it out")]
    Constant,
}

/// What a condition is judged by.
#[derive(Clone, Copy)]
pub struct Facts<'a> {
    /// The data (JSON) of this evidence; nothing when the dossier is without the evidence. Data that
    /// is no JSON object is taken for an object without members.
    pub data: &'a dyn Fn(&EvidenceName) -> Option<&'a [u8]>,
    /// The optional parts and steps that were asked for.
    pub asked: &'a BTreeSet<String>,
    /// Whether somebody acts for the owner.
    pub represented: bool,
}

/// What becomes of a condition. Once it holds or fails, evidence that was missing changes nothing
/// any more; a new version of evidence may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Judgement {
    /// It is so.
    Holds,
    /// It is not so. A member that is absent, or of another type than it is compared with, makes a
    /// condition fail: whoever wants it to hold without the member asks `has(…)`.
    Fails,
    /// It cannot be said before this evidence is there.
    Unknown {
        /// Never empty. Where nobody can give it any more, the condition fails.
        missing: BTreeSet<EvidenceName>,
    },
}

impl Condition {
    /// Reads a condition.
    ///
    /// # Errors
    /// When it is too long or too deep, or says something that a condition cannot say.
    pub fn parse(text: &str) -> Result<Self, BadCondition> {
        if text.len() > CONDITION_BYTES_MAX {
            return Err(BadCondition::TooLong(text.len()));
        }
        let expression = PrattParser::new()
            .max_recursion_depth(CONDITION_DEPTH_MAX as u16)
            .parse(text)
            .map_err(|errors| {
                let first = errors.errors.into_iter().next();
                let (column, message) = first.map_or_else(Default::default, |error| {
                    (usize::try_from(error.pos.1).unwrap_or(0), error.msg)
                });
                BadCondition::Syntax { column, message }
            })?;
        let names = grammar::check(&expression)?;
        if names.is_empty() {
            return Err(BadCondition::Constant);
        }
        let claims = claim::claims(&expression);
        Ok(Self {
            text: text.to_owned(),
            expression: Arc::new(expression),
            evidence: names.evidence,
            asks: names.asks,
            claims,
        })
    }

    /// That this optional part or step was asked for.
    pub(crate) fn asked_for(name: &str) -> Self {
        Self::parse(&format!("'{name}' in {ASKED}"))
            .expect("the name of a part or step has no quotation mark and is short")
    }

    /// As it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The evidence that it names.
    pub fn evidence(&self) -> &BTreeSet<EvidenceName> {
        &self.evidence
    }

    /// The parts and steps of which it says that they were asked for, or not.
    pub fn asks(&self) -> &BTreeSet<String> {
        &self.asks
    }

    /// Whether it is so, by these facts.
    pub fn judge(&self, facts: &Facts<'_>) -> Judgement {
        let mut context = Context::empty();
        let mut missing = BTreeSet::new();
        for name in &self.evidence {
            match (facts.data)(name) {
                Some(data) => context.add_variable_from_value(name.as_str(), object(data)),
                None => {
                    missing.insert(name.clone());
                }
            }
        }
        let asked: Vec<Value> = facts
            .asked
            .iter()
            .map(|name| name.as_str().into())
            .collect();
        context.add_variable_from_value(ASKED, asked);
        context.add_variable_from_value(REPRESENTED, facts.represented);
        match context.resolve(&self.expression) {
            Ok(Value::Bool(true)) => Judgement::Holds,
            Ok(Value::Bool(false)) => Judgement::Fails,
            _ if missing.is_empty() => Judgement::Fails,
            _ => Judgement::Unknown { missing },
        }
    }

    /// Whether the two can never both hold by the same facts, as their texts show: one says that a
    /// member is `'A'` where the other says that it is `'B'`. Says no when in doubt.
    pub fn excludes(&self, other: &Self) -> bool {
        self.claims
            .iter()
            .any(|one| other.claims.iter().any(|two| one.excludes(two)))
    }

    /// Whether this one holds whenever all of those do, as their texts show. Says no when in doubt.
    pub fn follows_from<'a>(&self, those: impl IntoIterator<Item = &'a Self>) -> bool {
        let given: Vec<&Claim> = those.into_iter().flat_map(|one| &one.claims).collect();
        self.claims
            .iter()
            .all(|claim| given.iter().any(|one| one.implies(claim)))
    }
}

/// Evidence's data, as the language sees it.
fn object(data: &[u8]) -> Value {
    let members: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(data).unwrap_or_default();
    map(members)
}

fn map(members: impl IntoIterator<Item = (String, serde_json::Value)>) -> Value {
    let members: std::collections::HashMap<String, Value> = members
        .into_iter()
        .map(|(name, member)| (name, value(member)))
        .collect();
    members.into()
}

fn value(json: serde_json::Value) -> Value {
    match json {
        serde_json::Value::Null => Value::Null,
        serde_json::Value::Bool(it) => Value::Bool(it),
        serde_json::Value::Number(it) => match it.as_i64() {
            Some(whole) => Value::Int(whole),
            None => Value::Float(it.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(it) => it.into(),
        serde_json::Value::Array(items) => {
            items.into_iter().map(value).collect::<Vec<Value>>().into()
        }
        serde_json::Value::Object(members) => map(members),
    }
}

impl TryFrom<String> for Condition {
    type Error = BadCondition;
    fn try_from(text: String) -> Result<Self, BadCondition> {
        Self::parse(&text)
    }
}

impl PartialEq for Condition {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl Eq for Condition {}

impl fmt::Display for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Condition({:?})", self.text)
    }
}
