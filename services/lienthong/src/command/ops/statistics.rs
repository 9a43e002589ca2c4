//! Shows what the broker counted.

use super::{Ending, cells, line::OperatorArgs, overview::distribution};
use crate::screen::{self, json, table::Table, tell};
use anyhow::Context as _;
use clap::Args;
use contract::v1::{Figure, Indicator, StatisticsRequest, StatisticsResponse};
use serde_json::json;
use tonic::{Response, Status};

/// The figure that says how often an agency wanted the citizen to be asked for what somebody held.
const DENIED: &str = "supplements_denied";
const PAGE_SIZE: u32 = 100;

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
        let request = StatisticsRequest {
            from: day(&self.from)?,
            until: day(&self.until)?,
            page_size: PAGE_SIZE,
            ..StatisticsRequest::default()
        };
        let operator = self.operator.connect()?;
        let counted = every_page(request, |request| {
            let mut operator = operator.clone();
            async move { operator.statistics(request).await }
        });
        let counted = counted.await?;
        match json {
            true => json::print(&as_json(&counted))?,
            false => tell!("{}", render(&counted, screen::columns()).trim_end()),
        }
        Ok(Ending::Fine)
    }
}

/// What all pages tell, of each indicator all desks and departments together.
async fn every_page<A>(
    mut request: StatisticsRequest,
    ask: impl Fn(StatisticsRequest) -> A,
) -> anyhow::Result<StatisticsResponse>
where
    A: Future<Output = Result<Response<StatisticsResponse>, Status>>,
{
    let mut counted = StatisticsResponse::default();
    loop {
        let asked = ask(request.clone()).await;
        let page = asked.context("the figures were not told")?.into_inner();
        counted.figures.extend(page.figures);
        counted.indicators.extend(page.indicators);
        counted.distributions.extend(page.distributions);
        request.page_token = page.next_page_token;
        if request.page_token.is_empty() {
            break;
        }
    }
    counted.indicators.sort_by_cached_key(|one| {
        let is_other_law = one.number == 0;
        (is_other_law, one.number, one.name.clone())
    });
    Ok(counted)
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

    #[tokio::test]
    async fn every_page_is_asked_for_once_and_of_each_indicator_all_stand_together() {
        let indicator = |(number, name, agency_code): (u32, &str, &str)| Indicator {
            number,
            name: name.into(),
            agency_code: agency_code.into(),
            ..Indicator::default()
        };
        let pages = [
            vec![(1, "a", ""), (2, "b", ""), (0, "c", "")],
            vec![(1, "a", "G1"), (2, "b", "G1"), (0, "c", "G1")],
            vec![(1, "a", "G2"), (0, "c", "G2")],
        ];
        let ask = async |request: StatisticsRequest| {
            assert_eq!(request.page_size, 7, "as the first was asked for");
            let number: usize = request.page_token.parse().unwrap_or_default();
            let next = number + 1;
            Ok(Response::new(StatisticsResponse {
                indicators: pages[number].iter().copied().map(indicator).collect(),
                next_page_token: match next < pages.len() {
                    true => next.to_string(),
                    false => String::new(),
                },
                ..StatisticsResponse::default()
            }))
        };
        let request = StatisticsRequest {
            page_size: 7,
            ..StatisticsRequest::default()
        };
        let counted = every_page(request, ask).await.unwrap();
        let told: Vec<_> = counted
            .indicators
            .iter()
            .map(|one| (one.name.as_str(), one.agency_code.as_str()))
            .collect();
        assert_eq!(
            told,
            [
                ("a", ""),
                ("a", "G1"),
                ("a", "G2"),
                ("b", ""),
                ("b", "G1"),
                ("c", ""),
                ("c", "G1"),
                ("c", "G2"),
            ]
        );
    }

    #[test]
    fn a_share_of_nothing_is_not_shown() {
        assert_eq!(share(0, 0), "");
        assert_eq!(share(2, 3), "66 %");
        assert_eq!(share(u64::MAX, u64::MAX), "100 %");
    }
}
