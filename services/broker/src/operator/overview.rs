//! Page one: what needs attention, how work flows, and how today goes.

use super::{Operator, departments::Work, incidents::incident, measures, rows::Names, unreadable};
use crate::{
    access,
    bell::Committed,
    causes,
    desk::blocking,
    ledger::tally,
    store::{StoreError, Suspended, Suspension},
    wire,
};
use contract::v1;
use dossier::procedure::civil_date;
use jiff::{SignedDuration, Timestamp, ToSpan as _, civil::Date};
use std::{
    sync::Arc,
    time::{Duration, Instant},
};
use tokio::{sync::Mutex, time::sleep_until};
use tonic::Status;

/// Days that distributions and denials are summed over.
const DAYS: i64 = 30;
/// Flows on page one, the widest: a message has its limit.
const FLOWS_MAX: usize = 1_000;
/// Agencies of which page one tells how long things took, or how often they were refused something.
const AGENCIES_MAX: usize = 100;
/// Suspensions that page one tells.
const SUSPENSIONS_MAX: usize = 100;
/// The newest incidents of a cause that are told.
const NEWEST_MAX: usize = 3;
/// Departments that are behind and are told by name.
const BEHIND_MAX: usize = 100;
/// Who is owed something for so long is behind, although it is reached.
const OWED_LONG: SignedDuration = SignedDuration::from_hours(1);
/// Of the time, how much may go into computing page one, whoever asks how often: one part in so many, while
/// whoever asks waits no longer than the rest for it.
const SHARE: u32 = 10;
const REST_MAX: Duration = Duration::from_secs(1);
/// How old page one may be although nothing was heard of: some of it changes with the time.
const AGE_MAX: Duration = Duration::from_secs(5);

/// Page one as it was computed last. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct Page(Arc<Mutex<Option<Computed>>>);

#[derive(Debug)]
struct Computed {
    heard: Heard,
    begun: Instant,
    took: Duration,
    page: v1::OverviewResponse,
}

/// How often anything rang that page one tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Heard {
    commits: Committed,
    departments: u64,
}

impl Computed {
    /// Whether it is no older than what whoever asked then may know of.
    fn is_fresh(&self, asked: Instant, heard: Heard) -> bool {
        let is_unchanged = self.heard == heard && self.begun.elapsed() < AGE_MAX;
        self.begun >= asked || is_unchanged
    }

    /// When it may be computed again.
    fn rests_until(&self) -> Instant {
        let rest = (self.took * (SHARE - 1)).min(REST_MAX);
        self.begun + self.took + rest
    }
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

    /// Never behind what whoever asks has seen: it is computed after they asked, or nothing changed since.
    async fn page_one(&self) -> Result<v1::OverviewResponse, Status> {
        let asked = Instant::now();
        let mut last = self.page.0.lock().await;
        if let Some(computed) = last.as_ref() {
            if computed.is_fresh(asked, self.heard()) {
                return Ok(computed.page.clone());
            }
            sleep_until(computed.rests_until().into()).await;
        }
        let operator = self.clone();
        let (heard, begun) = (self.heard(), Instant::now());
        let page = blocking(move || operator.compute()).await?;
        *last = Some(Computed {
            heard,
            begun,
            took: begun.elapsed(),
            page: page.clone(),
        });
        Ok(page)
    }

    fn heard(&self) -> Heard {
        Heard {
            commits: self.belfry.commits.now(),
            departments: self.belfry.departments.now(),
        }
    }

    /// The departments that are behind.
    fn behind(&self, work: &Work, now: Timestamp) -> (Vec<v1::DepartmentStatus>, u32) {
        let directory = self.registry.directory();
        let mut behind: Vec<_> = work
            .loads()
            .filter_map(|load| {
                let since = load.owed_since?;
                let is_long = now.duration_since(since) > OWED_LONG;
                let is_behind = is_long || self.standings.is_away(&load.agency);
                let agency = directory.agency(load.agency.as_str())?;
                let is_suspended = || self.suspensions.is_department(&load.agency);
                (is_behind && !is_suspended()).then_some((since, agency))
            })
            .collect();
        behind.sort_by_key(|(since, agency)| (*since, agency.code.clone()));
        let total = u32::try_from(behind.len()).unwrap_or(u32::MAX);
        let told = behind.into_iter().take(BEHIND_MAX);
        let told = told.map(|(_, agency)| self.department(agency, work));
        (told.collect(), total)
    }

    fn compute(&self) -> Result<v1::OverviewResponse, Status> {
        let (reader, names, now) = (&self.reader, Names::of(&self.registry), Timestamp::now());
        let today = civil_date(now);
        let attention = reader.causes_open().map_err(unreadable)?;
        let mut flows = reader.flows().map_err(unreadable)?;
        let work = Work::of(reader.loads().map_err(unreadable)?, &flows);
        let (departments_behind, departments_behind_total) = self.behind(&work, now);
        flows.sort_by_key(|flow| std::cmp::Reverse(flow.open));
        let month = today.saturating_sub(DAYS.days());
        let tomorrow = today.saturating_add(1.day());
        let tallies = reader.tallies(month, tomorrow).map_err(unreadable)?;
        let mut denied = reader.denied(month, tomorrow).map_err(unreadable)?;
        denied.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let distributions = measures::distributions(&tallies, &names);
        let mut suspensions = reader.suspensions().map_err(unreadable)?;
        suspensions.sort_by_key(|one| std::cmp::Reverse(one.since));
        Ok(v1::OverviewResponse {
            suspensions_total: u32::try_from(suspensions.len()).unwrap_or(u32::MAX),
            at: wire::timestamp(now),
            attention: attention
                .into_iter()
                .map(|open| {
                    let cause = causes::of(&open.cause);
                    let newest = reader
                        .incidents(false, Some(&open.cause), None, NEWEST_MAX)?
                        .into_iter()
                        .map(|one| incident(reader.as_ref(), &names, one));
                    Ok(v1::CauseCount {
                        newest: newest.collect::<Result<_, _>>()?,
                        cause_class: cause.class.into(),
                        count: open.count,
                        oldest_at: wire::timestamp(open.oldest_at),
                        owner: cause.owner.into(),
                        redrive: cause.redrive.into(),
                        suggestion: Some(v1::Text {
                            vi: cause.suggestion.vi.into(),
                            en: cause.suggestion.en.into(),
                        }),
                        cause: open.cause,
                    })
                })
                .collect::<Result<_, StoreError>>()
                .map_err(unreadable)?,
            other_flows: flows.get(FLOWS_MAX..).map(|narrow| v1::Flow {
                open: narrow.iter().map(|flow| flow.open).sum(),
                overdue: narrow.iter().map(|flow| flow.overdue).sum(),
                ..v1::Flow::default()
            }),
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
            suspensions: suspensions
                .into_iter()
                .take(SUSPENSIONS_MAX)
                .map(suspension)
                .collect(),
            departments_behind,
            departments_behind_total,
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
