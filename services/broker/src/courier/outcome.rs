//! What became of a round: it is recorded, or the round rests.

use super::{Office, list::Key};
use crate::{
    causes::{self, Cause},
    ledger::Note,
    store::{AttemptChange, IncidentChange, IncidentKey},
};
use contract::v1::verdict::Outcome;
use dossier::{
    decide::Action,
    name::{AgencyCode, DossierCode, StepId},
};
use jiff::Timestamp;
use node::fault::Fault;
use std::time::Duration;

/// A round on its way.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Round {
    pub(super) key: Key,
    pub(super) step: StepId,
    pub(super) code: DossierCode,
    pub(super) attempts: u32,
}

/// A round or a notice that was settled.
#[derive(Debug)]
pub(super) struct Done {
    /// The item that is no longer under way.
    pub(super) item_id: String,
    /// What it was.
    pub(super) key: Key,
    /// Until when it rests, and whether the store knows it; none when it is owed no longer.
    pub(super) rest: Option<(Timestamp, bool)>,
}

impl Office {
    /// Lets the ledger know what became of a round.
    pub(super) async fn settle(
        &self,
        agency: &AgencyCode,
        item_id: String,
        round: Round,
        outcome: Outcome,
    ) -> Done {
        let key = round.key.clone();
        let rest = self.settle_round(agency, round, outcome).await;
        Done { item_id, key, rest }
    }

    async fn settle_round(
        &self,
        agency: &AgencyCode,
        round: Round,
        outcome: Outcome,
    ) -> Option<(Timestamp, bool)> {
        let (code, step) = (&round.code, &round.step);
        let pause = self.pause_after(round.attempts + 1);
        let (pause, why, incidents) = match outcome {
            // It has a higher round than this store knows: reconciling brings what is missing here.
            Outcome::Recorded(recorded) if recorded.superseded => {
                (pause, "SUPERSEDED_THERE".into(), vec![])
            }
            Outcome::Recorded(_) => {
                let action = Action::Acknowledge {
                    step: step.clone(),
                    round: round.key.round,
                };
                match self.ledger.happen(round.key.dossier, None, action).await {
                    Ok(_) => return None,
                    Err(failure) => {
                        tracing::warn!(dossier_code = %code, %step, %agency, %failure, "an acknowledgement was not recorded; the handover is offered again");
                        (pause, "ACKNOWLEDGEMENT_NOT_RECORDED".into(), vec![])
                    }
                }
            }
            Outcome::Refused(status) => {
                let why = Fault::reason_of(&status).unwrap_or_else(|| "no reason word".into());
                tracing::warn!(dossier_code = %code, %step, %agency, reason = why, "a department refused a handover");
                let incident = incident(
                    &causes::HANDOVER_REFUSED,
                    &round,
                    format!(
                        "Cơ quan {agency} không nhận bước {step} ({why}). Liên hệ cơ quan, hoặc chuyển bước cho cơ quan khác."
                    ),
                    format!(
                        "department {agency} does not take step {step} ({why}); speak with it, or move the step"
                    ),
                );
                (self.longest_pause(), why, vec![incident])
            }
            Outcome::Later(status) => {
                let asked = Fault::retry_after_of(&status);
                let why = Fault::reason_of(&status).unwrap_or_else(|| "LATER".into());
                (asked.unwrap_or(pause), why, vec![])
            }
            Outcome::Unknown(_) => (pause, "UNKNOWN".into(), vec![]),
        };
        Some(self.try_later(round, pause, why, incidents).await)
    }

    /// A handover that no message can carry: a person must see it, and the others go on.
    pub(super) async fn too_large(
        &self,
        agency: &AgencyCode,
        item_id: String,
        round: Round,
        bytes: usize,
        bytes_max: usize,
    ) -> Done {
        let (code, key) = (&round.code, round.key.clone());
        let step = &round.step;
        tracing::error!(dossier_code = %code, %step, %agency, bytes, bytes_max, "a handover is larger than a message may be");
        let incident = incident(
            &causes::HANDOVER_TOO_LARGE,
            &round,
            format!(
                "Bước {step} có {bytes} byte dữ liệu, nhiều hơn {bytes_max} byte của một thông điệp. Đưa dữ liệu lớn vào tài liệu đính kèm."
            ),
            format!(
                "step {step} comes to {bytes} bytes where a message has at most {bytes_max}; what is large belongs in documents"
            ),
        );
        let why = causes::HANDOVER_TOO_LARGE.word.into();
        let rest = self
            .try_later(round, self.longest_pause(), why, vec![incident])
            .await;
        Done {
            item_id,
            key,
            rest: Some(rest),
        }
    }

    async fn try_later(
        &self,
        round: Round,
        pause: Duration,
        last_error: String,
        incidents: Vec<IncidentChange>,
    ) -> (Timestamp, bool) {
        let until = self.after(pause);
        let attempt = AttemptChange {
            dossier_id: round.key.dossier,
            step: round.step,
            round: round.key.round,
            attempts: round.attempts.saturating_add(1),
            next_at: until,
            last_error,
        };
        let note = Note {
            attempts: vec![attempt],
            incidents,
            ..Note::default()
        };
        let kept = self.ledger.note(note).await;
        if let Err(failure) = &kept {
            tracing::debug!(dossier_code = %round.code, %failure, "an attempt was not kept");
        }
        (until, kept.is_ok())
    }
}

fn incident(cause: &Cause, round: &Round, vi: String, en: String) -> IncidentChange {
    IncidentChange::Happened {
        key: IncidentKey {
            cause: cause.word.into(),
            dossier_id: Some(round.key.dossier),
            step: Some(round.step.clone()),
            agency: None,
        },
        vi,
        en,
        at: Timestamp::now(),
    }
}
