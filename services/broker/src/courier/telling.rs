//! What became of a notice: its department has it, refused it for good, or it rests.

use super::{Office, list::Key, outcome::Done};
use contract::v1::verdict::Outcome;
use dossier::{
    decide::Action,
    department_notice::DepartmentNotice,
    name::{AgencyCode, DossierCode},
};
use jiff::Timestamp;
use node::fault::Fault;

/// A notice on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Telling {
    pub(super) key: Key,
    pub(super) code: DossierCode,
    pub(super) notice: DepartmentNotice,
}

impl Office {
    /// Lets the ledger know what became of a notice.
    pub(super) async fn settle_notice(
        &self,
        agency: &AgencyCode,
        item_id: String,
        telling: Telling,
        outcome: Outcome,
    ) -> Done {
        let key = telling.key.clone();
        let rest = self.settle_telling(agency, telling, outcome).await;
        Done {
            item_id,
            key,
            // How often a notice was tried is nobody's concern: its rest ends with the stream.
            rest: rest.map(|until| (until, false)),
        }
    }

    async fn settle_telling(
        &self,
        agency: &AgencyCode,
        telling: Telling,
        outcome: Outcome,
    ) -> Option<Timestamp> {
        let (code, kind) = (&telling.code, telling.notice.word());
        let pause = self.pause_after(1);
        let refused = match outcome {
            Outcome::Recorded(_) => false,
            Outcome::Refused(status) => {
                let why = Fault::reason_of(&status).unwrap_or_else(|| "no reason word".into());
                tracing::warn!(dossier_code = %code, kind, %agency, reason = why, "a department refused a notice");
                true
            }
            Outcome::Later(status) => {
                let asked = Fault::retry_after_of(&status);
                return Some(self.after(asked.unwrap_or(pause)));
            }
            Outcome::Unknown(_) => return Some(self.after(pause)),
        };
        let action = Action::Notify {
            agency: agency.clone(),
            notice: telling.notice.clone(),
            refused,
        };
        match self.ledger.happen(telling.key.dossier, None, action).await {
            Ok(_) => None,
            Err(failure) => {
                tracing::warn!(dossier_code = %code, kind, %agency, %failure, "the answer to a notice was not recorded; it is told again");
                Some(self.after(pause))
            }
        }
    }
}
