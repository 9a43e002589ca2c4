//! How an act of a desk is brought: through the desk's store, or through the spool of a desk that runs.

use super::DeskArgs;
use crate::{
    screen::{json, tell},
    spool,
};
use anyhow::{Context as _, bail};
use clap::Args;
use desk::{
    Act, Answer, Desk, OpenError, StoreError, SubmitError,
    form::{ActForm, Deed, EvidenceForm, OfficerForm},
};
use node::embedded::EmbeddedError;
use serde::de::DeserializeOwned;
use serde_json::json;
use std::{
    fs,
    path::{Path, PathBuf},
    time::Duration,
};

/// What every act for a dossier says.
#[derive(Debug, Args)]
pub(super) struct ActArgs {
    /// The dossier's code.
    pub(super) code: String,
    /// The officer who does it.
    #[arg(long, value_name = "NAME")]
    officer: Option<String>,
    /// The officer's title.
    #[arg(long, default_value = "", requires = "officer")]
    title: String,
    /// The officer's office.
    #[arg(long, default_value = "", requires = "officer")]
    office: String,
    /// Names this act: the same name again does it once. New when left out.
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// Seconds to wait for the broker; what is not done by then is done while the desk runs.
    #[arg(long, value_name = "SECONDS", default_value_t = 30)]
    wait: u64,
    #[command(flatten)]
    pub(super) desk: DeskArgs,
}

/// A paper and the evidence that it belongs to.
pub(super) type Paper = (String, PathBuf);

impl ActArgs {
    /// Brings it, and tells `done` when it is done.
    pub(super) async fn bring(
        self,
        deed: Deed,
        papers: Vec<Paper>,
        folder: &Path,
        json: bool,
        done: &str,
    ) -> anyhow::Result<()> {
        let config = self.desk.config()?;
        let officer = self.officer.map(|name| OfficerForm {
            name,
            title: self.title,
            office: self.office,
        });
        let form = ActForm {
            dossier: self.code.clone(),
            officer,
            act: deed,
        };
        let id = self.id.unwrap_or_else(|| uuid::Uuid::now_v7().to_string());
        let patience = Duration::from_secs(self.wait);
        let spool = config.spool.clone();
        let number = match Desk::open(config) {
            Ok(desk) => {
                let mut act = Act::new(form, folder).with_id(id.clone());
                for (evidence, paper) in papers {
                    act = act.attach(evidence, paper);
                }
                let answer = desk.act(act, patience).await;
                desk.close().await;
                match answer {
                    Ok(Answer::SupplementAsked(asked)) => Some(asked.supplement_number),
                    Ok(_) => None,
                    Err(SubmitError::NotYet { why, .. }) => bail!(
                        "kept as {id} and not done yet: {why}; it is done as soon as the broker answers"
                    ),
                    Err(error) => return Err(error.into()),
                }
            }
            Err(OpenError::Store(StoreError::Embedded(EmbeddedError::InUse { path }))) => {
                let spool = spool.with_context(|| no_spool(&path))?;
                spool::put_act(&spool, &id, form, folder, &papers)?
                    .done(patience)
                    .await?
            }
            Err(error) => return Err(error.into()),
        };
        if json {
            let mut told = json!({ "dossier_code": self.code, "request_id": id });
            if let Some(number) = number {
                told["supplement_number"] = number.into();
            }
            return json::print(&told);
        }
        tell!("{}: {done}", self.code);
        Ok(())
    }
}

/// What to do where a desk runs and cannot be given anything.
pub(super) fn no_spool(store: &Path) -> String {
    format!(
        "a desk runs on {} and has no spool folder; add spool to its configuration, or end \
         it first",
        store.display()
    )
}

/// Reads evidence, or a list, from a file; and the folder in which its papers lie.
pub(super) fn read<T: DeserializeOwned>(path: &Path) -> anyhow::Result<(T, PathBuf)> {
    let text = fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
    let read = serde_json::from_slice(&text).with_context(|| path.display().to_string())?;
    Ok((read, path.parent().unwrap_or(Path::new("")).to_owned()))
}

/// Evidence by its names: of a file, if there is one, and of what is attached.
pub(super) fn evidence(
    file: Option<&Path>,
) -> anyhow::Result<(std::collections::BTreeMap<String, EvidenceForm>, PathBuf)> {
    file.map_or_else(|| Ok(Default::default()), read)
}

/// Reads `EVIDENCE=FILE`.
pub(super) fn attachment(text: &str) -> Result<Paper, String> {
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
