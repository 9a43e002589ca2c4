//! Shows what the broker counted.

use super::{Ending, cells, line::OperatorArgs, overview::distribution};
use crate::screen::{self, json, table::Table, tell};
use anyhow::Context as _;
use clap::Args;
use contract::v1::{Figure, Indicator, StatisticsRequest, StatisticsResponse};
use serde_json::json;

/// The figure that says how often an agency wanted the citizen to be asked for what somebody held.
const DENIED: &str = "supplements_denied";

/// Show the figures and indicators: among them the supplements that were denied, by agency.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong ops statistics\n  lienthong ops statistics --from 2026-11-01 --until 2026-12-01 --json"
)]
pub(crate) struct StatisticsCommand {
    /// What is counted by day: from this day on.
    #[arg(long, value_name = "YYYY-MM-DD")]
    from: Option<String>,
    /// What is counted by day: before this day.
    #[arg(long, value_name = "YYYY-MM-DD")]
    until: Option<String>,
    #[command(flatten)]
    operator: OperatorArgs,
}

impl StatisticsCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<Ending> {
        let day = |text: &Option<String>| text.as_deref().map(cells::day).transpose();
        let mut request = StatisticsRequest {
            from: day(&self.from)?,
            until: day(&self.until)?,
            ..StatisticsRequest::default()
        };
        let mut operator = self.operator.connect()?;
        let mut counted = StatisticsResponse::default();
        loop {
            let asked = operator.statistics(request.clone()).await;
            let page = asked.context("the figures were not told")?.into_inner();
            counted.figures.extend(page.figures);
            counted.indicators.extend(page.indicators);
            counted.distributions.extend(page.distributions);
            request.page_token = page.next_page_token;
            if request.page_token.is_empty() {
                break;
            }
        }
        match json {
            true => json::print(&as_json(&counted))?,
            false => tell!("{}", render(&counted, screen::columns()).trim_end()),
        }
        Ok(Ending::Fine)
    }
}

fn as_json(counted: &StatisticsResponse) -> serde_json::Value {
    let figures = counted
        .figures
        .iter()
        .map(|one| json!({ "name": one.name, "agency_code": one.agency_code, "value": one.value }));
    let indicators = counted.indicators.iter().map(|one| {
        json!({
            "number": one.number,
            "name": one.name,
            "title": cells::both(&one.title),
            "agency_code": one.agency_code,
            "agency_name": one.agency_name,
            "of": one.of,
            "fulfil": one.fulfil,
            "points": one.points,
            "basis": cells::both(&one.basis),
            "is_computed": one.is_computed,
        })
    });
    json!({
        "figures": figures.collect::<Vec<_>>(),
        "indicators": indicators.collect::<Vec<_>>(),
        "distributions": counted.distributions.iter().map(distribution).collect::<Vec<_>>(),
    })
}

fn render(counted: &StatisticsResponse, columns: usize) -> String {
    let mut screen = figures(&counted.figures, columns);
    let computed: Vec<&Indicator> = counted
        .indicators
        .iter()
        .filter(|one| one.is_computed)
        .collect();
    if !computed.is_empty() {
        screen.push_str("\nIndicators (chỉ tiêu)\n");
        let mut table = Table::new([
            "No.",
            "Indicator",
            "Of",
            "Counted",
            "Fulfil",
            "Share",
            "Points",
        ]);
        for one in computed {
            table.row([
                cells::count(one.number),
                cells::en(&one.title),
                cells::named(&one.agency_name, &one.agency_code),
                one.of.to_string(),
                one.fulfil.to_string(),
                share(one.fulfil, one.of),
                cells::count(one.points),
            ]);
        }
        screen.push_str(&table.render(columns, 2));
    }
    screen
}

/// In hundredths.
fn share(part: u64, of: u64) -> String {
    match of {
        0 => String::new(),
        of => format!("{} %", u128::from(part) * 100 / u128::from(of)),
    }
}

fn figures(figures: &[Figure], columns: usize) -> String {
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
        let all = [
            figure("dossiers_open", "", 3.0),
            figure(DENIED, "G12.99", 1.0),
            figure(DENIED, "G24.99", 7.0),
        ];
        let screen = figures(&all, 100);
        let places: Vec<_> = ["dossiers open", "denied", "G24.99", "G12.99"]
            .map(|what| screen.find(what).unwrap())
            .into();
        assert!(places.is_sorted(), "{screen}");
    }

    #[test]
    fn a_share_of_nothing_is_not_shown() {
        assert_eq!(share(0, 0), "");
        assert_eq!(share(2, 3), "66 %");
        assert_eq!(share(u64::MAX, u64::MAX), "100 %");
    }
}
