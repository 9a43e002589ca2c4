//! What is done with bytes from outside: one function for each door, called by the fuzz targets with
//! whatever they make up, and by the whole-system tests with the committed corpora. Each must answer, and
//! what it takes must hold together.

mod files;
mod lines;

use broker::{records, wire};
use contract::v1;
use dossier::{
    Procedure,
    calendar::Calendar,
    code::{CodeParts, CodePattern, ResultCode},
    condition::{Condition, Facts},
    directory::Directory,
    extract::{Pointer, extract},
    identifier::{BirthNoticeNumber, Identifier, Scheme},
    limit::Limit,
    name::{AgencyCode, DossierCode, Key},
    schema::Schemas,
};
use jiff::{Timestamp, ToSpan as _};
use node::{
    identity::{Identity, Peer},
    traces::{Context, TRACEPARENT_BYTES},
};
use prost::Message;
use rustls::pki_types::CertificateDer;
use std::sync::OnceLock;

/// A door and what is done with what comes through it.
pub type Target = (&'static str, fn(&[u8]));

/// All of them, by the names of their corpora.
pub const TARGETS: [Target; 23] = [
    ("message", message),
    ("deed", deed),
    ("trace", trace),
    ("certificate", certificate),
    ("procedure", procedure),
    ("calendar", calendar),
    ("directory", directory),
    ("schema", schema),
    ("condition", condition),
    ("code", code),
    ("evidence", evidence),
    ("record", record),
    ("config", files::config),
    ("credentials", files::credentials),
    ("denied", files::denied),
    ("filing", files::filing),
    ("script", files::script),
    ("template", files::template),
    ("font", files::font),
    ("envelopes", lines::envelopes),
    ("document", lines::document),
    ("token", lines::token),
    ("notice", lines::notice),
];

/// What is before the first such byte, and what after it.
fn halves(bytes: &[u8], between: u8) -> (&[u8], &[u8]) {
    let mut halves = bytes.splitn(2, |byte| *byte == between);
    let first = halves.next().unwrap_or_default();
    (first, halves.next().unwrap_or_default())
}

fn shipped_directory() -> &'static Directory {
    static DIRECTORY: OnceLock<Directory> = OnceLock::new();
    DIRECTORY.get_or_init(|| {
        let toml = include_str!("../../deploy/directory.toml");
        Directory::parse("directory.toml", toml).expect("the shipped directory is sound")
    })
}

/// Decodes a message, sees that it is the same when it was encoded again, and lets the border read it.
fn read<M: Message + Default>(bytes: &[u8], border: impl Fn(&M, &Directory) -> bool) {
    if let Ok(message) = M::decode(bytes) {
        let again = M::decode(message.encode_to_vec().as_slice());
        let again = again.expect("what was encoded can be decoded");
        assert_eq!(wire::item_digest(&message), wire::item_digest(&again));
        let _ = border(&message, shipped_directory());
    }
}

/// What operators ask: the first byte chooses the message, the border reads it.
pub fn deed(bytes: &[u8]) {
    use v1::*;
    let Some((&kind, bytes)) = bytes.split_first() else {
        return;
    };
    match kind % 10 {
        0 => read(bytes, |m: &SearchDossiersRequest, d| {
            wire::search(m, d).is_ok()
        }),
        1 => read(bytes, |m: &FindPersonRequest, d| {
            wire::find_person(m, d).is_ok()
        }),
        2 => read(bytes, |m: &MoveStepRequest, d| {
            wire::move_step(m, d).is_ok()
        }),
        3 => read(bytes, |m: &ExtendStepRequest, d| {
            wire::extend_step(m, d).is_ok()
        }),
        4 => read(bytes, |m: &RetryNowRequest, d| wire::retry(m, d).is_ok()),
        5 => read(bytes, |m: &RedriveIncidentsRequest, d| {
            let read = wire::redrive(m, d);
            read.is_ok_and(|read| {
                let named = &m.incident_ids;
                assert!(read.incidents.iter().all(|id| named.contains(id)));
                true
            })
        }),
        6 => read(bytes, |m: &SuspendDepartmentRequest, d| {
            wire::suspend_department(m, d).is_ok()
        }),
        7 => read(bytes, |m: &SuspendProcedureRequest, d| {
            wire::suspend_procedure(m, d).is_ok()
        }),
        8 => read(bytes, |m: &ReleaseDossierRequest, d| {
            wire::release(m, d).is_ok()
        }),
        _ => read(bytes, |_: &ReconcileRequest, _| true),
    }
}

/// What another side says of the trace that it is in.
pub fn trace(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    if let Some(context) = Context::parse(&text) {
        assert!(Context::parse(&context.to_string()) == Some(context));
        assert_eq!(text.len(), TRACEPARENT_BYTES);
    }
}

/// What other systems send: the first byte chooses the message, the border reads it.
pub fn message(bytes: &[u8]) {
    let Some((&kind, bytes)) = bytes.split_first() else {
        return;
    };
    macro_rules! door {
        ($message:ty, $read:expr) => {
            read::<$message>(bytes, $read)
        };
    }
    match kind % 17 {
        0 => door!(v1::SubmitRequest, |m, d| wire::submit(m, d).is_ok()),
        1 => door!(v1::Item, |m, d| wire::report(m, d).is_ok()),
        2 => door!(v1::ReceiveRequest, |m, d| wire::receive(m, d).is_ok()),
        3 => door!(v1::RefuseIntakeRequest, |m, d| wire::refuse_intake(m, d)
            .is_ok()),
        4 => door!(v1::RequestSupplementRequest, |m, d| {
            wire::request_supplement(m, d).is_ok()
        }),
        5 => door!(v1::AnswerSupplementRequest, |m, d| {
            wire::answer_supplement(m, d).is_ok()
        }),
        6 => door!(v1::RecordConsentRequest, |m, d| wire::record_consent(m, d)
            .is_ok()),
        7 => door!(v1::CompleteStepRequest, |m, d| wire::complete_step(m, d)
            .is_ok()),
        8 => door!(v1::ConfirmPaymentRequest, |m, d| wire::confirm_payment(
            m, d
        )
        .is_ok()),
        9 => door!(v1::WithdrawRequest, |m, d| wire::withdraw(m, d).is_ok()),
        10 => door!(v1::StopRequest, |m, d| wire::stop(m, d).is_ok()),
        11 => door!(v1::ResumeRequest, |m, d| wire::resume(m, d).is_ok()),
        12 => door!(v1::ReportFaultRequest, |m, d| wire::report_fault(m, d)
            .is_ok()),
        13 => door!(v1::HandOutResultRequest, |m, d| wire::hand_out_result(m, d)
            .is_ok()),
        14 => door!(v1::LeaseCodesRequest, |m, d| wire::lease(m, d).is_ok()),
        15 => door!(v1::MoveStepRequest, |m, d| wire::move_step(m, d).is_ok()),
        _ => door!(v1::Envelope, |_, _| true),
    }
}

/// What a peer shows in the handshake.
pub fn certificate(bytes: &[u8]) {
    let der = CertificateDer::from(bytes);
    if let Ok(peer) = Peer::from_certificate(&der) {
        let again: Identity = peer.identity.uri().parse().expect("its own URI");
        assert_eq!(again, peer.identity);
    }
}

/// A procedure file.
pub fn procedure(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    match Procedure::parse("procedure.toml", text) {
        Ok(procedure) => {
            let again = Procedure::parse("procedure.toml", text).expect("read twice");
            assert_eq!(procedure.digest, again.digest);
            let steps = procedure.text.steps.iter();
            for need in steps.flat_map(|(_, step)| &step.needs) {
                assert!(procedure.evidence(&need.evidence).is_some());
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// A calendar file: no time runs backwards in it.
pub fn calendar(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    let Ok(calendar) = Calendar::parse("calendar.toml", text) else {
        return;
    };
    let from: Timestamp = "2026-02-13T08:00:00Z".parse().expect("an instant");
    let mut at = from;
    for limit in ["1 working hour", "1 working day", "3 working days"] {
        let limit: Limit = limit.parse().expect("a limit");
        let starts = calendar.starts(at, None);
        assert!(starts >= at, "{starts} is before {at}");
        let ends = calendar.ends(starts, limit);
        assert!(ends >= starts, "{ends} is before {starts}");
        let half = starts + ends.duration_since(starts) / 2;
        let left = calendar.remaining(half, ends, limit.unit);
        assert!(calendar.resumes(half, left) >= half);
        at += 36.hours();
    }
    assert!(!calendar.working_time(from, at).is_negative());
}

/// The directory file.
pub fn directory(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(directory) = Directory::parse("directory.toml", text) {
        for agency in directory.agencies() {
            let by_code = directory.agency(agency.code.as_str());
            assert_eq!(by_code.map(|one| &one.code), Some(&agency.code));
        }
    }
}

/// A schema file, and data for it after a line of its own.
pub fn schema(bytes: &[u8]) {
    let mut halves = bytes.splitn(2, |byte| *byte == 0);
    let (Some(schema), data) = (halves.next(), halves.next().unwrap_or_default()) else {
        return;
    };
    let Ok(schema) = std::str::from_utf8(schema) else {
        return;
    };
    let files = vec![("made-up.json".to_owned(), schema.to_owned())];
    if let Ok(schemas) = Schemas::new(files) {
        let ids: Vec<&str> = schemas.ids().collect();
        for id in ids {
            let once = schemas.check(id, data).is_ok();
            assert_eq!(once, schemas.check(id, data).is_ok());
        }
    }
}

/// A condition of a procedure, judged by data that is as strange as itself.
pub fn condition(bytes: &[u8]) {
    let mut halves = bytes.splitn(2, |byte| *byte == 0);
    let (text, data) = (halves.next().unwrap_or_default(), halves.next());
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let Ok(condition) = Condition::parse(text) else {
        return;
    };
    let again = Condition::parse(condition.text()).expect("read twice");
    assert_eq!(condition.evidence(), again.evidence());
    let asked = condition.asks().clone();
    for represented in [false, true] {
        let facts = Facts {
            data: &|_| data,
            asked: &asked,
            represented,
        };
        assert_eq!(condition.judge(&facts), again.judge(&facts));
    }
}

/// Codes and numbers of every sort.
pub fn code(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(code) = text.parse::<DossierCode>() {
        assert_eq!(code.as_str(), text);
        if let Some(parts) = CodeParts::of(&code) {
            assert!(text.starts_with(parts.agency.as_str()));
        }
    }
    if let Ok(pattern) = text.parse::<CodePattern>() {
        let agency: AgencyCode = "H99.01.01".parse().expect("an agency");
        let day = jiff::civil::date(2026, 11, 22);
        if let Ok(code) = pattern.format(&agency, day, pattern.numbers_max()) {
            let parts = pattern.parse(code.as_str()).expect("its own code");
            assert_eq!((parts.date, parts.number), (day, pattern.numbers_max()));
        }
    }
    for scheme in Scheme::ALL {
        if let Ok(one) = Identifier::new(scheme, text) {
            assert!(scheme.accepts(&one.value));
        }
    }
    let _ = text.parse::<ResultCode>();
    let _ = text.parse::<BirthNoticeNumber>();
    let _ = text.parse::<Limit>();
    let _ = text.parse::<Identity>();
    if let Ok(key) = text.parse::<Key>() {
        assert!(!key.as_str().is_empty());
    }
}

/// Evidence data, and what is taken from it: pointers, one a line, before it.
pub fn evidence(bytes: &[u8]) {
    let mut halves = bytes.splitn(2, |byte| *byte == 0);
    let (lines, data) = (halves.next().unwrap_or_default(), halves.next());
    let Ok(lines) = std::str::from_utf8(lines) else {
        return;
    };
    let pointers: Vec<Pointer> = lines
        .lines()
        .filter_map(|line| line.parse().ok())
        .take(8)
        .collect();
    let data = data.unwrap_or_default();
    // An item of a list is the first of its own list once it was taken out.
    let is_of_lists = |pointer: &Pointer| {
        let mut tokens = pointer.tokens().iter();
        tokens.any(|token| token.bytes().all(|byte| byte.is_ascii_digit()))
    };
    if let Ok(taken) = extract(data, &pointers)
        && !pointers.iter().any(is_of_lists)
    {
        let again = extract(&taken, &pointers).expect("an extract has what was taken");
        assert_eq!(again, taken, "an extract of an extract is itself");
    }
}

/// What the broker itself wrote down, damaged.
pub fn record(bytes: &[u8]) {
    let mut halves = bytes.splitn(2, |byte| *byte == 0xff);
    let (bytes, beside) = (halves.next().unwrap_or_default(), halves.next());
    let kept = records::Kept {
        sequence: 1,
        bytes: bytes.to_vec(),
        personal: beside.map(|bytes| records::Beside {
            salt: [7; 16],
            bytes: bytes.to_vec(),
        }),
    };
    let _ = records::decode(&kept);
    let _ = records::decode_given(bytes);
}
