//! `dossier.json`: a dossier as a person or a program writes it down, and how it is read.

mod act;
mod party;

pub use act::{ActForm, Deed, ItemForm};
pub use party::{Kind, PartyForm, Role, Scheme};

use contract::{Date, v1};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::{
    collections::BTreeMap,
    fs, io,
    path::{Component, Path, PathBuf},
};

/// Bytes of a `dossier.json`.
pub const FORM_BYTES_MAX: u64 = 1024 * 1024;
/// Bytes of the data of one piece of evidence; the contract's.
pub const DATA_BYTES_MAX: usize = 64 * 1024;

/// A form that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum FormError {
    /// Name a file that exists and may be read.
    #[error("cannot read {path}: {source}; name a file that exists and may be read", path = path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// Make it smaller; papers go beside it as files.
    #[error(
        "the form has {0} bytes; at most {FORM_BYTES_MAX} are read: papers go beside it as files"
    )]
    Size(u64),
    /// Mend the field.
    #[error("{path}: {message}")]
    Field {
        /// Where in the JSON, such as `parties[0].born_on`.
        path: String,
        /// What is wrong and how to mend it.
        message: String,
    },
}

/// A dossier to submit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// The procedure's code.
    pub procedure: String,
    /// The optional parts that are wanted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub optional_parts: Vec<String>,
    /// Where the case belongs; the desk's own territory when left out.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub territory: String,
    /// How it came: `counter`, `online` or `post`; `counter` when left out.
    #[serde(default)]
    pub channel: Channel,
    /// When the citizen arrived at the desk (RFC 3339); not known when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arrived_at: Option<jiff::Timestamp>,
    /// When the citizen filed it (RFC 3339); now when left out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub filed_at: Option<jiff::Timestamp>,
    /// Who is in it; at least an owner.
    pub parties: Vec<PartyForm>,
    /// What the citizen gave, by the names of the procedure.
    #[serde(default)]
    pub evidence: BTreeMap<String, EvidenceForm>,
    /// Who received it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub officer: Option<OfficerForm>,
    /// The desk that hands out the results, if another.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub hand_out_agency: String,
    /// The party that filed, if not the owner.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub filed_by: String,
    /// True to file it alone, as a portal does: an officer of the desk receives it afterwards.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub file_only: bool,
}

/// How a dossier came.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// At the counter.
    #[default]
    Counter,
    /// Online.
    Online,
    /// By post.
    Post,
}

/// Evidence that the citizen gave.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EvidenceForm {
    /// The schema of the data.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub schema: String,
    /// The data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub data: Option<Value>,
    /// Files beside the form.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub documents: Vec<PathBuf>,
    /// Whom it is about; the owner when left out.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub subject: String,
}

/// An officer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OfficerForm {
    /// Full name.
    pub name: String,
    /// Title or position.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub title: String,
    /// The office within the agency.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub office: String,
}

impl Form {
    /// Reads the form in a file.
    ///
    /// # Errors
    /// [`FormError`] names the field and how to mend it.
    pub fn load(path: &Path) -> Result<Self, FormError> {
        let at = |source| FormError::Read {
            path: path.into(),
            source,
        };
        let size = fs::metadata(path).map_err(at)?.len();
        if size > FORM_BYTES_MAX {
            return Err(FormError::Size(size));
        }
        Self::parse(&fs::read(path).map_err(at)?)
    }

    /// Reads a form.
    ///
    /// # Errors
    /// As [`load`](Self::load).
    pub fn parse(json: &[u8]) -> Result<Self, FormError> {
        let mut reader = serde_json::Deserializer::from_slice(json);
        let form: Self = serde_path_to_error::deserialize(&mut reader)
            .map_err(|error| field(error.path().to_string(), error.inner().to_string()))?;
        reader
            .end()
            .map_err(|error| field(".", error.to_string()))?;
        form.check()?;
        Ok(form)
    }

    /// What a person gets wrong that the broker could only say less plainly.
    fn check(&self) -> Result<(), FormError> {
        for (number, party) in self.parties.iter().enumerate() {
            let at = |name: &str| format!("parties[{number}].{name}");
            if party.roles.is_empty() {
                return Err(field(
                    at("roles"),
                    "is empty; name at least one, such as \"owner\"",
                ));
            }
            if let Some(born_on) = &party.born_on {
                date(born_on).ok_or_else(|| {
                    let mend = "is no date; write \"2026-11-20\", \"2026-11\" or \"2026\"";
                    field(at("born_on"), mend)
                })?;
            }
        }
        if !self
            .parties
            .iter()
            .any(|party| party.roles.contains(&Role::Owner))
        {
            return Err(field(
                "parties",
                "nobody is the owner; give one the role \"owner\"",
            ));
        }
        for (name, evidence) in &self.evidence {
            let at = |field: &str| format!("evidence.{name}.{field}");
            let bytes = evidence
                .data
                .as_ref()
                .map_or(0, |data| data.to_string().len());
            if bytes > DATA_BYTES_MAX {
                let message = format!("has {bytes} bytes; at most {DATA_BYTES_MAX}");
                return Err(field(at("data"), message));
            }
            for (number, path) in evidence.documents.iter().enumerate() {
                let plain = path
                    .components()
                    .all(|part| matches!(part, Component::Normal(_)));
                if !plain || path.as_os_str().is_empty() {
                    let mend = "is no file beside the form; put it there and write its name";
                    return Err(field(at(&format!("documents[{number}]")), mend));
                }
            }
        }
        Ok(())
    }

    /// The form as the broker takes it, without its documents.
    pub(crate) fn request(&self, agency_code: &str, submit_key: &str) -> v1::SubmitRequest {
        let filed_at = self.filed_at.unwrap_or_else(jiff::Timestamp::now);
        let channel = match self.channel {
            Channel::Counter => v1::Channel::Counter,
            Channel::Online => v1::Channel::Online,
            Channel::Post => v1::Channel::Post,
        };
        v1::SubmitRequest {
            agency_code: agency_code.into(),
            submit_key: submit_key.into(),
            procedure_code: self.procedure.clone(),
            optional_parts: self.optional_parts.clone(),
            territory_code: self.territory.clone(),
            parties: self.parties.iter().map(PartyForm::party).collect(),
            evidence: self
                .evidence
                .iter()
                .map(|(name, given)| given.input(name))
                .collect(),
            channel: channel as i32,
            filed_at: Some(instant(filed_at)),
            receive: !self.file_only,
            // A desk that has leased codes fills it in when it keeps the submission.
            dossier_code: String::new(),
            officer: self.officer.as_ref().map(OfficerForm::officer),
            hand_out_agency_code: self.hand_out_agency.clone(),
            filed_by_party_id: self.filed_by.clone(),
            arrived_at: self.arrived_at.map(instant),
            // However late it is sent, it was received when it was written down.
            received_at: (!self.file_only).then(|| instant(jiff::Timestamp::now())),
        }
    }
}

impl OfficerForm {
    fn officer(&self) -> v1::Officer {
        v1::Officer {
            name: self.name.clone(),
            title: self.title.clone(),
            office: self.office.clone(),
        }
    }
}

fn instant(at: jiff::Timestamp) -> prost_types::Timestamp {
    prost_types::Timestamp {
        seconds: at.as_second(),
        nanos: at.subsec_nanosecond(),
    }
}

impl EvidenceForm {
    fn input(&self, name: &str) -> v1::EvidenceInput {
        v1::EvidenceInput {
            name: name.into(),
            schema_id: self.schema.clone(),
            // Written once; these bytes are what everybody gets.
            data: self
                .data
                .as_ref()
                .map(Value::to_string)
                .unwrap_or_default()
                .into(),
            documents: Vec::new(),
            subject_party_id: self.subject.clone(),
        }
    }
}

fn field(path: impl Into<String>, message: impl Into<String>) -> FormError {
    FormError::Field {
        path: path.into(),
        message: message.into(),
    }
}

/// A civil date, as far as it is known.
fn date(text: &str) -> Option<Date> {
    let mut parts = text.split('-');
    let mut part = |digits: usize| {
        let part = parts.next()?;
        let plain = part.len() == digits && part.bytes().all(|b| b.is_ascii_digit());
        if plain {
            part.parse::<i16>().ok()
        } else {
            Some(-1)
        }
    };
    let (year, month, day) = (part(4)?, part(2), part(2));
    if parts.next().is_some() || year < 1 {
        return None;
    }
    // A part that is not known is tried as 1: only what is known can be wrong.
    let at = |part: Option<i16>| i8::try_from(part.unwrap_or(1)).unwrap_or(-1);
    jiff::civil::Date::new(year, at(month), at(day)).ok()?;
    Some(Date {
        year: year.into(),
        month: month.unwrap_or(0).into(),
        day: day.unwrap_or(0).into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const FORM: &str = r#"{
        "procedure": "birth", "optional_parts": ["identity_card"], "channel": "online",
        "parties": [
            {"id": "mother", "roles": ["owner", "submitter"], "name": "Trần Thị Bình",
             "identifiers": {"personal_id": "046190001234"}, "born_on": "1990"},
            {"id": "child", "roles": ["subject"], "name": "Nguyễn Minh Anh", "born_on": "2026-11-20"}
        ],
        "evidence": {
            "birth_notice": {"data": { "child": {"name": "Nguyễn Minh Anh"} },
                             "documents": ["giay-chung-sinh.pdf"], "subject": "child"}
        },
        "officer": {"name": "Lê Thị Hoa"}
    }"#;

    #[test]
    fn a_form_becomes_what_the_broker_takes() {
        let request = Form::parse(FORM.as_bytes())
            .unwrap()
            .request("desk-1", "key-1");
        assert_eq!(request.channel(), v1::Channel::Online);
        assert_eq!(
            request.parties[0].born_on,
            Some(Date {
                year: 1990,
                month: 0,
                day: 0
            })
        );
        assert_eq!(request.parties[0].roles.len(), 2);
        assert_eq!(request.parties[0].identifiers[0].value, "046190001234");
        assert_eq!(
            request.parties[1].born_on,
            Some(Date {
                year: 2026,
                month: 11,
                day: 20
            })
        );
        let data = r#"{"child":{"name":"Nguyễn Minh Anh"}}"#;
        assert_eq!(request.evidence[0].data, data.as_bytes());
        assert!(request.receive && request.filed_at.is_some());
    }

    #[test]
    fn what_is_wrong_is_named_by_its_path() {
        for (from, to, why) in [
            (
                "\"owner\", \"submitter\"",
                "\"mayor\"",
                "parties[0].roles[0]: unknown variant `mayor`",
            ),
            (
                "\"owner\", \"submitter\"",
                "\"submitter\"",
                "parties: nobody is the owner",
            ),
            (
                "\"1990\"",
                "\"1990-02-30\"",
                "parties[0].born_on: is no date",
            ),
            ("\"1990\"", "\"90\"", "parties[0].born_on: is no date"),
            ("\"1990\"", "\"1990-\"", "parties[0].born_on: is no date"),
            (
                "\"documents\"",
                "\"papers\"",
                "evidence.birth_notice.papers: unknown field `papers`",
            ),
            (
                "giay-chung-sinh.pdf",
                "../x.pdf",
                "evidence.birth_notice.documents[0]: is no file beside",
            ),
            (
                "giay-chung-sinh.pdf",
                "/etc/passwd",
                "evidence.birth_notice.documents[0]: is no file",
            ),
            ("\"procedure\": \"birth\",", "", "missing field `procedure`"),
            ("personal_id", "shoe_size", "parties[0].identifiers"),
        ] {
            let text = FORM.replacen(from, to, 1);
            assert_ne!(text, FORM, "{from}");
            let refused = Form::parse(text.as_bytes()).unwrap_err().to_string();
            assert!(refused.contains(why), "{why} in {refused}");
        }
    }
}
