//! What a department is told.

use super::timestamp;
use contract::v1::{self, department_notice::Kind};
use dossier::{
    Dossier,
    department_notice::{DepartmentNotice, StepClock},
    name::AgencyCode,
};

/// A notice as an item for its department; none when the dossier is not as it says.
pub fn department_notice(
    dossier: &Dossier,
    agency: &AgencyCode,
    notice: &DepartmentNotice,
) -> Option<v1::Item> {
    let kind = match notice {
        DepartmentNotice::Closed { closed_at } => Kind::Closed(v1::DossierClosed {
            closed_at: timestamp(*closed_at),
        }),
        DepartmentNotice::DueChanged {
            step,
            round,
            number,
        } => {
            let clock = StepClock::of(dossier, dossier.steps.get(step)?);
            Kind::DueChanged(v1::DueChanged {
                step_id: step.to_string(),
                round: *round,
                due_at: clock.due_at.and_then(timestamp),
                warn_at: clock.warn_at.and_then(timestamp),
                stands_still: clock.stands_still,
                number: *number,
            })
        }
        DepartmentNotice::ApologyOwed {
            step,
            round,
            number,
        } => {
            let part_id = &dossier.steps.get(step)?.part;
            Kind::ApologyOwed(v1::ApologyOwed {
                step_id: step.to_string(),
                round: *round,
                part_id: part_id.to_string(),
                promised_at: timestamp(dossier.parts.get(part_id)?.promised_at),
                number: *number,
            })
        }
    };
    Some(v1::Item {
        item_id: notice.id(dossier, agency),
        kind: Some(v1::item::Kind::Notice(v1::DepartmentNotice {
            dossier_id: dossier.id.to_string(),
            dossier_code: dossier.code().to_string(),
            agency_code: agency.to_string(),
            kind: Some(kind),
        })),
        ..Default::default()
    })
}
