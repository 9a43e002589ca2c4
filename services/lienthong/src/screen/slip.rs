//! The control slip (phiếu kiểm soát, form 06): every passage from one agency to another.

use super::{table::Table, time, words};
use contract::v1;
use std::collections::HashMap;

/// The slip of a dossier, in lines of at most `columns`; `name` calls the agencies that have no step.
pub(crate) fn render(
    dossier: &v1::TrackResponse,
    columns: usize,
    indent: usize,
    name: impl Fn(&str) -> String,
) -> String {
    let names: HashMap<&str, &str> = dossier
        .steps
        .iter()
        .map(|step| (step.agency_code.as_str(), step.agency_name.as_str()))
        .filter(|(_, name)| !name.is_empty())
        .collect();
    let name = |code: &str| {
        names
            .get(code)
            .map_or_else(|| name(code), |name| (*name).to_owned())
    };
    let titles: HashMap<&str, &str> = dossier
        .steps
        .iter()
        .filter_map(|step| Some((step.step_id.as_str(), step.title.as_ref()?.en.as_str())))
        .collect();
    let received = time::read(&dossier.received_at);
    let at = |at: &Option<prost_types::Timestamp>| {
        time::read(at).map_or_else(String::new, |at| time::beside(at, received))
    };
    let mut table = Table::new([
        "Given by",
        "Received by",
        "Step",
        "Given",
        "Received",
        "Answered",
        "Outcome",
    ]);
    for row in &dossier.control_slip {
        let title = titles
            .get(row.step_id.as_str())
            .copied()
            .unwrap_or(&row.step_id);
        let step = match row.round {
            0 | 1 => title.to_owned(),
            round => format!("{title} (round {round}: {})", row.task),
        };
        table.row([
            name(&row.from_agency_code),
            name(&row.to_agency_code),
            step,
            at(&row.handed_at),
            at(&row.received_at),
            at(&row.answered_at),
            outcome(row),
        ]);
    }
    table.render(columns, indent)
}

/// How a passage was answered, by whom, and whether within its limit.
fn outcome(row: &v1::ControlSlipRow) -> String {
    let mut said = row.outcome.replace('_', " ");
    let officer = row
        .officer
        .as_ref()
        .map_or("", |officer| officer.name.as_str());
    if !said.is_empty() && !officer.is_empty() {
        said.push_str(&format!(" by {officer}"));
    }
    match words::timeliness(row.timeliness()) {
        "" => said,
        timeliness => format!("{said}, {timeliness}"),
    }
}
