//! Shows what the broker counted.

use super::OperatorArgs;
use crate::screen::{self, json, table::Table, tell};
use anyhow::Context as _;
use clap::Args;
use contract::v1::{Figure, StatisticsRequest};
use serde_json::json;

/// The figure that says how often an agency wanted the citizen to be asked for what somebody held.
const DENIED: &str = "supplements_denied";

/// Show the figures: among them the supplements that were denied, by agency.
#[derive(Debug, Args)]
#[command(after_help = "Example:\n  lienthong ops statistics\n  lienthong ops statistics --json")]
pub(crate) struct StatisticsCommand {
    #[command(flatten)]
    operator: OperatorArgs,
}

impl StatisticsCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let mut client = self.operator.connect()?;
        let asked = client.statistics(StatisticsRequest::default()).await;
        let figures = asked
            .context("the figures were not told")?
            .into_inner()
            .figures;
        if json {
            let figures: Vec<_> = figures
                .iter()
                .map(|one| {
                    json!({
                        "name": one.name,
                        "agency_code": one.agency_code,
                        "value": one.value,
                    })
                })
                .collect();
            return json::print(&json!({ "figures": figures }));
        }
        tell!("{}", render(&figures, screen::columns()).trim_end());
        Ok(())
    }
}

fn render(figures: &[Figure], columns: usize) -> String {
    let (mut denied, others): (Vec<&Figure>, Vec<&Figure>) =
        figures.iter().partition(|one| one.name == DENIED);
    let mut screen = String::new();
    if !others.is_empty() {
        let mut table = Table::new(["Figure", "Agency", "Value"]);
        for one in others {
            let name = one.name.replace('_', " ");
            table.row([name, one.agency_code.clone(), one.value.to_string()]);
        }
        screen.push_str(&table.render(columns, 0));
        screen.push('\n');
    }
    denied.retain(|one| one.value > 0.0);
    denied.sort_by(|one, other| other.value.total_cmp(&one.value));
    if denied.is_empty() {
        screen.push_str("Supplements denied: none (không có yêu cầu bổ sung nào bị từ chối)\n");
        return screen;
    }
    screen.push_str("Supplements denied, as somebody held it (yêu cầu bổ sung bị từ chối)\n");
    let mut table = Table::new(["Agency", "Times"]);
    for one in denied {
        table.row([one.agency_code.clone(), one.value.to_string()]);
    }
    screen.push_str(&table.render(columns, 2));
    screen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn denied_supplements_are_shown_by_agency_the_most_first() {
        let figure = |name: &str, agency_code: &str, value| Figure {
            name: name.into(),
            agency_code: agency_code.into(),
            value,
        };
        let figures = [
            figure("dossiers_open", "", 3.0),
            figure(DENIED, "G12.99", 1.0),
            figure(DENIED, "G24.99", 7.0),
        ];
        let screen = render(&figures, 100);
        let places: Vec<_> = ["dossiers open", "denied", "G24.99", "G12.99"]
            .map(|what| screen.find(what).unwrap())
            .into();
        assert!(places.is_sorted(), "{screen}");
    }
}
