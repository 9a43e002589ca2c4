//! What is made of something owed before it can be offered: a handover or a notice, as it is owed now.

use super::{
    Courier,
    list::{Key, Owing},
    load::UnderWay,
    outcome::Round,
    telling::Telling,
};
use crate::{
    hot::{Committed, LoadError},
    ledger::notice_row,
    store::{OwedRow, StoreError},
    wire,
};
use contract::v1::Item;
use dossier::{
    Dossier,
    decide::Action,
    department_notice::{DepartmentNotice, notices_owed},
    handover::handover,
    name::StepId,
    owed::is_owed,
};

/// What there is to do about something owed.
pub(super) enum Made {
    /// Offer it.
    Item(Box<Item>, UnderWay),
    /// Nothing: it is owed no longer, or waits for a person.
    Nothing,
    /// Tell the ledger, which stops the dossier.
    Unreadable(Key, Box<Action>),
}

impl Courier {
    /// What there is to do about this row, which may be older than its dossier.
    ///
    /// # Errors
    /// The store cannot be read.
    pub(super) fn item(&self, key: Key, row: &Owing) -> Result<Made, StoreError> {
        let found = self
            .office
            .hot
            .read(self.office.reader.as_ref(), &row.dossier_id);
        let dossier = match found {
            Ok(Some(Committed {
                is_erased: true, ..
            })) => return Ok(Made::Nothing),
            Ok(Some(Committed { dossier, .. })) => dossier,
            Ok(None) | Err(LoadError::Quarantined(_)) => return Ok(Made::Nothing),
            Err(LoadError::Unreadable(_)) => {
                let action = self.unanswered(&row.row);
                return Ok(Made::Unreadable(key, action.into()));
            }
            Err(LoadError::Store(error)) => return Err(error),
        };
        let made = match &row.row.step {
            Some(step) => self.round(key, step, row, &dossier),
            None => self.notice(key, row, &dossier),
        };
        Ok(made.map_or(Made::Nothing, |(item, under_way)| {
            Made::Item(Box::new(item), under_way)
        }))
    }

    /// A round of a step. The row may be older than the dossier.
    fn round(
        &self,
        key: Key,
        step: &StepId,
        row: &Owing,
        dossier: &Dossier,
    ) -> Option<(Item, UnderWay)> {
        let number = row.row.round;
        let is_owed = is_owed(dossier, step, number, &self.agency);
        if !is_owed {
            return None;
        }
        let book = self.office.registry.rules_of(dossier)?;
        let procedure = book.rules().procedure;
        let made = handover(dossier, procedure, step, number)?;
        #[cfg(feature = "faults")]
        let made = other_content(made);
        let round = Round {
            key,
            step: step.clone(),
            code: row.code.clone(),
            attempts: row.attempt.as_ref().map_or(0, |attempt| attempt.attempts),
        };
        let item = wire::handover(dossier, procedure, &made);
        Some((item, UnderWay::Round(round)))
    }

    /// A notice, if it is still owed as the row has it.
    fn notice(&self, key: Key, row: &Owing, dossier: &Dossier) -> Option<(Item, UnderWay)> {
        let mut owed = notices_owed(dossier).into_iter();
        let (notice, _, _) = owed.find(|(notice, agency, due_at)| {
            let one = notice_row(notice, agency, *due_at);
            *agency == self.agency
                && (one.notice, one.round) == (row.row.notice.clone(), row.row.round)
        })?;
        let item = wire::department_notice(dossier, &self.agency, &notice)?;
        let code = row.code.clone();
        Some((item, UnderWay::Notice(Telling { key, code, notice })))
    }

    /// What happened to something that could not be made: nothing that its dossier would keep.
    fn unanswered(&self, row: &OwedRow) -> Action {
        match &row.step {
            Some(step) => Action::Offer {
                step: step.clone(),
                round: row.round,
            },
            None => Action::Notify {
                agency: self.agency.clone(),
                notice: DepartmentNotice::Closed {
                    closed_at: row.due_at,
                },
                refused: false,
            },
        }
    }
}

/// Now and then leaves something out, under the same id.
#[cfg(feature = "faults")]
fn other_content(mut made: dossier::handover::Handover) -> dossier::handover::Handover {
    if node::breakage::is("hand over other content under one id") && rand::random() {
        made.evidence.pop();
    }
    made
}
