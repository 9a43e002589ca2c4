//! Forms: the papers of a dossier, and the desk's register.

use super::{Caller, Case, Desk, bad_field, blocking, unreadable};
use crate::{
    access::DeskCall,
    papers::{self, NoPaper, register, register_row},
};
use ::forms::{Form, FormError, FormKind};
use contract::v1;
use dossier::name::AgencyCode;
use jiff::Timestamp;
use node::fault::Fault;
use tonic::{Code, Status};

/// Lines that a register may have in one paper.
const REGISTER_ROWS_MAX: usize = 2_000;
/// Bytes of a paper: with what is around it, it must fit into one message.
const PAPER_BYTES_MAX: usize = 1_000_000;
/// Dossiers read at once for a register.
const PAGE_ROWS: usize = 500;

fn no_paper(why: NoPaper) -> Status {
    Fault::new(
        Code::FailedPrecondition,
        "NO_SUCH_PAPER",
        why.to_string(),
        "Hồ sơ chưa có giấy tờ này. Kiểm tra lại trạng thái hồ sơ.",
    )
    .into_status()
}

fn not_typeset(error: &FormError) -> Status {
    tracing::error!(%error, "a paper was not typeset");
    Fault::new(
        Code::FailedPrecondition,
        "PAPER_NOT_TYPESET",
        format!("the paper cannot be typeset: {error}"),
        "Không in được giấy tờ này. Báo người quản trị biểu mẫu.",
    )
    .into_status()
}

fn too_long(what: &str) -> Status {
    Fault::new(
        Code::OutOfRange,
        "PAPER_TOO_LONG",
        format!("the paper has more than {what}; ask for a shorter period"),
        "Giấy tờ quá dài. Chọn khoảng thời gian ngắn hơn.",
    )
    .into_status()
}

fn words() -> String {
    FormKind::ALL
        .iter()
        .map(|kind| kind.word())
        .collect::<Vec<_>>()
        .join(", ")
}

fn instant(field: &str, at: Option<&prost_types::Timestamp>) -> Result<Timestamp, Status> {
    at.and_then(|at| Timestamp::new(at.seconds, at.nanos).ok())
        .ok_or_else(|| bad_field(field, "an instant: the register is of a period"))
}

impl Desk {
    pub(super) async fn serve_get_form(
        &self,
        caller: Caller,
        request: v1::GetFormRequest,
    ) -> Result<v1::GetFormResponse, Status> {
        let desk = self.clone();
        blocking(move || {
            let kind = FormKind::from_word(&request.form)
                .ok_or_else(|| bad_field("form", &format!("one of: {}", words())))?;
            let (form, of) = match kind {
                FormKind::TrackingRegister => desk.register(&caller.agency, &request)?,
                _ => {
                    let case =
                        desk.case(&caller.agency, &request.dossier_code, DeskCall::GetForm)?;
                    let form = case.form(kind, request.supplement_number)?;
                    (form, case.dossier.code().to_string())
                }
            };
            let pdf = desk
                .forms
                .typeset(&form)
                .map_err(|error| not_typeset(&error))?;
            if pdf.len() > PAPER_BYTES_MAX {
                return Err(too_long(&format!("{PAPER_BYTES_MAX} bytes")));
            }
            Ok(v1::GetFormResponse {
                pdf: pdf.into(),
                file_name: format!("{}-{of}.pdf", kind.word()),
            })
        })
        .await
    }

    /// The desk's register over a period, oldest dossier first.
    fn register(
        &self,
        desk: &AgencyCode,
        request: &v1::GetFormRequest,
    ) -> Result<(Form, String), Status> {
        let from = instant("from", request.from.as_ref())?;
        let until = instant("until", request.until.as_ref())?;
        if until <= from {
            return Err(bad_field("until", "after `from`"));
        }
        let mut found = Vec::new();
        let mut before = None;
        loop {
            let rows = self
                .reader
                .dossiers(Some(desk), false, before, PAGE_ROWS)
                .map_err(|error| unreadable(&error))?;
            let is_last = rows.len() < PAGE_ROWS;
            before = rows.last().map(|row| row.number);
            // The newest come first: past the period nothing more is of it.
            let past = rows
                .last()
                .is_some_and(|row| row.summary.received_at < from);
            let of_period = rows
                .into_iter()
                .filter(|row| (from..until).contains(&row.summary.received_at))
                .filter(|row| row.summary.desk == *desk && row.quarantined.is_none());
            found.extend(of_period.map(|row| row.dossier_id));
            if found.len() > REGISTER_ROWS_MAX {
                return Err(too_long(&format!("{REGISTER_ROWS_MAX} lines")));
            }
            if is_last || past {
                break;
            }
        }
        found.reverse();
        let mut lines = Vec::with_capacity(found.len());
        for (n, id) in found.iter().enumerate() {
            let Some(case) = Case::load(self.reader.as_ref(), &self.registry, id)? else {
                continue;
            };
            let number = u32::try_from(n + 1).unwrap_or(u32::MAX);
            lines.push(case.on_paper(|paper| register_row(paper, number)));
        }
        let directory = self.registry.directory();
        let paper = register(&directory, desk, (from, until), lines, Timestamp::now());
        Ok((paper.into(), desk.to_string()))
    }
}

impl Case {
    fn form(&self, kind: FormKind, supplement: u32) -> Result<Form, Status> {
        self.on_paper(|paper| paper.form(kind, supplement))
            .map_err(no_paper)
    }

    fn on_paper<T>(&self, fill: impl FnOnce(&papers::Case<'_>) -> T) -> T {
        let rules = self.rulebook.rules();
        fill(&papers::Case {
            dossier: &self.dossier,
            entries: &self.entries,
            procedure: rules.procedure,
            directory: rules.directory,
            hash: &|sequence| self.hash(sequence),
            now: Timestamp::now(),
        })
    }
}
