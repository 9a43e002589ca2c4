//! Submits a dossier.

use super::{
    DeskArgs,
    act::{attachment, no_spool},
};
use crate::{
    screen::{json, tell, time},
    spool,
};
use anyhow::Context as _;
use clap::Args;
use desk::{Desk, OpenError, StoreError, Submission, SubmitError, form::Form};
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
    after_help = "Example:\n  lienthong dossier submit --procedure birth --file dossier.json \\\n      --attach birth_notice=giay-chung-sinh.pdf\n  lienthong dossier submit --file dossier.json --file-only"
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
    /// File it alone, as a portal does: an officer receives it afterwards. Otherwise it is filed and
    /// received at once.
    #[arg(long)]
    file_only: bool,
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
        form.file_only |= self.file_only;
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
        let spool = config.spool.clone();
        let (dossier_code, promised_at, sent) = match Desk::open(config) {
            Ok(desk) => {
                let mut submission = Submission::new(form, folder).with_key(key.clone());
                for (evidence, paper) in self.attach {
                    submission = submission.attach(evidence, paper);
                }
                let receipt = desk.submit(submission, patience).await;
                desk.close().await;
                match receipt {
                    Ok(receipt) => (receipt.dossier_code, time::read(&receipt.promised_at), true),
                    Err(SubmitError::NotYet {
                        dossier_code: Some(code),
                        ..
                    }) => (code, None, false),
                    Err(error) => return Err(error.into()),
                }
            }
            Err(OpenError::Store(StoreError::Embedded(EmbeddedError::InUse { path }))) => {
                let spool = spool.with_context(|| no_spool(&path))?;
                let mut papers = self.attach;
                for (name, given) in &mut form.evidence {
                    let documents = std::mem::take(&mut given.documents);
                    papers.extend(
                        documents
                            .into_iter()
                            .map(|path| (name.clone(), folder.join(path))),
                    );
                }
                let spooled = spool::put(&spool, &key, form, &papers)?;
                match spooled.receipt(patience).await {
                    Ok(code) => (code, None, true),
                    // The desk may have a code for it although the broker does not answer.
                    Err(error) => (spooled.provisional().ok_or(error)?, None, false),
                }
            }
            Err(error) => return Err(error.into()),
        };
        if json {
            let told = json!({ "dossier_code": dossier_code, "submit_key": key, "sent": sent });
            return json::print(&told);
        }
        tell!("{dossier_code}");
        if !sent {
            tell!("kept, and sent as soon as the broker answers (chưa gửi được, sẽ gửi sau)");
            return Ok(());
        }
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
