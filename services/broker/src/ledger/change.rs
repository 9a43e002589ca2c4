//! What a dossier's new events change in the store, so that no view is ever behind the truth.

use super::{line::Line, tally, trouble};
use crate::{
    board::Fresh,
    causes,
    records::{self, Salt},
    store::{
        Audit, Change, Denied, Grant, IncidentChange, IncidentKey, NoticeRow, OwedKind, OwedRow,
        PersonKey, StepRow, Summary, TallyKey, VaultUse,
    },
    wire,
};
use dossier::{
    Debt, Decided, Dossier, Entry, Event, Procedure,
    department_notice::DepartmentNotice,
    dossier::Intake,
    event::Versions,
    evidence::NewVersion,
    handover::handover,
    name::{AgencyCode, Digest, EvidenceName, StepId},
    notice,
    owed::{next_alarm, owed_to_departments},
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
    /// As it was committed last; none for a new one.
    committed: Option<Arc<Dossier>>,
    pub(super) dossier: Arc<Dossier>,
    pub(super) last_hash: Option<Digest>,
    records: Vec<records::Stored>,
    notices: Vec<NoticeRow>,
    grants: BTreeSet<(AgencyCode, Digest)>,
    incidents: Vec<IncidentChange>,
    deposits: Vec<Deposit>,
    vault_uses: Vec<VaultUse>,
    denials: Vec<Denied>,
    persons: Vec<PersonKey>,
    tallies: Vec<TallyKey>,
    audits: Vec<Audit>,
    lines: Vec<Line>,
}

/// A dossier as it is when its change is committed.
#[derive(Debug)]
pub(super) struct After {
    pub(super) dossier: Arc<Dossier>,
    /// None when nothing changes.
    pub(super) last_hash: Option<Digest>,
    pub(super) lines: Vec<Line>,
    pub(super) news: News,
}

/// Whom to wake once it is committed.
#[derive(Debug, Default)]
pub(super) struct News {
    /// What is owed to departments and was not before.
    pub(super) fresh: Vec<(AgencyCode, Fresh)>,
    /// Desks that have a notice.
    pub(super) desks: BTreeSet<AgencyCode>,
    /// Its next alarm.
    pub(super) next_alarm: Option<Timestamp>,
}

impl Work {
    pub(super) fn new(dossier: Arc<Dossier>, last_hash: Option<Digest>) -> Self {
        Self {
            committed: last_hash.map(|_| Arc::clone(&dossier)),
            dossier,
            last_hash,
            records: Vec::new(),
            notices: Vec::new(),
            grants: BTreeSet::new(),
            incidents: Vec::new(),
            deposits: Vec::new(),
            vault_uses: Vec::new(),
            denials: Vec::new(),
            persons: Vec::new(),
            tallies: Vec::new(),
            audits: Vec::new(),
            lines: Vec::new(),
        }
    }

    /// Whose dossier it is.
    pub(super) fn know(&mut self, persons: Vec<PersonKey>) {
        self.persons.extend(persons);
    }

    /// An operator did what was just taken in.
    pub(super) fn audit(&mut self, audit: Audit) {
        self.audits.push(audit);
    }

    /// Whether there is anything to commit.
    fn is_changed(&self) -> bool {
        !self.records.is_empty()
    }

    /// Takes in what was decided. `before` is the dossier on which it was; none for a new one.
    pub(super) fn take(
        &mut self,
        before: Option<&Dossier>,
        decided: Decided,
        procedure: &Procedure,
    ) {
        let mut now = before;
        for (entry, then) in decided.entries.iter().zip(&decided.after) {
            self.tell(now, entry, then, procedure);
            self.grant(entry, then, procedure);
            self.use_vault(entry, then, procedure);
            self.acknowledged(entry, then);
            self.tallies.extend(tally::of(now, entry, then));
            self.lines.extend(Line::of(now, entry, then));
            self.record(entry, then);
            now = Some(then);
        }
        let Decided {
            dossier, entries, ..
        } = decided;
        self.incidents
            .extend(trouble::changes(before, &entries, &dossier, procedure));
        if let (Some(before), Some(last)) = (before, entries.last()) {
            self.incidents
                .extend(trouble::rounds_over(before, &dossier, last.at));
        }
        self.dossier = Arc::new(dossier);
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
        if let Event::Acknowledged { step, round } = &entry.event
            && after.steps.get(step).is_some_and(|one| one.round != *round)
        {
            // What was to be put down is put down.
            let key = trouble::of_step(&causes::HANDOVER_REFUSED, after, step);
            self.over(key, entry.at);
        }
    }

    fn over(&mut self, key: IncidentKey, at: Timestamp) {
        self.incidents.push(IncidentChange::Over { key, at });
    }

    fn news(&self, debts: &[Debt], next_alarm: Option<&Debt>) -> News {
        let committed = self.committed.as_deref().filter(|_| !debts.is_empty());
        let owed_before: Vec<Debt> = committed
            .into_iter()
            .flat_map(owed_to_departments)
            .collect();
        let fresh = debts.iter().filter(|debt| !owed_before.contains(debt));
        let fresh = fresh.filter_map(|debt| {
            let row = owed_row(debt);
            let due_at = Timestamp::from_microsecond(row.due_at.as_microsecond()).ok()?;
            let fresh = Fresh {
                dossier_id: self.dossier.id,
                code: self.dossier.code().clone(),
                row: OwedRow { due_at, ..row },
            };
            Some((fresh.row.agency.clone()?, fresh))
        });
        News {
            fresh: fresh.collect(),
            desks: self.notices.iter().map(|row| row.desk.clone()).collect(),
            next_alarm: next_alarm.and_then(|debt| match debt {
                Debt::Timer { at, .. } => Some(*at),
                _ => None,
            }),
        }
    }

    /// What to commit, if anything changes, and what is then.
    pub(super) fn into_change(self) -> (Option<Change>, After) {
        if !self.is_changed() {
            let after = After {
                dossier: self.dossier,
                last_hash: None,
                lines: Vec::new(),
                news: News::default(),
            };
            return (None, after);
        }
        let debts: Vec<Debt> = owed_to_departments(&self.dossier).collect();
        let next_alarm = next_alarm(&self.dossier).map(|(alarm, at)| Debt::Timer { alarm, at });
        let news = self.news(&debts, next_alarm.as_ref());
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
            // Of its alarms the next is enough: when it has rung, another is the next.
            owed: debts.iter().chain(&next_alarm).map(owed_row).collect(),
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
            persons: self.persons,
            tallies: self.tallies,
            audits: self.audits,
        };
        let after = After {
            dossier,
            last_hash: self.last_hash,
            lines: self.lines,
            news,
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
