//! Releasing: a dossier that was quarantined goes on, once it can be read again.

use super::{Operator, deed::Deed, unknown_dossier, unreadable};
use crate::{
    access, causes,
    desk::blocking,
    failure::Failure,
    hot,
    ledger::Note,
    records::verify_chain,
    registry::Registry,
    store::{IncidentChange, IncidentKey, Loaded, Quarantine},
    wire,
};
use contract::v1;
use dossier::name::DossierId;
use jiff::Timestamp;
use node::fault::Fault;
use tonic::{Code, Status};

impl Operator {
    pub(super) async fn serve_release_dossier(
        &self,
        who: access::Operator,
        request: v1::ReleaseDossierRequest,
    ) -> Result<v1::ReleaseDossierResponse, Status> {
        let directory = self.registry.directory();
        let (id, reason) = wire::release(&request, &directory).map_err(Fault::into_status)?;
        let deed = Deed::new(who, "ReleaseDossier", reason);
        self.release(&deed, id, id.to_string()).await?;
        Ok(v1::ReleaseDossierResponse {})
    }

    /// Lets a quarantined dossier go on.
    pub(super) async fn release(
        &self,
        deed: &Deed,
        id: DossierId,
        subject: String,
    ) -> Result<(), Status> {
        let (reader, registry) = (self.reader.clone(), self.registry.clone());
        let why = blocking(move || {
            let loaded = reader.load(&id).map_err(unreadable)?;
            let loaded = loaded.ok_or_else(unknown_dossier)?;
            let why = loaded.row.quarantined.clone().ok_or_else(not_quarantined)?;
            check(&id, &loaded, &registry).map_err(|what| still_unreadable(&what))?;
            Ok(why)
        });
        let why = why.await?;
        let now = Timestamp::now();
        let over = IncidentChange::Over {
            key: IncidentKey {
                cause: causes::DOSSIER_QUARANTINED.word.into(),
                dossier_id: Some(id),
                step: None,
                agency: None,
            },
            at: now,
        };
        let before = format!("quarantined: {why}");
        let note = Note {
            quarantines: vec![Quarantine {
                dossier_id: id,
                why: None,
            }],
            incidents: vec![over],
            audits: vec![deed.audit(now, Some(id), subject, before, "goes on".into())],
            ..Note::default()
        };
        self.keep(note, |operator| {
            // What is owed for it is listed again.
            operator.belfry.owed.send_to_the_store();
            operator.belfry.timers.committed(Timestamp::MIN);
            operator.belfry.calendars.notify_one();
        })
        .await?;
        tracing::warn!(operator = deed.operator(), dossier_id = %id, "a quarantined dossier goes on");
        Ok(())
    }
}

/// Whether everything of it is there, is what was written, and can be judged.
fn check(id: &DossierId, loaded: &Loaded, registry: &Registry) -> Result<(), String> {
    let last = verify_chain(id, &loaded.records).map_err(|broken| broken.to_string())?;
    if last != Some(loaded.row.last_hash) {
        return Err("its last record is missing; compare it with a copy".into());
    }
    let (dossier, _) = hot::replay(*id, loaded).map_err(|error| error.to_string())?;
    match registry.rules_of(&dossier) {
        Some(_) => Ok(()),
        None => Err("a version of the procedure or calendar that it follows is not kept".into()),
    }
}

fn not_quarantined() -> Status {
    Failure::NotQuarantined.fault().into_status()
}

fn still_unreadable(what: &str) -> Status {
    Fault::new(
        Code::FailedPrecondition,
        "STILL_UNREADABLE",
        format!(
            "the dossier still cannot be read ({what}); put its records right, then release it"
        ),
        format!("Hồ sơ vẫn chưa đọc được ({what}). Khôi phục dữ liệu của hồ sơ rồi cho đi tiếp."),
    )
    .into_status()
}
