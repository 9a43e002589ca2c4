//! What an agency holds, as a script writes it: records, found by a key that the look-up's parties give.

use super::{
    rule::RuleScript,
    script::OfficerScript,
    template::{Filling, TemplateError},
};
use serde::Deserialize;
use serde_json::Value;
use std::collections::HashSet;

/// How one kind of evidence is looked up.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LookUpScript {
    /// What is asked for, as the procedure names it.
    pub evidence: String,
    /// Milliseconds before it answers; 0.
    #[serde(default)]
    pub delay_ms: u64,
    /// Who answers; nobody where a machine does.
    pub officer: Option<OfficerScript>,
    /// A template that names the record asked for, such as
    /// `{{party.subject.name}} {{party.subject.born_on}}`. Empty where there are no records.
    #[serde(default)]
    pub key: String,
    /// What is held. Its data is `{{record}}`, and members of it `{{record/<pointer>}}`.
    #[serde(rename = "record", default)]
    pub records: Vec<RecordScript>,
    /// The first that fits gives the answer.
    #[serde(rename = "rule", default)]
    pub rules: Vec<RuleScript>,
}

/// One record.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RecordScript {
    /// What `key` must give.
    pub key: String,
    /// Its data, as it is given.
    pub data: Value,
}

impl LookUpScript {
    pub(super) fn check(&self) -> Result<(), String> {
        if self.key.is_empty() != self.records.is_empty() {
            return Err("`key` and [[look_up.record]] go together; write both or none".into());
        }
        let mut seen = HashSet::new();
        match self.records.iter().find(|one| !seen.insert(&one.key)) {
            Some(twice) => Err(format!(
                "two records have the key `{}`; keep one",
                twice.key
            )),
            None => Ok(()),
        }
    }

    /// Puts the record asked for into the filling, if there are records.
    pub(super) fn find(&self, filling: &mut Filling<'_>) -> Result<(), TemplateError> {
        if self.key.is_empty() {
            return Ok(());
        }
        let key = filling.text(&self.key)?;
        let found = self.records.iter().find(|one| one.key == key);
        filling.set_record(found.map(|one| one.data.clone()));
        Ok(())
    }
}
