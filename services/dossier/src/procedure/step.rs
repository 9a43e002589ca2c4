//! Steps as a procedure describes them: who acts, when, on what, and for how long.

use super::Title;
use crate::{
    condition::Condition,
    limit::Limit,
    name::{BadName, EvidenceName, PartId, Position, RoleName, StepId},
    party::PartyRole,
};
use jiff::civil::{Date, Time};
use serde::{
    Deserialize, Deserializer,
    de::{MapAccess, Visitor, value::MapAccessDeserializer},
};
use std::{collections::BTreeSet, fmt};

/// How a step's id may not begin: the core makes such steps itself.
pub const RESERVED_PREFIXES: [&str; 3] = [LOOK_UP, CONSULT, SLIP];
/// How the steps begin that look evidence up; its name follows.
pub const LOOK_UP: &str = "look_up_";
/// How the steps begin that consult; the step that asks and a number follow.
pub const CONSULT: &str = "consult_";
/// How the steps begin that only tell somebody; a number follows.
pub const SLIP: &str = "slip_";

/// Who does a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Actor {
    /// A department, which the directory finds by role.
    #[default]
    Department,
    /// The receiving desk.
    Desk,
    /// The citizen, through the desk: pays what is owed.
    Citizen,
}

/// One piece of work by one actor.
///
/// A step is due when its needs are there, its `after` is done and its `when` holds. One whose `when`
/// fails, that was not asked for, or that is not in force at reception does not run in that dossier:
/// what it would give is not waited for by those who need it with a `?`, nor is the step itself by
/// those that come `after` it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Step {
    /// What it is called.
    pub title: Title,
    /// The part that it belongs to.
    pub part: PartId,
    /// Who does it. Default: a department.
    #[serde(default)]
    pub actor: Actor,
    /// The role that the directory resolves to a department; for a department's step alone.
    pub role: Option<RoleName>,
    /// Runs only where this holds; it waits for the evidence that its condition names. Where that
    /// evidence can come no more, it does not run. None: always.
    pub when: Option<Condition>,
    /// Runs only when it was asked for by name at submit. Default: no.
    #[serde(default)]
    pub optional: bool,
    /// The first reception date on which it is in force.
    pub valid_from: Option<Date>,
    /// The last reception date on which it is in force.
    pub valid_to: Option<Date>,
    /// Evidence that must be there.
    #[serde(default)]
    pub needs: Vec<Need>,
    /// Evidence that it gives when completed.
    #[serde(default)]
    pub gives: BTreeSet<EvidenceName>,
    /// Steps that must be completed before, beside the givers of its needs.
    #[serde(default)]
    pub after: BTreeSet<StepId>,
    /// How long it may take.
    pub limit: Limit,
    /// Its limit does not count against those of its part and of the whole (NĐ 151/2025/NĐ-CP: the
    /// time of financial obligations). A citizen's never does. Default: no.
    #[serde(default)]
    pub outside_total: bool,
    /// The time of day from which on a first step that falls due starts its clock on the next working
    /// day (NĐ 61/2018/NĐ-CP Art 18(2)); overrides that of the procedure.
    #[serde(default, deserialize_with = "super::time_of_day")]
    pub cutoff: Option<Time>,
    /// For a citizen's step: the evidence whose data says what is owed (`obligation_id`,
    /// `amount_vnd`). While it is open, the clock of its part is paused (national status 6).
    pub pays: Option<EvidenceName>,
    /// For a desk's step: finished when these results were handed out.
    #[serde(default)]
    pub hands_out: BTreeSet<EvidenceName>,
    /// Which limits a fault in what it was given has (NĐ 126/2020/NĐ-CP Art 13(8)); none: those of
    /// the steps themselves.
    pub peer_return: Option<PeerReturn>,
    /// How long a refusal may take, where it is less than the limit, and in its unit (QĐ
    /// 976/QĐ-BHXH: a health card is refused within 1 working day). A refusal that comes later holds
    /// all the same: the citizen is better off with it than without an answer. It is recorded as late,
    /// overdue on the control slip, and an incident for the operators.
    pub refuse_within: Option<Limit>,
    /// The positions of which one must sign an outcome, checked against the directory's delegations
    /// (NĐ 61/2018/NĐ-CP Art 17(5)); none: nobody in particular.
    #[serde(default)]
    pub signed_by: BTreeSet<Position>,
    /// How many consultations it may open (NĐ 61/2018/NĐ-CP Art 19(5)) before a person must decide.
    /// Default: 3.
    #[serde(default = "consults_max")]
    pub consults_max: u32,
    /// Which parties the department gets to see.
    #[serde(default)]
    pub parties: BTreeSet<PartyRole>,
    /// Whether it lives on what steps give, whatever the facts: no condition decides on it or on what
    /// it needs, and nothing of it comes from outside. Seen when the procedure is read.
    #[serde(skip)]
    pub is_self_sufficient: bool,
}

fn consults_max() -> u32 {
    3
}

impl Step {
    /// Whether its limit counts against those of its part and of the whole.
    pub fn counts(&self) -> bool {
        !self.outside_total && self.actor != Actor::Citizen
    }

    /// Whether it is in force for a dossier received on this day.
    pub fn is_in_force(&self, day: Date) -> bool {
        self.valid_from.is_none_or(|first| first <= day)
            && self.valid_to.is_none_or(|last| day <= last)
    }
}

/// The limits of a peer return, where they differ from those of the steps.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PeerReturn {
    /// Who is asked; none: whoever gave the evidence.
    pub to: Option<StepId>,
    /// How long after its handover the department may still ask.
    pub ask: Limit,
    /// How long the one who is asked may take to answer.
    pub answer: Limit,
}

/// A piece of evidence that a step needs. Written as its name, with a `?` behind it when it may be
/// absent, or as `{ evidence = "name", optional = true, extract = ["/child/name"] }`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Need {
    /// Which.
    pub evidence: EvidenceName,
    /// The step runs without it if nobody gives it.
    pub optional: bool,
    /// The members of its data that the step needs (RFC 6901), with a `?` behind one that the data
    /// may be without; it gets no others. None: all of it.
    pub extract: Vec<String>,
}

impl TryFrom<String> for Need {
    type Error = BadName;
    fn try_from(text: String) -> Result<Self, Self::Error> {
        let (name, optional) = match text.strip_suffix('?') {
            Some(name) => (name, true),
            None => (text.as_str(), false),
        };
        Ok(Self {
            evidence: name.parse()?,
            optional,
            extract: Vec::new(),
        })
    }
}

impl<'de> Deserialize<'de> for Need {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(deny_unknown_fields)]
        struct Table {
            evidence: EvidenceName,
            #[serde(default)]
            optional: bool,
            #[serde(default)]
            extract: Vec<String>,
        }
        struct NameOrTable;
        impl<'de> Visitor<'de> for NameOrTable {
            type Value = Need;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("the name of evidence or a table { evidence, optional, extract }")
            }
            fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<Need, E> {
                Need::try_from(text.to_owned()).map_err(E::custom)
            }
            fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Need, A::Error> {
                let table = Table::deserialize(MapAccessDeserializer::new(map))?;
                Ok(Need {
                    evidence: table.evidence,
                    optional: table.optional,
                    extract: table.extract,
                })
            }
        }
        from.deserialize_any(NameOrTable)
    }
}
