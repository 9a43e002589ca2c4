//! Departments: how each of them does.

use super::{Operator, bad_field, unreadable};
use crate::{
    access,
    desk::{blocking, page},
    persons::folded,
    standings::Standing,
    store::{FlowRow, Load, Reader},
    wire,
};
use contract::v1;
use dossier::{directory::Agency, name::AgencyCode};
use jiff::Timestamp;
use std::collections::BTreeMap;
use tonic::Status;

/// Bytes of what departments are found by.
const FIND_BYTES_MAX: usize = 200;
const PAGE_DEPARTMENTS: u32 = 100;
const PAGE_DEPARTMENTS_MAX: u32 = 500;

impl Operator {
    pub(super) async fn serve_list_departments(
        &self,
        _: access::Operator,
        request: v1::ListDepartmentsRequest,
    ) -> Result<v1::ListDepartmentsResponse, Status> {
        let limit = page(request.page_size, PAGE_DEPARTMENTS, PAGE_DEPARTMENTS_MAX);
        if request.find.len() > FIND_BYTES_MAX {
            return Err(bad_field(
                "find",
                &format!("at most {FIND_BYTES_MAX} bytes"),
            ));
        }
        let wanted = folded(&request.find);
        let has = |text: &str| folded(text).contains(&wanted);
        let is_wanted =
            |agency: &Agency| wanted.is_empty() || has(agency.code.as_str()) || has(&agency.name);
        let reader = self.reader.clone();
        let work = blocking(move || Work::read(reader.as_ref())).await?;
        let directory = self.registry.directory();
        // Any text is a place among the codes: the last code of the page before.
        let after = request.page_token.as_str();
        let mut departments = directory
            .agencies()
            .filter(|agency| !agency.roles.is_empty())
            .filter(|agency| agency.code.as_str() > after && is_wanted(agency));
        let shown: Vec<_> = departments
            .by_ref()
            .take(limit)
            .map(|agency| self.department(agency, &work))
            .collect();
        let next_page_token = match (departments.next(), shown.last()) {
            (Some(_), Some(last)) => last.agency_code.clone(),
            _ => String::new(),
        };
        Ok(v1::ListDepartmentsResponse {
            departments: shown,
            next_page_token,
        })
    }

    pub(super) fn department(&self, agency: &Agency, work: &Work) -> v1::DepartmentStatus {
        let directory = self.registry.directory();
        let system = directory.system_of(&agency.code, Timestamp::now());
        let load = work.loads.get(&agency.code);
        let Standing {
            connected_since,
            certificate_expires_at,
            version,
            under_way,
            under_way_max,
            failures,
            last_error,
            verdicts_last_minute,
            owed_by_minute,
        } = self.standings.of(&agency.code);
        v1::DepartmentStatus {
            agency_code: agency.code.to_string(),
            name: agency.name.clone(),
            system_code: system.map(|one| one.code.clone()).unwrap_or_default(),
            connected_since: connected_since.and_then(wire::timestamp),
            owed: load.map_or(0, |load| load.owed),
            first_due_at: load
                .and_then(|load| load.first_due_at)
                .and_then(wire::timestamp),
            owed_since: load
                .and_then(|load| load.owed_since)
                .and_then(wire::timestamp),
            window_items: under_way,
            suspended: self.suspensions.is_department(&agency.code),
            window_items_max: under_way_max,
            open_steps: load.map_or(0, |load| load.open_steps),
            overdue_steps: work.overdue.get(&agency.code).copied().unwrap_or_default(),
            verdicts_last_minute,
            failures,
            last_error,
            certificate_expires_at: certificate_expires_at.and_then(wire::timestamp),
            version,
            owed_by_minute,
            is_reachable: connected_since.is_some(),
        }
    }
}

/// What departments have before them.
pub(super) struct Work {
    loads: BTreeMap<AgencyCode, Load>,
    overdue: BTreeMap<AgencyCode, u64>,
}

impl Work {
    fn read(reader: &dyn Reader) -> Result<Self, Status> {
        let loads = reader.loads().map_err(unreadable)?;
        Ok(Self::of(loads, &reader.flows().map_err(unreadable)?))
    }

    pub(super) fn of(loads: Vec<Load>, flows: &[FlowRow]) -> Self {
        let mut overdue = BTreeMap::new();
        for flow in flows {
            *overdue.entry(flow.agency.clone()).or_default() += flow.overdue;
        }
        let loads = loads.into_iter();
        let loads = loads.map(|load| (load.agency.clone(), load)).collect();
        Self { loads, overdue }
    }

    /// What each has before it, by code.
    pub(super) fn loads(&self) -> impl Iterator<Item = &Load> {
        self.loads.values()
    }
}
