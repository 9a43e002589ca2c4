//! The doors for files that people write: configurations, credentials, deny-lists, what a desk files, what
//! a scripted department answers, templates and fonts of the papers.

use super::halves;
use contract::v1;
use department::scripted::{Script, Scripted};
use desk::form::{ActForm, Form as DeskForm};
use forms::{
    ApologyExtensionLetter, ControlSlip, Form, FormKind, Forms, ReceiptSlip, RefusalNotice,
    StopNotice, SupplementRequest, TrackingRegister, TransferSlip,
};
use node::{identity::DenyList, tls::Credentials};
use prost::Message as _;
use std::{
    path::{Path, PathBuf},
    sync::OnceLock,
};

/// A configuration of each service, and after a NUL the environment, a variable a line.
pub fn config(bytes: &[u8]) {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    let file = FILE.get_or_init(|| {
        let name = format!("lienthong-fuzz-{}.toml", std::process::id());
        std::env::temp_dir().join(name)
    });
    let (text, environment) = halves(bytes, 0);
    std::fs::write(file, text).expect("the temporary folder takes a file");
    let environment = String::from_utf8_lossy(environment);
    let variables = || {
        let lines = environment.lines().take(16);
        lines.filter_map(|line| {
            let (name, value) = line.split_once('=')?;
            Some((format!("FUZZ__{name}"), value.to_owned()))
        })
    };
    if let Ok(config) = node::config::load_with::<broker::Config>(file, "FUZZ", variables()) {
        let _ = config.check();
    }
    let _ = node::config::load_with::<department::Config>(file, "FUZZ", variables());
    let _ = node::config::load_with::<desk::Config>(file, "FUZZ", variables());
}

/// Credentials as PEM: authority, certificate and key, with NUL between them.
pub fn credentials(bytes: &[u8]) {
    let mut parts = bytes.splitn(3, |byte| *byte == 0);
    let mut part = || std::str::from_utf8(parts.next().unwrap_or_default());
    let (Ok(ca), Ok(certificate), Ok(key)) = (part(), part(), part()) else {
        return;
    };
    if let Ok(credentials) = Credentials::from_pem(ca, certificate, key) {
        assert!(!credentials.identity().code.is_empty());
    }
}

/// A deny-list: a serial or fingerprint a line.
pub fn denied(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Err(error) = DenyList::of(text.lines()) {
        assert!(!error.to_string().is_empty());
    }
}

/// What a desk files, as JSON: a dossier, or an act.
pub fn filing(bytes: &[u8]) {
    if let Err(error) = DeskForm::parse(bytes) {
        assert!(!error.to_string().is_empty());
    }
    if let Err(error) = ActForm::parse(bytes) {
        assert!(!error.to_string().is_empty());
    }
}

/// The script of a department, and after a NUL a handover that it answers.
pub fn script(bytes: &[u8]) {
    let (text, handover) = halves(bytes, 0);
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    let Ok(script) = Script::parse(text, Path::new("script.toml")) else {
        return;
    };
    let steps: Vec<_> = script.steps.iter().map(|step| step.id.clone()).collect();
    let scripted = Scripted::new(script);
    if let Ok(handover) = v1::Handover::decode(handover) {
        let _ = scripted.answers(&handover);
    }
    for step_id in steps {
        let handover = v1::Handover {
            step_id,
            task: v1::Task::Work.into(),
            ..v1::Handover::default()
        };
        let _ = scripted.answers(&handover);
    }
}

fn blank(kind: FormKind) -> Form {
    match kind {
        FormKind::ReceiptSlip => ReceiptSlip::default().into(),
        FormKind::SupplementRequest => SupplementRequest::default().into(),
        FormKind::RefusalNotice => RefusalNotice::default().into(),
        FormKind::ApologyExtensionLetter => ApologyExtensionLetter::default().into(),
        FormKind::StopNotice => StopNotice::default().into(),
        FormKind::ControlSlip => ControlSlip::default().into(),
        FormKind::TrackingRegister => TrackingRegister::default().into(),
        FormKind::TransferSlip => TransferSlip::default().into(),
    }
}

fn built_in() -> &'static Forms {
    static FORMS: OnceLock<Forms> = OnceLock::new();
    FORMS.get_or_init(Forms::builtin)
}

/// A province's template of a paper, which the first byte chooses. What is taken can be typeset.
pub fn template(bytes: &[u8]) {
    let Some((&kind, text)) = bytes.split_first() else {
        return;
    };
    let kind = FormKind::ALL[usize::from(kind) % FormKind::ALL.len()];
    let Ok(text) = std::str::from_utf8(text) else {
        return;
    };
    if let Ok(forms) = built_in().clone().with_template(kind, text) {
        // A blank paper may be refused; it may not break anything.
        let _ = forms.typeset(&blank(kind));
    }
}

/// A province's font. What is taken can be written with.
pub fn font(bytes: &[u8]) {
    if let Ok(forms) = built_in().clone().with_font(bytes.to_vec()) {
        let _ = forms.typeset(&blank(FormKind::StopNotice));
    }
}
