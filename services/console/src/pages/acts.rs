//! What an operator does from the pages: each with its reason, and told on the next page how it went.

use super::back;
use crate::{
    app::App, fields::Fields, gate::Form, time, trouble::Trouble, visit::Member, words::Words,
};
use axum::{
    extract::{Path, State},
    response::Response,
};
use contract::v1::{
    ExtendStepRequest, Limit, LimitUnit, MoveStepRequest, ReleaseDossierRequest, RetryNowRequest,
    SuspendDepartmentRequest, SuspendProcedureRequest,
};

/// The units in which a step may be extended.
pub(crate) fn unit_of(word: &str) -> LimitUnit {
    match word {
        "working_hour" => LimitUnit::WorkingHour,
        "calendar_day" => LimitUnit::CalendarDay,
        "elapsed_hour" => LimitUnit::ElapsedHour,
        "working_day" => LimitUnit::WorkingDay,
        // The broker says that it is none of these.
        _ => LimitUnit::Unspecified,
    }
}

/// Tells how it went, and goes back.
fn told(member: &Member, done: Result<String, Trouble>, to: &str) -> Response {
    let language = member.visit.language;
    match done {
        Ok(text) => member.session.tell(true, text),
        Err(trouble) => {
            let mut text = trouble.text(&language).to_owned();
            for (field, how) in &trouble.fields {
                text.push_str(&format!(" {field}: {how}."));
            }
            if !trouble.reason.is_empty() {
                text.push_str(&format!(" ({})", trouble.reason));
            }
            member.session.tell(false, text);
        }
    }
    back(to)
}

/// The reason, without which nothing is done.
fn reason(member: &Member, fields: &Fields) -> Result<String, Trouble> {
    let reason = fields.get("reason");
    if !reason.is_empty() {
        return Ok(reason.to_owned());
    }
    let both = [crate::language::Language::Vi, crate::language::Language::En];
    let [vi, en] = both.map(|language| Words::of(language).given_up);
    let _ = member;
    Err(Trouble::own(vi, en))
}

/// A path within the page; the code is whatever stood in the address.
fn path_to(folder: &str, code: &str) -> String {
    let encoded: String = form_urlencoded::byte_serialize(code.as_bytes()).collect();
    format!("/{folder}/{}", encoded.replace('+', "%20"))
}

/// `POST /dossiers/CODE/move`
pub(crate) async fn move_step(
    State(_): State<App>,
    Path(code): Path<String>,
    form: Form,
) -> Response {
    let Form { member, fields } = form;
    let w = Words::of(member.visit.language);
    let doing = async {
        let request = MoveStepRequest {
            request_id: fields.get("request_id").to_owned(),
            dossier_code: code.clone(),
            step_id: fields.get("step").to_owned(),
            to_agency_code: fields.get("to").to_owned(),
            reason: reason(&member, &fields)?,
        };
        let moved = member.caller.move_step(request).await?;
        Ok(format!("{} {}.", w.moved, moved.round))
    };
    let done = doing.await;
    told(&member, done, &path_to("dossiers", &code))
}

/// `POST /dossiers/CODE/extend`
pub(crate) async fn extend_step(
    State(_): State<App>,
    Path(code): Path<String>,
    form: Form,
) -> Response {
    let Form { member, fields } = form;
    let w = Words::of(member.visit.language);
    let doing = async {
        let request = ExtendStepRequest {
            request_id: fields.get("request_id").to_owned(),
            dossier_code: code.clone(),
            step_id: fields.get("step").to_owned(),
            limit: Some(Limit {
                amount: fields.get("amount").parse().unwrap_or(0),
                unit: unit_of(fields.get("unit")) as i32,
            }),
            reason: reason(&member, &fields)?,
        };
        let extended = member.caller.extend_step(request).await?;
        let until = time::read(&extended.promised_at).map_or_else(String::new, time::minute);
        Ok(format!("{} {until}.", w.extended))
    };
    let done = doing.await;
    told(&member, done, &path_to("dossiers", &code))
}

async fn retry(
    member: &Member,
    fields: &Fields,
    agency_code: String,
    dossier_code: String,
) -> Result<String, Trouble> {
    let request = RetryNowRequest {
        agency_code,
        reason: reason(member, fields)?,
        dossier_code,
    };
    let tried = member.caller.retry_now(request).await?;
    let w = Words::of(member.visit.language);
    Ok(format!("{} {}.", w.retried, tried.rounds))
}

/// `POST /dossiers/CODE/retry`
pub(crate) async fn retry_dossier(
    State(_): State<App>,
    Path(code): Path<String>,
    form: Form,
) -> Response {
    let Form { member, fields } = form;
    let agency = fields.get("agency").to_owned();
    let done = retry(&member, &fields, agency, code.clone()).await;
    told(&member, done, &path_to("dossiers", &code))
}

/// `POST /departments/CODE/retry`
pub(crate) async fn retry_department(
    State(_): State<App>,
    Path(code): Path<String>,
    form: Form,
) -> Response {
    let Form { member, fields } = form;
    let done = retry(&member, &fields, code, String::new()).await;
    told(&member, done, "/departments")
}

/// `POST /dossiers/CODE/release`
pub(crate) async fn release(
    State(_): State<App>,
    Path(code): Path<String>,
    form: Form,
) -> Response {
    let Form { member, fields } = form;
    let w = Words::of(member.visit.language);
    let doing = async {
        let request = ReleaseDossierRequest {
            dossier_id: fields.get("dossier_id").to_owned(),
            reason: reason(&member, &fields)?,
        };
        member.caller.release_dossier(request).await?;
        Ok(w.released.to_owned())
    };
    let done = doing.await;
    told(&member, done, &path_to("dossiers", &code))
}

/// What was done to a switch.
fn switched(w: &Words, suspended: bool) -> String {
    if suspended {
        w.was_suspended
    } else {
        w.was_resumed
    }
    .to_owned()
}

/// `POST /departments/CODE/suspend`
pub(crate) async fn suspend_department(
    State(_): State<App>,
    Path(code): Path<String>,
    form: Form,
) -> Response {
    let Form { member, fields } = form;
    let suspended = fields.get("suspended") == "1";
    let doing = async {
        let request = SuspendDepartmentRequest {
            agency_code: code,
            suspended,
            reason: reason(&member, &fields)?,
        };
        member.caller.suspend_department(request).await?;
        Ok(switched(Words::of(member.visit.language), suspended))
    };
    let done = doing.await;
    told(&member, done, "/departments")
}

/// `POST /procedures/CODE/suspend`
pub(crate) async fn suspend_procedure(
    State(_): State<App>,
    Path(code): Path<String>,
    form: Form,
) -> Response {
    let Form { member, fields } = form;
    let suspended = fields.get("suspended") == "1";
    let doing = async {
        let request = SuspendProcedureRequest {
            procedure_code: code,
            suspended,
            reason: reason(&member, &fields)?,
        };
        member.caller.suspend_procedure(request).await?;
        Ok(switched(Words::of(member.visit.language), suspended))
    };
    let done = doing.await;
    told(&member, done, "/departments")
}
