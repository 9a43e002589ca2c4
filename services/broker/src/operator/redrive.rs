//! Redriving: many incidents at once, each tried again, released or closed as its cause has it.

use super::{Operator, Streaming, deed::Deed, incidents::number, retries::Resting, unreadable};
use crate::{
    access::Still,
    causes,
    desk::blocking,
    ledger::Note,
    store::{Incident, IncidentChange, StepRow},
    wire,
};
use contract::v1::{self, RedriveIncidentsResponse, RedriveKind, RedriveOutcome as Outcome, Text};
use dossier::name::{AgencyCode, DossierId, StepId};
use jiff::Timestamp;
use node::fault::Fault;
use std::time::Duration;
use tokio::{sync::mpsc, time::timeout};
use tokio_stream::wrappers::ReceiverStream;
use tonic::Status;

/// Answers that wait for whoever reads slowly.
const WAITING_MAX: usize = 16;
/// How long an answer may stay unread before the rest is left.
const UNREAD_MAX: Duration = Duration::from_secs(30);

/// What came of one, in both languages.
type Came = (Outcome, Text);

fn came(outcome: Outcome, vi: &str, en: &str) -> Came {
    let (vi, en) = (vi.to_owned(), en.to_owned());
    (outcome, Text { vi, en })
}

impl Operator {
    /// Each is begun only while whoever asked may still do so and reads what came of those before.
    pub(super) fn redrive_all(
        &self,
        still: Still,
        request: &v1::RedriveIncidentsRequest,
    ) -> Result<Streaming<RedriveIncidentsResponse>, Status> {
        let who = still.operator(&self.access)?;
        let directory = self.registry.directory();
        let item = wire::redrive(request, &directory).map_err(Fault::into_status)?;
        let deed = Deed::new(who, "RedriveIncidents", item.reason);
        let (send, receive) = mpsc::channel(WAITING_MAX);
        let operator = self.clone();
        tokio::spawn(async move {
            for incident_id in item.incidents {
                if let Err(status) = still.operator(&operator.access) {
                    let _ = timeout(UNREAD_MAX, send.send(Err(status))).await;
                    return;
                }
                let tried = operator.redrive(&deed, &incident_id).await;
                let (outcome, text) = tried.unwrap_or_else(|status| failed(&status));
                let answer = RedriveIncidentsResponse {
                    incident_id,
                    outcome: outcome.into(),
                    text: Some(text),
                };
                let sent = timeout(UNREAD_MAX, send.send(Ok(answer))).await;
                if !matches!(sent, Ok(Ok(()))) || operator.shutdown.is_triggered() {
                    return;
                }
            }
        });
        Ok(Box::pin(ReceiverStream::new(receive)))
    }

    async fn redrive(&self, deed: &Deed, incident_id: &str) -> Result<Came, Status> {
        let found = match number(incident_id) {
            Some(number) => {
                let reader = self.reader.clone();
                blocking(move || reader.incident(number).map_err(unreadable)).await?
            }
            None => None,
        };
        let Some(incident) = found else {
            let (vi, en) = ("Không có sự cố này.", "there is no such incident");
            return Ok(came(Outcome::Unknown, vi, en));
        };
        if incident.closed_at.is_some() {
            let (vi, en) = ("Sự cố đã kết thúc từ trước.", "it was over before");
            return Ok(came(Outcome::WasOver, vi, en));
        }
        let cause = causes::of(&incident.key.cause);
        match cause.redrive {
            RedriveKind::Retry => self.retry(deed, &incident).await,
            RedriveKind::Release => {
                let id = incident.key.dossier_id.ok_or_else(unmatched)?;
                self.release(deed, id, subject(&incident)).await?;
                let (vi, en) = ("Hồ sơ được đi tiếp.", "the dossier goes on");
                Ok(came(Outcome::Released, vi, en))
            }
            RedriveKind::Close => self.close(deed, &incident).await,
            RedriveKind::Nothing | RedriveKind::Unspecified => {
                let suggestion = cause.suggestion;
                Ok(came(Outcome::Nothing, suggestion.vi, suggestion.en))
            }
        }
    }

    async fn close(&self, deed: &Deed, incident: &Incident) -> Result<Came, Status> {
        let now = Timestamp::now();
        let note = Note {
            incidents: vec![IncidentChange::Closed {
                number: incident.number,
                at: now,
                audit: Some(Box::new(deed.audit(
                    now,
                    incident.key.dossier_id,
                    subject(incident),
                    "open".into(),
                    "closed".into(),
                ))),
            }],
            ..Note::default()
        };
        self.keep(note, |_| {}).await?;
        let (vi, en) = ("Sự cố đã được đóng.", "the incident is closed");
        Ok(came(Outcome::Closed, vi, en))
    }

    async fn retry(&self, deed: &Deed, incident: &Incident) -> Result<Came, Status> {
        let key = &incident.key;
        let (agency, resting) = match (&key.agency, key.dossier_id, &key.step) {
            (Some(agency), None, _) => (agency.clone(), None),
            (_, Some(dossier), Some(step)) => match self.owed(dossier, step.clone()).await? {
                Some((agency, resting)) => (agency, Some(resting)),
                // What it was about is not handed over any more.
                None => return self.close(deed, incident).await,
            },
            _ => return Err(unmatched()),
        };
        self.must_go_on(&agency)?;
        let now = Timestamp::now();
        let is_all = resting.is_none();
        let forgotten = resting.unwrap_or_default().into_iter();
        let note = Note {
            attempts: forgotten.map(|one| one.forget(now)).collect(),
            audits: vec![deed.audit(
                now,
                key.dossier_id,
                subject(incident),
                "open, and waits for its next time".into(),
                "open, and asked to be tried now".into(),
            )],
            ..Note::default()
        };
        self.keep(note, move |operator| match is_all {
            true => operator.belfry.wishes.try_all(&agency),
            false => operator.belfry.wishes.look(&agency),
        })
        .await?;
        let (vi, en) = (
            "Đang thử lại; sự cố kết thúc khi thành công.",
            "it is tried now; the incident is over when that succeeds",
        );
        Ok(came(Outcome::Tried, vi, en))
    }

    /// To whom this step is owed, and its rounds that rest; none when it is owed to nobody any more.
    async fn owed(
        &self,
        dossier: DossierId,
        step: StepId,
    ) -> Result<Option<(AgencyCode, Vec<Resting>)>, Status> {
        let reader = self.reader.clone();
        blocking(move || {
            let row = reader.dossier(&dossier).map_err(unreadable)?;
            let steps = row.map(|row| row.steps).unwrap_or_default();
            let owed = steps
                .into_iter()
                .find(|one| one.step == step && is_owed(one));
            let Some(StepRow { agency, .. }) = owed else {
                return Ok(None);
            };
            let attempts = reader.attempts_of(&dossier).map_err(unreadable)?;
            let resting = attempts.into_iter().filter(|one| one.step == step);
            let resting = resting.map(|one| Resting::new(dossier, one.step, one.round));
            Ok(Some((agency, resting.collect())))
        })
        .await
    }
}

fn is_owed(row: &StepRow) -> bool {
    use v1::StepState::{Due, PossiblyHeld};
    [Due, PossiblyHeld].map(i32::from).contains(&row.state)
}

fn subject(incident: &Incident) -> String {
    format!("incident {} {}", incident.number, incident.key.cause)
}

fn failed(status: &Status) -> Came {
    let text = |locale| Fault::text_of(status, locale);
    let or_else = |text: Option<String>| text.unwrap_or_else(|| status.message().to_owned());
    let (vi, en) = (or_else(text("vi")), or_else(text("en")));
    (Outcome::Failed, Text { vi, en })
}

fn unmatched() -> Status {
    Status::internal("the incident does not say what it is about")
}
