//! Page one: what needs attention, how work flows, and how today goes.

use super::{Operator, measures, rows::Names, unreadable};
use crate::{
    access, causes,
    desk::blocking,
    ledger::tally,
    store::{Suspended, Suspension},
    wire,
};
use contract::v1;
use dossier::procedure::civil_date;
use jiff::{Timestamp, ToSpan as _, civil::Date};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::sync::Mutex;
use tonic::Status;

/// Days that distributions and denials are summed over.
const DAYS: i64 = 30;
/// Flows on page one, the widest: a message has its limit.
const FLOWS_MAX: usize = 1_000;
/// Agencies of which page one tells how long things took, or how often they were refused something.
const AGENCIES_MAX: usize = 100;
/// Of the time, how much may go into computing page one, whoever asks how often: one part in so many.
const SHARE: u32 = 10;

/// Page one as it was computed last, for whoever asks at the same time. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Page(Arc<Mutex<Option<Computed>>>);

#[derive(Debug)]
struct Computed {
    until: Instant,
    page: v1::OverviewResponse,
}

pub(super) fn suspension(one: Suspension) -> v1::Suspension {
    let (agency_code, procedure_code) = match one.what {
        Suspended::Department(agency) => (agency.to_string(), String::new()),
        Suspended::Procedure(procedure) => (String::new(), procedure.to_string()),
    };
    v1::Suspension {
        agency_code,
        procedure_code,
        since: wire::timestamp(one.since),
        operator: one.operator,
        reason: one.reason,
    }
}

impl Operator {
    pub(super) async fn serve_overview(
        &self,
        _: access::Operator,
        _: v1::OverviewRequest,
    ) -> Result<v1::OverviewResponse, Status> {
        // One computes it, also when whoever asked is gone; whoever asks meanwhile waits for that.
        let operator = self.clone();
        let computed = tokio::spawn(async move { operator.page_one().await });
        computed
            .await
            .unwrap_or_else(|_| Err(Status::internal("page one was broken off; ask again")))
    }

    async fn page_one(&self) -> Result<v1::OverviewResponse, Status> {
        let mut last = self.page.0.lock().await;
        if let Some(computed) = last.as_ref().filter(|one| Instant::now() < one.until) {
            return Ok(computed.page.clone());
        }
        let operator = self.clone();
        let begun = Instant::now();
        let page = blocking(move || operator.compute()).await?;
        let took: Duration = begun.elapsed();
        *last = Some(Computed {
            until: Instant::now() + took * (SHARE - 1),
            page: page.clone(),
        });
        Ok(page)
    }

    fn compute(&self) -> Result<v1::OverviewResponse, Status> {
        let (reader, names, now) = (&self.reader, Names::of(&self.registry), Timestamp::now());
        let today = civil_date(now);
        let attention = reader.causes_open().map_err(unreadable)?;
        let mut flows = reader.flows().map_err(unreadable)?;
        flows.sort_by_key(|flow| std::cmp::Reverse(flow.open));
        let month = today.saturating_sub(DAYS.days());
        let tomorrow = today.saturating_add(1.day());
        let tallies = reader.tallies(month, tomorrow).map_err(unreadable)?;
        let mut denied = reader.denied(month, tomorrow).map_err(unreadable)?;
        denied.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let distributions = measures::distributions(&tallies, &names);
        let suspensions = reader.suspensions().map_err(unreadable)?;
        Ok(v1::OverviewResponse {
            at: wire::timestamp(now),
            attention: attention
                .into_iter()
                .map(|open| {
                    let cause = causes::of(&open.cause);
                    v1::CauseCount {
                        cause_class: cause.class.into(),
                        count: open.count,
                        oldest_at: wire::timestamp(open.oldest_at),
                        owner: cause.owner.into(),
                        suggestion: Some(v1::Text {
                            vi: cause.suggestion.vi.into(),
                            en: cause.suggestion.en.into(),
                        }),
                        cause: open.cause,
                    }
                })
                .collect(),
            flows: flows
                .into_iter()
                .take(FLOWS_MAX)
                .map(|flow| v1::Flow {
                    desk_name: names.agency(flow.desk.as_str()),
                    step_title: Some(names.step(&flow.procedure, &flow.step)),
                    agency_name: names.agency(flow.agency.as_str()),
                    desk_agency_code: flow.desk.to_string(),
                    procedure_code: flow.procedure.to_string(),
                    step_id: flow.step.to_string(),
                    agency_code: flow.agency.to_string(),
                    open: flow.open,
                    overdue: flow.overdue,
                })
                .collect(),
            today: Some(self.today(today)?),
            distributions: measures::most(distributions, AGENCIES_MAX),
            supplements_denied: denied
                .into_iter()
                .take(AGENCIES_MAX)
                .map(|(agency, count)| v1::AgencyCount {
                    agency_name: names.agency(agency.as_str()),
                    agency_code: agency.to_string(),
                    count,
                })
                .collect(),
            suspensions: suspensions.into_iter().map(suspension).collect(),
        })
    }

    fn today(&self, today: Date) -> Result<v1::Today, Status> {
        let reader = &self.reader;
        let tomorrow = today.saturating_add(1.day());
        let tallies = reader.tallies(today, tomorrow).map_err(unreadable)?;
        let open = reader.open_counts().map_err(unreadable)?;
        let sum = |name: &str| -> u64 {
            let of_name = tallies.iter().filter(|one| one.name == name);
            of_name.map(|one| one.count).sum()
        };
        let (closed, late) = (sum(tally::CLOSED), sum(tally::CLOSED_LATE));
        Ok(v1::Today {
            received: sum(tally::RECEIVED),
            closed,
            closed_on_time: closed.saturating_sub(late),
            closed_late: late,
            open: open.open,
            waiting_for_citizen: open.waiting_for_citizen,
            overdue: open.overdue,
        })
    }

    pub(super) async fn serve_list_procedures(
        &self,
        _: access::Operator,
        _: v1::ListProceduresRequest,
    ) -> Result<v1::ListProceduresResponse, Status> {
        let operator = self.clone();
        blocking(move || {
            let open = operator.reader.open_by_procedure().map_err(unreadable)?;
            let suspended = operator.reader.suspensions().map_err(unreadable)?;
            let (all, now) = (operator.registry.procedures(), Timestamp::now());
            let mut procedures: Vec<_> = all
                .current()
                .filter(|one| {
                    let in_force = all.in_force(one.code().as_str(), now);
                    in_force.is_some_and(|other| other.digest == one.digest)
                })
                .map(|one| v1::ProcedureStatus {
                    procedure_code: one.code().to_string(),
                    title: Some(super::rows::text(&one.text.title)),
                    open: open
                        .iter()
                        .find(|(code, _)| code == one.code())
                        .map_or(0, |(_, count)| *count),
                    suspended: suspended
                        .iter()
                        .any(|it| it.what == Suspended::Procedure(one.code().clone())),
                })
                .collect();
            procedures.sort_by(|one, other| one.procedure_code.cmp(&other.procedure_code));
            Ok(v1::ListProceduresResponse { procedures })
        })
        .await
    }
}
