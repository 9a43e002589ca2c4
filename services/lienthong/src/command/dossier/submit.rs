//! Submits a dossier.

use super::DeskArgs;
use crate::{
    screen::{json, tell, time},
    spool,
};
use anyhow::bail;
use clap::Args;
use desk::{Desk, OpenError, StoreError, Submission, form::Form};
use node::embedded::EmbeddedError;
use serde_json::json;
use std::{
    path::{Path, PathBuf},
    time::Duration,
};
use uuid::Uuid;

/// Submit a dossier: the form, and the papers that the citizen brought.
///
/// It is kept in the desk's store before it is sent. Where a desk runs on that store already, it goes
/// through that desk's spool folder.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  lienthong dossier submit --procedure birth --file dossier.json \\\n      --attach birth_notice=giay-chung-sinh.pdf"
)]
pub(crate) struct SubmitCommand {
    /// The procedure; the form's when left out.
    #[arg(long, value_name = "CODE")]
    procedure: Option<String>,
    /// The form, JSON.
    #[arg(long, value_name = "FILE")]
    file: PathBuf,
    /// A paper and the evidence that it belongs to; may be given several times.
    #[arg(long, value_name = "EVIDENCE=FILE", value_parser = attachment)]
    attach: Vec<(String, PathBuf)>,
    /// Names this submission: the same key gives the same dossier for ever. New when left out.
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
    /// Seconds to wait for the broker; what is not sent by then is sent while the desk runs.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    wait: u64,
    #[command(flatten)]
    desk: DeskArgs,
}

impl SubmitCommand {
    pub(super) async fn run(self, json: bool) -> anyhow::Result<()> {
        let config = self.desk.config()?;
        let mut form = Form::load(&self.file)?;
        if let Some(procedure) = self.procedure {
            form.procedure = procedure;
        }
        // A paper that the form names and that is attached too is the same paper.
        let folder = self.file.parent().unwrap_or(Path::new(""));
        for (name, given) in &mut form.evidence {
            given.documents.retain(|path| {
                let path = folder.join(path);
                !self
                    .attach
                    .iter()
                    .any(|(evidence, file)| evidence == name && same(file, &path))
            });
        }
        let key = self.key.unwrap_or_else(|| Uuid::now_v7().to_string());
        let patience = Duration::from_secs(self.wait);
        let spool = config.spool_folder.clone();
        let (dossier_code, promised_at) = match Desk::open(config) {
            Ok(desk) => {
                let mut submission = Submission::new(form, folder).with_key(key.clone());
                for (evidence, paper) in self.attach {
                    submission = submission.attach(evidence, paper);
                }
                let receipt = desk.submit(submission, patience).await;
                desk.close().await;
                let receipt = receipt?;
                (receipt.dossier_code, time::read(&receipt.promised_at))
            }
            Err(OpenError::Store(StoreError::Embedded(EmbeddedError::InUse { path }))) => {
                let Some(spool) = spool else {
                    bail!(
                        "a desk runs on {} and has no spool folder; add spool_folder to its \
                         configuration, or end it first",
                        path.display()
                    );
                };
                let mut papers = self.attach;
                for (name, given) in &mut form.evidence {
                    let documents = std::mem::take(&mut given.documents);
                    papers.extend(
                        documents
                            .into_iter()
                            .map(|path| (name.clone(), folder.join(path))),
                    );
                }
                (
                    spool::put(&spool, &key, form, &papers)?
                        .receipt(patience)
                        .await?,
                    None,
                )
            }
            Err(error) => return Err(error.into()),
        };
        if json {
            return json::print(&json!({ "dossier_code": dossier_code, "submit_key": key }));
        }
        tell!("{dossier_code}");
        if let Some(at) = promised_at {
            tell!("promised until {}", time::full(at));
        }
        tell!("\nNext: lienthong dossier track {dossier_code}");
        Ok(())
    }
}

fn same(one: &Path, other: &Path) -> bool {
    match (one.canonicalize(), other.canonicalize()) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}

fn attachment(text: &str) -> Result<(String, PathBuf), String> {
    match text.split_once('=') {
        Some((evidence, file)) if !evidence.is_empty() && !file.is_empty() => {
            Ok((evidence.to_owned(), file.into()))
        }
        _ => Err("write EVIDENCE=FILE, such as birth_notice=giay-chung-sinh.pdf".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attachment_names_its_evidence() {
        let wanted = ("birth_notice".to_owned(), PathBuf::from("a=b.pdf"));
        assert_eq!(attachment("birth_notice=a=b.pdf"), Ok(wanted));
        for text in ["a.pdf", "=a.pdf", "birth_notice="] {
            assert!(attachment(text).is_err(), "{text}");
        }
    }
}
