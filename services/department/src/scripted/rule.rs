//! A rule of a script: when it fits, and what it answers.

use super::{
    script::OfficerScript,
    template::{Filling, TemplateError},
};
use contract::v1;
use serde::Deserialize;
use serde_json::Value;

/// What to answer to a task, if its conditions hold. Texts are templates.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RuleScript {
    /// The task that it is for; work. Within a look-up or a consultation it goes without saying.
    #[serde(default)]
    pub task: TaskName,
    /// All of them must hold.
    #[serde(default)]
    pub when: Vec<Condition>,
    /// Only in so many first rounds; in all when left out. A registry that is unavailable twice is
    /// asked a third time.
    pub rounds_max: Option<u32>,
    /// More time is asked for first; the answer follows.
    pub extend: Option<ExtendScript>,
    /// The answer.
    pub outcome: Outcome,
    /// For completed, stands, redo and look-ups: the note for officers.
    #[serde(default)]
    pub note: String,
    /// For refused, declined, peer_return, correction and upheld: why.
    #[serde(default)]
    pub reason: String,
    /// For refused and payment: the article of law.
    #[serde(default)]
    pub legal_basis: String,
    /// For peer_return: the faulty evidence. For upheld: what stands; the fault's when empty.
    #[serde(default)]
    pub evidence: String,
    /// For declined: whose it is, if known.
    #[serde(default)]
    pub suggested_agency_code: String,
    /// For supplement: everything that the citizen must give.
    #[serde(rename = "item", default)]
    pub items: Vec<ItemScript>,
    /// For payment: names the obligation.
    #[serde(default)]
    pub obligation_id: String,
    /// For payment: whole đồng, as a template.
    #[serde(default)]
    pub amount_vnd: String,
    /// For payment: what for.
    #[serde(default)]
    pub purpose: String,
    /// For consultation: whose opinion is wanted.
    #[serde(default)]
    pub agency: String,
    /// For consultation: what is asked.
    #[serde(default)]
    pub question: String,
    /// For consultation: how long it may take, such as `2 working days`.
    #[serde(default)]
    pub limit: String,
    /// For consultation: which of the step's evidence the agency gets to see.
    #[serde(default)]
    pub share: Vec<String>,
    /// For opinion: what it says.
    #[serde(default)]
    pub text: String,
    /// For completed, correction, redo and found: the evidence given.
    #[serde(default)]
    pub give: Vec<Give>,
}

/// More time, with the reason that stands in the apology.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExtendScript {
    /// How much, such as `2 working days`.
    pub limit: String,
    /// Why; a template.
    pub reason: String,
}

/// One thing asked of the citizen. Texts are templates.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ItemScript {
    /// As the procedure names it.
    pub evidence: String,
    /// Why.
    pub reason: String,
    /// The article of law.
    pub legal_basis: String,
    /// Who allows it, where a holder stayed silent; its law is `approval_basis`.
    pub approver: Option<OfficerScript>,
    /// The law by which it is allowed.
    #[serde(default)]
    pub approval_basis: String,
}

/// Which task a rule is for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TaskName {
    /// Do the step.
    #[default]
    Work,
    /// Judge changed evidence.
    Review,
    /// Answer a fault.
    Answer,
    /// Say whether evidence is held.
    LookUp,
    /// Give an opinion.
    Consult,
}

/// A kind of answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// Work: done.
    Completed,
    /// Work: refused by law.
    Refused,
    /// Work: not ours.
    Declined,
    /// Work: a fault goes back.
    PeerReturn,
    /// Answer: new versions.
    Correction,
    /// Answer: what was given stands.
    Upheld,
    /// Review: the result stands.
    Stands,
    /// Review: done again, with the evidence given.
    Redo,
    /// Work: the citizen must give more.
    Supplement,
    /// Work: the citizen must pay.
    Payment,
    /// Work: another agency's opinion is wanted.
    Consultation,
    /// Look-up: held, and given. A look-up with records finds only what is among them.
    Found,
    /// Look-up: not held.
    NotFound,
    /// Look-up: held with other particulars.
    Mismatch,
    /// Look-up: held in a quality that cannot be used.
    PoorQuality,
    /// Look-up: the registry does not answer now.
    Unavailable,
    /// Consultation: the opinion.
    Opinion,
}

/// Two texts that must be equal, or must differ.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// A template.
    pub value: String,
    /// A template whose text must be the same.
    pub equals: Option<String>,
    /// A template whose text must be another.
    pub differs_from: Option<String>,
}

/// Evidence to give.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Give {
    /// As the procedure names it.
    pub evidence: String,
    /// The schema of the data.
    #[serde(default)]
    pub schema: String,
    /// The party that it is about; the owner when empty.
    #[serde(default)]
    pub subject: String,
    /// The data; its texts are templates.
    pub data: Option<Value>,
    /// PDFs to write.
    #[serde(rename = "paper", default)]
    pub papers: Vec<PaperScript>,
}

/// A PDF to write. All texts are templates.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PaperScript {
    /// The name people see.
    pub file_name: String,
    /// Its heading.
    pub title: String,
    /// Its lines.
    #[serde(default)]
    pub lines: Vec<String>,
}

impl RuleScript {
    pub(super) fn holds(&self, filling: &Filling<'_>) -> Result<bool, TemplateError> {
        if self.rounds_max.is_some_and(|max| filling.round() > max)
            || self.outcome == Outcome::Found && filling.lacks_record()
        {
            return Ok(false);
        }
        for condition in &self.when {
            let value = filling.text(&condition.value)?;
            if let Some(equals) = &condition.equals
                && value != filling.text(equals)?
            {
                return Ok(false);
            }
            if let Some(other) = &condition.differs_from
                && value == filling.text(other)?
            {
                return Ok(false);
            }
        }
        Ok(true)
    }

    pub(super) fn check(&self) -> Result<(), String> {
        let task = self.outcome.task();
        if self.task != task {
            return Err(format!(
                "outcome {:?} does not answer the task {:?}; write task = \"{}\"",
                self.outcome,
                self.task,
                task.word()
            ));
        }
        let missing = self.outcome.needs().iter().find(|(name, why)| {
            let text = match *name {
                "reason" => &self.reason,
                "legal_basis" => &self.legal_basis,
                "evidence" => &self.evidence,
                "obligation_id" => &self.obligation_id,
                "amount_vnd" => &self.amount_vnd,
                "purpose" => &self.purpose,
                "agency" => &self.agency,
                "question" => &self.question,
                _ => &self.text,
            };
            !why.is_empty() && text.is_empty()
        });
        if let Some((name, why)) = missing {
            return Err(format!("{why} needs `{name}`; add it"));
        }
        match self.outcome {
            Outcome::Supplement if self.items.is_empty() => {
                return Err("a supplement needs [[…rule.item]]; add what is missing".into());
            }
            Outcome::Found if self.give.len() != 1 => {
                return Err("found gives one piece of evidence; write one [[…rule.give]]".into());
            }
            Outcome::Consultation => drop(limit(&self.limit)?),
            _ => {}
        }
        if let Some(extend) = &self.extend {
            limit(&extend.limit)?;
        }
        if self
            .when
            .iter()
            .any(|c| c.equals.is_some() == c.differs_from.is_some())
        {
            return Err("a condition has either `equals` or `differs_from`; write one".into());
        }
        Ok(())
    }
}

impl Outcome {
    fn task(self) -> TaskName {
        match self {
            Self::Completed
            | Self::Refused
            | Self::Declined
            | Self::PeerReturn
            | Self::Supplement
            | Self::Payment
            | Self::Consultation => TaskName::Work,
            Self::Correction | Self::Upheld => TaskName::Answer,
            Self::Stands | Self::Redo => TaskName::Review,
            Self::Found
            | Self::NotFound
            | Self::Mismatch
            | Self::PoorQuality
            | Self::Unavailable => TaskName::LookUp,
            Self::Opinion => TaskName::Consult,
        }
    }

    /// The texts that it needs, and what it is called.
    fn needs(self) -> &'static [(&'static str, &'static str)] {
        match self {
            Self::Refused => &[("reason", "a refusal"), ("legal_basis", "a refusal")],
            Self::Declined => &[("reason", "a declined step")],
            Self::PeerReturn => &[("reason", "a peer return"), ("evidence", "a peer return")],
            Self::Correction => &[("reason", "a correction")],
            Self::Upheld => &[("reason", "what is upheld")],
            Self::Payment => &[
                ("obligation_id", "a payment"),
                ("amount_vnd", "a payment"),
                ("purpose", "a payment"),
                ("legal_basis", "a payment"),
            ],
            Self::Consultation => &[("agency", "a consultation"), ("question", "a consultation")],
            Self::Opinion => &[("text", "an opinion")],
            _ => &[],
        }
    }

    /// How a look-up ended with it; nothing when it is no look-up.
    pub(super) fn look_up(self) -> Option<v1::LookUpOutcome> {
        Some(match self {
            Self::Found => v1::LookUpOutcome::Found,
            Self::NotFound => v1::LookUpOutcome::NotFound,
            Self::Mismatch => v1::LookUpOutcome::Mismatch,
            Self::PoorQuality => v1::LookUpOutcome::PoorQuality,
            Self::Unavailable => v1::LookUpOutcome::Unavailable,
            _ => return None,
        })
    }
}

impl TaskName {
    fn word(self) -> &'static str {
        match self {
            Self::Work => "work",
            Self::Review => "review",
            Self::Answer => "answer",
            Self::LookUp => "look_up",
            Self::Consult => "consult",
        }
    }

    pub(super) fn task(self) -> v1::Task {
        match self {
            Self::Work => v1::Task::Work,
            Self::Review => v1::Task::Review,
            Self::Answer => v1::Task::Answer,
            Self::LookUp => v1::Task::LookUp,
            Self::Consult => v1::Task::Consult,
        }
    }
}

/// A limit as procedures write it.
pub(super) fn limit(text: &str) -> Result<v1::Limit, String> {
    let wrong =
        || format!("`{text}` is no limit; write it as `2 working days` or `4 working hours`");
    let (amount, unit) = text.split_once(' ').ok_or_else(wrong)?;
    let unit = match unit.strip_suffix('s').unwrap_or(unit) {
        "working day" => v1::LimitUnit::WorkingDay,
        "working hour" => v1::LimitUnit::WorkingHour,
        "calendar day" => v1::LimitUnit::CalendarDay,
        "elapsed hour" => v1::LimitUnit::ElapsedHour,
        _ => return Err(wrong()),
    };
    let amount = amount.parse().ok().filter(|n| *n > 0).ok_or_else(wrong)?;
    Ok(v1::Limit {
        amount,
        unit: unit as i32,
    })
}
