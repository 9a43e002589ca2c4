//! The control slip (phiếu kiểm soát, form 06): every passage from one agency to another.

use super::{table::Table, time, words};
use contract::v1;
use std::collections::HashMap;

/// The slip of a dossier, in lines of at most `columns`.
pub(crate) fn render(dossier: &v1::TrackResponse, columns: usize, indent: usize) -> String {
    let names: HashMap<&str, &str> = dossier
        .steps
        .iter()
        .map(|step| (step.agency_code.as_str(), step.agency_name.as_str()))
        .filter(|(_, name)| !name.is_empty())
        .collect();
    // The desk has no step; and a department that a step was moved away from has none any more.
    let name = |code: &str| names.get(code).map_or(code, |name| *name).to_owned();
    let received = time::read(&dossier.received_at);
    let at = |at: &Option<prost_types::Timestamp>| {
        time::read(at).map_or_else(String::new, |at| time::beside(at, received))
    };
    let mut table = Table::new([
        "Given by", "Received by", "Step", "Asked", "Given", "Received", "Answered", "Outcome",
        "Officer", "Limit",
    ]);
    for row in &dossier.control_slip {
        let step = match row.round {
            0 | 1 => row.step_id.clone(),
            round => format!("{} ({round})", row.step_id),
        };
        table.row([
            name(&row.from_agency_code),
            name(&row.to_agency_code),
            step,
            row.task.clone(),
            at(&row.handed_at),
            at(&row.received_at),
            at(&row.answered_at),
            row.outcome.replace('_', " "),
            row.officer.as_ref().map(|officer| officer.name.clone()).unwrap_or_default(),
            words::timeliness(row.timeliness()).to_owned(),
        ]);
    }
    table.render(columns, indent)
}
