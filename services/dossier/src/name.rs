//! The names of things: small text types, so that one cannot stand where another belongs.

use serde::{Deserialize, Serialize};
use std::{fmt, str::FromStr, sync::Arc};

/// A text that is not a name of the wanted sort.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{what} must be {rule}")]
pub struct BadName {
    /// Which sort of name was wanted.
    pub what: &'static str,
    /// What it must look like.
    pub rule: &'static str,
}

fn is_word(text: &str) -> bool {
    let mut chars = text.chars();
    chars.next().is_some_and(|first| first.is_ascii_lowercase())
        && text.len() <= 64
        && chars.all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_')
}

fn is_agency_code(text: &str) -> bool {
    let bytes = text.as_bytes();
    let groups_are_sound = text.split('.').all(|group| {
        !group.is_empty()
            && group
                .bytes()
                .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit())
    });
    let level_one = |group: &str| {
        let group = group.as_bytes();
        group.len() == 3
            && (b'A'..=b'Y').contains(&group[0])
            && group[1].is_ascii_digit()
            && group[2].is_ascii_digit()
    };
    bytes.len() <= 35
        && groups_are_sound
        && (level_one(text.split('.').next().unwrap_or_default())
            || level_one(text.rsplit('.').next().unwrap_or_default()))
}

fn is_role(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'_')
}

fn is_printable(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic())
}

fn is_dossier_code(text: &str) -> bool {
    // DOMAIN §3.1: opaque everywhere but at the desk that gives it; only its alphabet is held.
    (8..=64).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_uppercase() || b.is_ascii_digit() || b == b'.' || b == b'-')
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident, $what:literal, $rule:literal, $test:expr) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = BadName;
            fn from_str(text: &str) -> Result<Self, BadName> {
                let test: fn(&str) -> bool = $test;
                if test(text) {
                    Ok(Self(Arc::from(text)))
                } else {
                    Err(BadName { what: $what, rule: $rule })
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = BadName;
            fn try_from(text: String) -> Result<Self, BadName> {
                text.parse()
            }
        }

        impl TryFrom<&str> for $name {
            type Error = BadName;
            fn try_from(text: &str) -> Result<Self, BadName> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> String {
                name.0.as_ref().to_owned()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{:?}", &*self.0)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}

name!(
    /// Names a step within its procedure.
    StepId, "a step", "lower-case letters, digits and underscore, a letter first, at most 64", is_word
);
name!(
    /// Names a part within its procedure.
    PartId, "a part", "lower-case letters, digits and underscore, a letter first, at most 64", is_word
);
name!(
    /// Names a piece of evidence within its procedure.
    EvidenceName, "evidence", "lower-case letters, digits and underscore, a letter first, at most 64", is_word
);
name!(
    /// Names a party within its dossier.
    PartyId, "a party", "lower-case letters, digits and underscore, a letter first, at most 64", is_word
);
name!(
    /// Names a procedure, over all its versions.
    ProcedureCode, "a procedure", "lower-case letters, digits and underscore, a letter first, at most 64", is_word
);
name!(
    /// An agency's identifier (QĐ 20/2020/QĐ-TTg Art 4, or QCVN 102:2016 as its alias).
    AgencyCode, "an agency code",
    "groups of A-Z and 0-9 separated by dots, at most 35 characters, with a level-1 group such as H26 first or last",
    is_agency_code
);
name!(
    /// What an agency does in procedures, such as `COMMUNE_POLICE`.
    RoleName, "a role", "A-Z, 0-9 and underscore, 1 to 64", is_role
);
name!(
    /// A territory's code.
    TerritoryCode, "a territory code", "A-Z, 0-9 and underscore, 1 to 64", is_role
);
name!(
    /// Mã số hồ sơ (NĐ 61/2018 Art 26): one for life, opaque.
    DossierCode, "a dossier code", "A-Z, 0-9, dots and hyphens, 8 to 64 characters", is_dossier_code
);
name!(
    /// A key chosen by a sender.
    Key, "a key", "1 to 128 printable ASCII characters without spaces", is_printable
);

/// SHA-256 of something (FIPS 180-4).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// Of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(sha2::Sha256::digest(bytes).into())
    }

    /// From 32 bytes, or nothing.
    pub fn from_slice(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().ok().map(Self)
    }

    /// The 32 bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(&self.0[..6]))
    }
}

/// Names a dossier between systems: derived from the submitting system and its key, so that the
/// same submit gives the same dossier for ever.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DossierId(pub [u8; 16]);

impl DossierId {
    /// Of this system's submit with this key.
    pub fn derive(system: &str, key: &Key) -> Self {
        let digest = Digest::of(format!("dossier\0{system}\0{key}").as_bytes());
        let mut id = [0; 16];
        id.copy_from_slice(&digest.0[..16]);
        Self(id)
    }
}

impl FromStr for DossierId {
    type Err = BadName;
    fn from_str(text: &str) -> Result<Self, BadName> {
        let mut id = [0; 16];
        match hex::decode_to_slice(text, &mut id) {
            Ok(()) if text.bytes().all(|b| !b.is_ascii_uppercase()) => Ok(Self(id)),
            _ => Err(BadName {
                what: "a dossier id",
                rule: "32 lower-case hexadecimal digits",
            }),
        }
    }
}

impl fmt::Display for DossierId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for DossierId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_agency_code_schemes_are_read() {
        for code in ["H26.101.3", "000.00.05.H55", "G01", "H29.20"] {
            assert!(code.parse::<AgencyCode>().is_ok(), "{code}");
        }
        for code in ["", "h26", "H26..1", "Z26", "H26.a", "H2", "H26.", "12.34"] {
            assert!(code.parse::<AgencyCode>().is_err(), "{code}");
        }
    }

    #[test]
    fn both_dossier_code_patterns_are_read() {
        for code in ["000.00.01.H29-240115-0001", "G09.20-20260609-0092637"] {
            assert!(code.parse::<DossierCode>().is_ok(), "{code}");
        }
        for code in ["", "abc", "H26 1-1", "H26.1-ÂB-0001"] {
            assert!(code.parse::<DossierCode>().is_err(), "{code}");
        }
    }

    #[test]
    fn the_same_submit_names_the_same_dossier() {
        let key: Key = "k1".parse().unwrap();
        assert_eq!(DossierId::derive("a", &key), DossierId::derive("a", &key));
        assert_ne!(DossierId::derive("a", &key), DossierId::derive("b", &key));
    }
}
