//! What a desk takes from its citizen after the filing: the answer to a supplement, a consent, the result
//! of a step of its own.

use super::act::{ActArgs, Paper, attachment, evidence, read};
use clap::Args;
use desk::form::{Deed, EvidenceForm};
use std::path::{Path, PathBuf};

/// Give what a supplement asked for, all of it.
#[derive(Debug, Args)]
#[command(
    after_help = "The file holds evidence as a form does: {\"charter\": {\"schema\": …, \"data\": …}}\n\nExample:\n  lienthong dossier answer H99.01.01-20261122-0000001 --file answer.json \\\n      --attach charter=dieu-le.pdf"
)]
pub(crate) struct AnswerCommand {
    /// The evidence, JSON.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// A paper and the evidence that it belongs to; may be given several times.
    #[arg(long, value_name = "EVIDENCE=FILE", value_parser = attachment)]
    attach: Vec<Paper>,
    /// Which supplement; the only open one when left out.
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    supplement: u32,
    #[command(flatten)]
    act: ActArgs,
}

impl AnswerCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let (evidence, folder) = evidence(self.file.as_deref())?;
        let deed = Deed::AnswerSupplement {
            supplement: self.supplement,
            evidence,
        };
        let done = "the supplement is answered (đã bổ sung)";
        self.act.bring(deed, self.attach, &folder, json, done).await
    }
}

/// Record that a person gave or refused a consent.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong dossier consent H99.01.01-20261122-0000001 householder_consent \\\n      --file consent.json\n  lienthong dossier consent H99.01.01-20261122-0000001 householder_consent \\\n      --refused-by householder --reason no"
)]
pub(crate) struct ConsentCommand {
    #[command(flatten)]
    act: ActArgs,
    /// The consent, as the procedure names it.
    consent: String,
    /// The consent given, JSON: its schema, data, and `subject`, who gives it.
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with = "refused_by",
        required_unless_present = "refused_by"
    )]
    file: Option<PathBuf>,
    /// The party that refuses it.
    #[arg(long, value_name = "PARTY", requires = "reason")]
    refused_by: Option<String>,
    /// Why it is refused.
    #[arg(long, default_value = "")]
    reason: String,
    /// A paper of it; may be given several times.
    #[arg(long, value_name = "FILE")]
    attach: Vec<PathBuf>,
}

impl ConsentCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let consent = self.consent;
        if let Some(party) = self.refused_by {
            let deed = Deed::RefuseConsent {
                consent,
                party,
                reason: self.reason,
            };
            let done = "the consent is refused (không đồng ý)";
            return self
                .act
                .bring(deed, vec![], Path::new(""), json, done)
                .await;
        }
        let (evidence, folder): (EvidenceForm, PathBuf) = match &self.file {
            Some(file) => read(file)?,
            None => Default::default(),
        };
        let papers = self.attach.into_iter();
        let papers = papers.map(|paper| (consent.clone(), paper)).collect();
        let deed = Deed::GiveConsent { consent, evidence };
        let done = "the consent is given (đã đồng ý)";
        self.act.bring(deed, papers, &folder, json, done).await
    }
}

/// Complete a step that is the desk's own.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong dossier complete-step H99.01.01-20261122-0000001 intake"
)]
pub(crate) struct CompleteStepCommand {
    #[command(flatten)]
    act: ActArgs,
    /// The step, as the procedure names it.
    step: String,
    /// The evidence that it gives, JSON.
    #[arg(long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// A paper and the evidence that it belongs to; may be given several times.
    #[arg(long, value_name = "EVIDENCE=FILE", value_parser = attachment)]
    attach: Vec<Paper>,
    /// For the control slip.
    #[arg(long, default_value = "")]
    note: String,
}

impl CompleteStepCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let (evidence, folder) = evidence(self.file.as_deref())?;
        let done = format!("{} is completed (đã hoàn thành)", self.step);
        let deed = Deed::CompleteStep {
            step: self.step,
            evidence,
            note: self.note,
        };
        self.act
            .bring(deed, self.attach, &folder, json, &done)
            .await
    }
}
