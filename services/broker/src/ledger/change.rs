//! What a dossier's new events change in the store, so that no view is ever behind the truth.

use super::line::Line;
use crate::{
    records::{self, Salt},
    store::{
        Change, Grant, IncidentChange, IncidentKey, NoticeRow, OwedKind, OwedRow, StepRow, Summary,
    },
    wire,
};
use dossier::{
    Debt, Dossier, Entry, Event,
    evidence::NewVersion,
    name::{AgencyCode, Digest, StepId},
    notice, owed,
};
use prost::Message as _;
use std::collections::BTreeSet;

/// A dossier on its way to the next commit.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) dossier: Dossier,
    pub(super) last_hash: Option<Digest>,
    records: Vec<records::Stored>,
    notices: Vec<NoticeRow>,
    grants: BTreeSet<(AgencyCode, Digest)>,
    incidents: Vec<IncidentChange>,
    lines: Vec<Line>,
}

/// A dossier as it is when its change is committed.
#[derive(Debug)]
pub(super) struct After {
    pub(super) dossier: Dossier,
    /// None when nothing changes.
    pub(super) last_hash: Option<Digest>,
    pub(super) lines: Vec<Line>,
}

impl Work {
    pub(super) fn new(dossier: Dossier, last_hash: Option<Digest>) -> Self {
        Self {
            dossier,
            last_hash,
            records: Vec::new(),
            notices: Vec::new(),
            grants: BTreeSet::new(),
            incidents: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// Whether there is anything to commit.
    fn is_changed(&self) -> bool {
        !self.records.is_empty()
    }

    /// Takes new events in. `before` is the dossier on which they were decided; none for a new one.
    pub(super) fn take(&mut self, before: Option<&Dossier>, entries: &[Entry], after: Dossier) {
        let mut now: Option<Dossier> = before.cloned();
        for entry in entries {
            let next = match &now {
                None => Dossier::begin(after.id, entry),
                Some(dossier) => {
                    let mut next = dossier.clone();
                    next.apply(entry).map(|()| next)
                }
            }
            .expect("events that were just decided fit the dossier");
            self.tell(now.as_ref(), entry, &next);
            self.grant(entry, &next);
            self.incident(entry, &next);
            self.lines.extend(Line::of(now.as_ref(), entry, &next));
            self.record(entry, &after);
            now = Some(next);
        }
        self.dossier = after;
    }

    fn record(&mut self, entry: &Entry, dossier: &Dossier) {
        let stored = records::encode(entry, &dossier.id, self.last_hash, rand::random::<Salt>());
        self.last_hash = Some(stored.hash);
        self.records.push(stored);
    }

    fn tell(&mut self, before: Option<&Dossier>, entry: &Entry, after: &Dossier) {
        let desks = BTreeSet::from([&after.received.desk, &after.received.hand_out_desk]);
        for told in notice::notices(before, entry, after) {
            let bytes = wire::notice(after, entry.at, &told).encode_to_vec();
            for desk in &desks {
                self.notices.push(NoticeRow {
                    desk: (*desk).clone(),
                    bytes: bytes.clone(),
                });
            }
        }
    }

    /// Who may have which documents from now on: givers and desks what was given, a department
    /// what its round needs.
    fn grant(&mut self, entry: &Entry, after: &Dossier) {
        let desks = [
            after.received.desk.clone(),
            after.received.hand_out_desk.clone(),
        ];
        let mut give = |agencies: &[AgencyCode], given: &[NewVersion]| {
            for document in given.iter().flat_map(|new| &new.given.documents) {
                for agency in agencies {
                    self.grants.insert((agency.clone(), document.digest));
                }
            }
        };
        match &entry.event {
            Event::Received(received) => give(&desks, &received.evidence),
            Event::Completed { step, evidence, .. } | Event::Corrected { step, evidence, .. } => {
                give(&desks, evidence);
                if let Some(step) = after.steps.get(step) {
                    give(std::slice::from_ref(&step.agency), evidence);
                }
            }
            Event::HandoverDue { agency, inputs, .. } => {
                for (name, version) in inputs {
                    let versions = after.evidence.get(name).into_iter().flatten();
                    for one in versions.filter(|one| one.new.version == *version) {
                        give(std::slice::from_ref(agency), std::slice::from_ref(&one.new));
                    }
                }
            }
            _ => {}
        }
    }

    fn incident(&mut self, entry: &Entry, after: &Dossier) {
        let key = |cause: &str, step: &StepId| IncidentKey {
            cause: cause.to_owned(),
            dossier_id: Some(after.id),
            step: Some(step.clone()),
            agency: None,
        };
        let mut over = |cause: &str, step: &StepId| {
            self.incidents.push(IncidentChange::Over {
                key: key(cause, step),
                at: entry.at,
            });
        };
        match &entry.event {
            Event::Declined { step, .. } => self.incidents.push(IncidentChange::Happened {
                key: key("STEP_DECLINED", step),
                vi: format!("Cơ quan báo bước {step} không thuộc thẩm quyền. Chuyển bước này cho cơ quan khác."),
                en: format!("the department says that step {step} is not its own to do; move it to another"),
                at: entry.at,
            }),
            Event::Moved { step, .. } => over("STEP_DECLINED", step),
            Event::LimitPassed { step } => self.incidents.push(IncidentChange::Happened {
                key: key("LIMIT_PASSED", step),
                vi: format!("Bước {step} đã quá thời hạn. Liên hệ cơ quan đang giữ."),
                en: format!("the limit of step {step} has passed; speak with the department that has it"),
                at: entry.at,
            }),
            Event::Completed { step, .. }
            | Event::Refused { step, .. }
            | Event::Ended { step, .. }
            | Event::Reviewed { step, redo: false, .. } => over("LIMIT_PASSED", step),
            Event::Acknowledged { step, .. } => over("HANDOVER_REFUSED", step),
            _ => {}
        }
    }

    /// What to commit, if anything changes, and what is then.
    pub(super) fn into_change(self) -> (Option<Change>, After) {
        if !self.is_changed() {
            let after = After {
                dossier: self.dossier,
                last_hash: None,
                lines: Vec::new(),
            };
            return (None, after);
        }
        let dossier = self.dossier;
        let received = &dossier.received;
        let change = Change {
            dossier_id: dossier.id,
            records: self.records,
            summary: Summary {
                code: received.code.clone(),
                desk: received.desk.clone(),
                procedure: received.procedure.clone(),
                state: wire::dossier_state(&dossier).into(),
                received_at: dossier.received_at,
                promised_at: received.promised_at,
                closed_at: dossier.closed_at,
            },
            owed: owed(&dossier).iter().map(owed_row).collect(),
            steps: dossier
                .steps
                .iter()
                .map(|(id, step)| StepRow {
                    step: id.clone(),
                    agency: step.agency.clone(),
                    round: step.round,
                    state: wire::step_state(step.stage).into(),
                    due_at: step.due_at,
                })
                .collect(),
            notices: self.notices,
            grants: self
                .grants
                .into_iter()
                .map(|(agency, digest)| Grant { agency, digest })
                .collect(),
            incidents: self.incidents,
        };
        let after = After {
            dossier,
            last_hash: self.last_hash,
            lines: self.lines,
        };
        (Some(change), after)
    }
}

fn owed_row(debt: &Debt) -> OwedRow {
    match debt {
        Debt::Handover {
            step,
            round,
            agency,
            due_at,
        }
        | Debt::Recall {
            step,
            round,
            agency,
            due_at,
        } => OwedRow {
            kind: OwedKind::Handover,
            agency: Some(agency.clone()),
            step: Some(step.clone()),
            round: *round,
            due_at: *due_at,
        },
        Debt::Timer { step, at } => OwedRow {
            kind: OwedKind::Timer,
            agency: None,
            step: Some(step.clone()),
            round: 0,
            due_at: *at,
        },
    }
}
