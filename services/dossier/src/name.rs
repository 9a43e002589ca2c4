//! The names of things: small text types, so that one cannot stand where another belongs.

pub(crate) mod shape;

use serde::{Deserialize, Serialize};
use shape::{
    is_agency_code, is_dossier_code, is_national_procedure_code, is_printable, is_role,
    is_sector_code, is_word,
};
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
    /// An agency's identifier, in either of the two schemes.
    AgencyCode, "an agency code",
    "groups of A-Z and 0-9 separated by dots, at most 35 characters, beginning with a level-1 group such as H26 \
     (QĐ 20/2020/QĐ-TTg), or like 000.00.05.H55 (QCVN 102:2016)",
    is_agency_code
);

impl StepId {
    /// The most characters that it has: the core's own steps name evidence and other steps in theirs.
    pub const LENGTH_MAX: usize = 64;
}

/// How an agency code is built.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgencyScheme {
    /// From the left, level by level, such as `H29.20` (QĐ 20/2020/QĐ-TTg Art 4).
    Qd20,
    /// From the right, `V1V2V3.Z1Z2.Y1Y2.MX1X2`, such as `000.00.05.H55` (QCVN 102:2016/BTTTT).
    Qcvn102,
}

impl AgencyCode {
    /// The scheme that it follows.
    pub fn scheme(&self) -> AgencyScheme {
        shape::agency_scheme(self.as_str()).expect("an agency code follows one of the two schemes")
    }
}

name!(
    /// Mã thủ tục hành chính in the national database (DOMAIN §3.3), such as `1.001193`; a version
    /// and a unit's code may follow, as in `1.001850.000.00.00.H40`.
    NationalProcedureCode, "a national procedure code",
    "a digit, a dot and six digits, such as 1.001193; a dot and a version of two digits, and a dot and a unit's code \
     such as 000.00.00.H40, may follow",
    is_national_procedure_code
);
name!(
    /// Mã lĩnh vực, `MX1X2-LV` (TT 01/2018/TT-VPCP Art 20).
    SectorCode, "a sector code",
    "a level-1 code such as G15, a hyphen, and 1 to 31 of A-Z and 0-9", is_sector_code
);
name!(
    /// What an agency does in procedures, such as `COMMUNE_POLICE`.
    RoleName, "a role", "A-Z, 0-9 and underscore, 1 to 64", is_role
);
name!(
    /// What an officer must be to sign, such as `CHAIR`; which titles may is the directory's to say.
    Position, "a position", "A-Z, 0-9 and underscore, 1 to 64", is_role
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
        for code in [
            "",
            "h26",
            "H26..1",
            "Z26",
            "H26.a",
            "H2",
            "H26.",
            "12.34",
            "00.05.H55",
            "AB0.00.05.H55",
            "000.00.05.Z55",
        ] {
            assert!(code.parse::<AgencyCode>().is_err(), "{code}");
        }
        let longest = format!("H26.{}", "1".repeat(31));
        assert!(longest.parse::<AgencyCode>().is_ok());
        assert!(format!("{longest}1").parse::<AgencyCode>().is_err());
    }

    #[test]
    fn an_agency_code_says_its_scheme() {
        let scheme = |code: &str| code.parse::<AgencyCode>().unwrap().scheme();
        assert_eq!(scheme("H29.20"), AgencyScheme::Qd20);
        assert_eq!(scheme("H55.05.00.H55"), AgencyScheme::Qd20);
        assert_eq!(scheme("000.00.05.H55"), AgencyScheme::Qcvn102);
    }

    #[test]
    fn a_national_procedure_code_may_name_a_version_and_a_unit() {
        for code in [
            "1.001193",
            "2.000635",
            "1.011537",
            "1.001193.02",
            "1.001850.000.00.00.H40",
            "1.000235.01.000.00.00.H42",
        ] {
            assert!(code.parse::<NationalProcedureCode>().is_ok(), "{code}");
        }
        for code in [
            "",
            "1.00119",
            "1.0011933",
            "11.001193",
            "1001193",
            "1.001193.2",
            "1.001193.H40",
            "1.001193.000.00.00",
            "1.001193.000.00.00.Z40",
            "1.001193.000.00.00.H40.01",
            "١.٠٠١١٩٣",
            "birth",
        ] {
            assert!(code.parse::<NationalProcedureCode>().is_err(), "{code}");
        }
    }

    #[test]
    fn a_sector_code_begins_with_a_level_1_code() {
        assert!("G15-HT01".parse::<SectorCode>().is_ok());
        for code in ["", "G15", "G15-", "15-HT", "Z15-HT", "G15-ht", "G15-HT-1"] {
            assert!(code.parse::<SectorCode>().is_err(), "{code}");
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
