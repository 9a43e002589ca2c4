//! What a dossier's new events change in the store, so that no view is ever behind the truth.

use super::{line::Line, trouble};
use crate::{
    records::{self, Salt},
    store::{
        Change, Denied, Grant, IncidentChange, IncidentKey, NoticeRow, OwedKind, OwedRow, StepRow,
        Summary, VaultUse,
    },
    wire,
};
use dossier::{
    Debt, Dossier, Entry, Event, Procedure,
    department_notice::DepartmentNotice,
    dossier::Intake,
    event::Versions,
    evidence::NewVersion,
    handover::handover,
    name::{AgencyCode, Digest, EvidenceName, StepId},
    notice, owed,
    procedure::civil_date,
    vault::{Deposit, deposits},
};
use jiff::Timestamp;
use prost::Message as _;
use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

/// A dossier on its way to the next commit.
#[derive(Debug)]
pub(super) struct Work {
    pub(super) dossier: Arc<Dossier>,
    pub(super) last_hash: Option<Digest>,
    records: Vec<records::Stored>,
    notices: Vec<NoticeRow>,
    grants: BTreeSet<(AgencyCode, Digest)>,
    incidents: Vec<IncidentChange>,
    deposits: Vec<Deposit>,
    vault_uses: Vec<VaultUse>,
    denials: Vec<Denied>,
    lines: Vec<Line>,
}

/// A dossier as it is when its change is committed.
#[derive(Debug)]
pub(super) struct After {
    pub(super) dossier: Arc<Dossier>,
    /// None when nothing changes.
    pub(super) last_hash: Option<Digest>,
    pub(super) lines: Vec<Line>,
}

impl Work {
    pub(super) fn new(dossier: Arc<Dossier>, last_hash: Option<Digest>) -> Self {
        Self {
            dossier,
            last_hash,
            records: Vec::new(),
            notices: Vec::new(),
            grants: BTreeSet::new(),
            incidents: Vec::new(),
            deposits: Vec::new(),
            vault_uses: Vec::new(),
            denials: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// Whether there is anything to commit.
    fn is_changed(&self) -> bool {
        !self.records.is_empty()
    }

    /// Takes new events in. `before` is the dossier on which they were decided; none for a new one.
    pub(super) fn take(
        &mut self,
        before: Option<&Dossier>,
        entries: &[Entry],
        after: Dossier,
        procedure: &Procedure,
    ) {
        let mut between: Option<Dossier> = None;
        for (n, entry) in entries.iter().enumerate() {
            let now = between.as_ref().or(before);
            // The last one makes what is known already.
            let next = (n + 1 < entries.len()).then(|| {
                let next = match now {
                    None => Dossier::begin(after.id, entry),
                    Some(dossier) => {
                        let mut next = dossier.clone();
                        next.apply(entry).map(|()| next)
                    }
                };
                next.expect("events that were just decided fit the dossier")
            });
            let then = next.as_ref().unwrap_or(&after);
            self.tell(now, entry, then, procedure);
            self.grant(entry, then, procedure);
            self.use_vault(entry, then, procedure);
            self.acknowledged(entry, then);
            self.lines.extend(Line::of(now, entry, then));
            self.record(entry, &after);
            between = next;
        }
        self.incidents
            .extend(trouble::changes(before, entries, &after, procedure));
        self.dossier = Arc::new(after);
    }

    fn record(&mut self, entry: &Entry, dossier: &Dossier) {
        let stored = records::encode(entry, &dossier.id, self.last_hash, rand::random::<Salt>());
        self.last_hash = Some(stored.hash);
        self.records.push(stored);
    }

    fn tell(
        &mut self,
        before: Option<&Dossier>,
        entry: &Entry,
        after: &Dossier,
        procedure: &Procedure,
    ) {
        #[cfg(feature = "faults")]
        if node::breakage::is("drop a notice") && rand::random_range(0..20) == 0 {
            return;
        }
        let desks = BTreeSet::from([&after.received.desk, &after.received.hand_out_desk]);
        for told in notice::notices(before, entry, after, procedure) {
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
    /// what its round holds.
    fn grant(&mut self, entry: &Entry, after: &Dossier, procedure: &Procedure) {
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
            Event::Received(received) | Event::Filed(received) => give(&desks, &received.evidence),
            Event::Completed { step, evidence, .. }
            | Event::Corrected { step, evidence, .. }
            | Event::LookedUp {
                step,
                given: evidence,
                ..
            } => {
                give(&desks, evidence);
                if let Some(step) = after.steps.get(step) {
                    give(std::slice::from_ref(&step.agency), evidence);
                }
            }
            Event::Reused { evidence, .. }
            | Event::SupplementAnswered { evidence, .. }
            | Event::EvidenceGiven { evidence, .. }
            | Event::Paid { evidence, .. } => give(&desks, evidence),
            Event::HandoverDue {
                step,
                round,
                agency,
                inputs,
                ..
            } => {
                if !has_documents(after, inputs) {
                    return;
                }
                // Of what it needs only members of, it gets no documents. What a desk does is not
                // handed over: it has them all.
                let round = handover(after, procedure, step, *round);
                for version in round.iter().flat_map(|round| &round.evidence) {
                    let new = std::slice::from_ref(&version.new);
                    give(std::slice::from_ref(agency), new);
                }
            }
            _ => {}
        }
    }

    /// What goes into the vault, what came from there, and who wanted to ask the citizen instead.
    fn use_vault(&mut self, entry: &Entry, after: &Dossier, procedure: &Procedure) {
        self.deposits.extend(deposits(entry, after, procedure));
        let used = |from: &BTreeMap<EvidenceName, String>| -> Vec<VaultUse> {
            from.iter()
                .map(|(evidence, code)| VaultUse {
                    code: code.clone(),
                    dossier_id: after.id,
                    procedure: after.received.procedure.clone(),
                    evidence: evidence.clone(),
                    at: entry.at,
                })
                .collect()
        };
        match &entry.event {
            Event::Received(received) | Event::Filed(received) => {
                self.vault_uses.extend(used(&received.reused));
            }
            Event::Reused { from, .. } => self.vault_uses.extend(used(from)),
            Event::SupplementDenied { agency, .. } => self.denials.push(Denied {
                agency: agency.clone(),
                day: civil_date(entry.at),
            }),
            _ => {}
        }
    }

    /// A handover that was refused before is taken now; a notice that was refused is not told again.
    fn acknowledged(&mut self, entry: &Entry, after: &Dossier) {
        if let Event::Notified {
            agency, refused, ..
        } = &entry.event
        {
            let incident = trouble::of_notice(agency, *refused, entry.at);
            self.incidents.push(incident);
        }
        if let Event::Acknowledged { step, .. } = &entry.event {
            let key = trouble::of_step("HANDOVER_REFUSED", after, step);
            self.over(key, entry.at);
        }
    }

    fn over(&mut self, key: IncidentKey, at: Timestamp) {
        self.incidents.push(IncidentChange::Over { key, at });
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
                hand_out_desk: received.hand_out_desk.clone(),
                procedure: received.procedure.clone(),
                territory: received.territory.clone(),
                calendar: received.calendar_digest,
                state: wire::dossier_state(&dossier).into(),
                received_at: dossier.received_at,
                promised_at: promised_at(&dossier),
                closed_at: dossier.closed_at,
            },
            owed: owed_rows(&dossier),
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
            deposits: self.deposits,
            vault_uses: self.vault_uses,
            denials: self.denials,
        };
        let after = After {
            dossier,
            last_hash: self.last_hash,
            lines: self.lines,
        };
        (Some(change), after)
    }
}

/// Until when the last of its parts is promised now; of one that was filed, until when a desk looks
/// at it.
fn promised_at(dossier: &Dossier) -> Timestamp {
    let received = dossier.received.promised_at;
    match dossier.intake {
        Intake::Received => {
            let parts = dossier.parts.values().map(|part| part.promised_at);
            parts.max().unwrap_or(received)
        }
        Intake::Filed | Intake::NotAccepted => received,
    }
}

fn has_documents(dossier: &Dossier, inputs: &Versions) -> bool {
    let versions = inputs.keys().filter_map(|name| dossier.evidence.get(name));
    versions
        .flatten()
        .any(|one| !one.new.given.documents.is_empty())
}

/// How a notice that is owed stands in the store.
pub(crate) fn notice_row(
    notice: &DepartmentNotice,
    agency: &AgencyCode,
    due_at: Timestamp,
) -> OwedRow {
    let step = notice.step().map(StepId::as_str).unwrap_or_default();
    OwedRow {
        kind: OwedKind::Notice,
        agency: Some(agency.clone()),
        step: None,
        notice: Some(format!("{}:{step}", notice.word())),
        alarm: None,
        round: u32::try_from(notice.number()).unwrap_or(u32::MAX),
        due_at,
    }
}

/// The rows of what is owed. Of its alarms the next is enough: when it has rung, another is the next.
fn owed_rows(dossier: &Dossier) -> Vec<OwedRow> {
    let debts = owed(dossier);
    let alarms = debts.iter().filter_map(|debt| match debt {
        Debt::Timer { at, .. } => Some((at, debt)),
        _ => None,
    });
    let next = alarms.min_by_key(|(at, _)| *at).map(|(_, debt)| debt);
    let others = debts
        .iter()
        .filter(|debt| !matches!(debt, Debt::Timer { .. }));
    others.chain(next).map(owed_row).collect()
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
            notice: None,
            alarm: None,
            round: *round,
            due_at: *due_at,
        },
        Debt::Notice {
            notice,
            agency,
            due_at,
        } => notice_row(notice, agency, *due_at),
        Debt::Timer { alarm, at } => OwedRow {
            kind: OwedKind::Timer,
            agency: None,
            step: None,
            notice: None,
            alarm: Some(alarm.clone()),
            round: 0,
            due_at: *at,
        },
    }
}
