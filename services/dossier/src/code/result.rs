//! Codes of results: how the vault names what a dossier gave.

use crate::name::{BadName, DossierCode};
use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr};

/// Mã kết quả in the person's data store: `‹dossier code›-KQ‹n›` (NĐ 45/2020/NĐ-CP Art 14(3)).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ResultCode {
    /// The dossier that gave it.
    pub dossier: DossierCode,
    /// Which of its results; from 1.
    pub number: u32,
}

impl FromStr for ResultCode {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        let parts = || {
            let (dossier, number) = text.rsplit_once("-KQ")?;
            // One result has one text: no sign and no zero in front.
            let is_plain = matches!(number.as_bytes().first(), Some(b'1'..=b'9'));
            Some(Self {
                dossier: dossier.parse().ok()?,
                number: number.parse().ok().filter(|_| is_plain)?,
            })
        };
        parts().ok_or(BadName {
            what: "a result code",
            rule: "a dossier code, -KQ and a number from 1, such as H29.20-20260901-0000001-KQ1",
        })
    }
}

impl fmt::Display for ResultCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-KQ{}", self.dossier, self.number)
    }
}

impl TryFrom<String> for ResultCode {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, BadName> {
        text.parse()
    }
}

impl From<ResultCode> for String {
    fn from(code: ResultCode) -> String {
        code.to_string()
    }
}
