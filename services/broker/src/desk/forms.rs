//! Forms: the papers of a dossier, and the desk's register.

use super::{Caller, Case, Desk, bad_field, blocking, unreadable};
use crate::{
    access::DeskCall,
    papers::{self, NoPaper, quarantined_row, register, register_row},
    store::{DossierRow, Summary},
};
use ::forms::{Form, FormError, FormKind, RegisterRow};
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
        let mut lines = Vec::new();
        let mut after = None;
        loop {
            let rows = self
                .reader
                .register(desk, from, until, after, PAGE_ROWS)
                .map_err(|error| unreadable(&error))?;
            if lines.len() + rows.len() > REGISTER_ROWS_MAX {
                return Err(too_long(&format!("{REGISTER_ROWS_MAX} lines")));
            }
            for row in &rows {
                let number = u32::try_from(lines.len() + 1).unwrap_or(u32::MAX);
                lines.push(self.register_line(row, number)?);
            }
            match rows.last() {
                Some(last) if rows.len() == PAGE_ROWS => {
                    after = Some((last.summary.received_at, last.number));
                }
                _ => break,
            }
        }
        let directory = self.registry.directory();
        let paper = register(&directory, desk, (from, until), lines, Timestamp::now());
        Ok((paper.into(), desk.to_string()))
    }

    /// What cannot be read has a line, too: by what its row says.
    fn register_line(&self, row: &DossierRow, number: u32) -> Result<RegisterRow, Status> {
        match Case::load(self.reader.as_ref(), &self.registry, &row.dossier_id) {
            Ok(Some(case)) => Ok(case.on_paper(|paper| register_row(paper, number))),
            Err(status) if Fault::reason_of(&status).as_deref() != Some("DOSSIER_QUARANTINED") => {
                Err(status)
            }
            Ok(None) | Err(_) => {
                let Summary {
                    code,
                    procedure,
                    received_at,
                    promised_at,
                    ..
                } = &row.summary;
                let text = self.registry.rules_now(
                    procedure.as_str(),
                    &row.summary.territory,
                    *received_at,
                );
                let title = text.map(|rules| rules.rules().procedure.text.title.vi.clone());
                Ok(quarantined_row(
                    number,
                    code,
                    title.unwrap_or_else(|| procedure.to_string()),
                    (*received_at, *promised_at),
                ))
            }
        }
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
