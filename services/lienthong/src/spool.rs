//! Gives a dossier, or an act for one, to a desk that runs, through its spool folder.

use anyhow::{Context as _, bail};
use desk::form::{ActForm, Form};
use std::{
    fs, io,
    path::{Path, PathBuf},
    time::{Duration, SystemTime},
};
use tokio::time::{Instant, sleep};

/// Between two looks for the desk's answer.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);
/// How much a folder's time may lie before the clock's.
const CLOCK_SLACK: Duration = Duration::from_secs(2);

/// A dossier, or an act, in a spool.
pub(crate) struct Spooled {
    spool: PathBuf,
    /// The folder that it was put in.
    name: String,
    submit_key: String,
    put_at: SystemTime,
}

/// Puts a form with its papers, each with the evidence that it belongs to, into the spool.
pub(crate) fn put(
    spool: &Path,
    submit_key: &str,
    mut form: Form,
    papers: &[(String, PathBuf)],
) -> anyhow::Result<Spooled> {
    let mut placed = place(spool, submit_key, papers)?;
    for (evidence, beside) in placed.papers.drain(..) {
        let given = form.evidence.entry(evidence).or_default();
        given.documents.push(beside);
    }
    placed.put("dossier.json", &serde_json::to_vec_pretty(&form)?)
}

/// Puts an act into the spool: its papers lie in `folder`, and in `papers` with their evidence.
pub(crate) fn put_act(
    spool: &Path,
    request_id: &str,
    mut act: ActForm,
    folder: &Path,
    papers: &[(String, PathBuf)],
) -> anyhow::Result<Spooled> {
    let mut all = papers.to_vec();
    for (name, given) in act.evidence_mut() {
        let named = std::mem::take(&mut given.documents).into_iter();
        all.extend(named.map(|path| (name.to_owned(), folder.join(path))));
    }
    let mut placed = place(spool, request_id, &all)?;
    for (name, beside) in placed.papers.drain(..) {
        let given = act.evidence_mut().into_iter().find(|(own, _)| *own == name);
        let (_, given) =
            given.with_context(|| format!("the act gives no {name}; name it in its file"))?;
        given.documents.push(beside);
    }
    placed.put("act.json", &serde_json::to_vec_pretty(&act)?)
}

/// A folder in the spool that the desk does not look at yet.
struct Placed {
    spooled: Spooled,
    folder: PathBuf,
    /// Each paper's evidence, and where it lies in the folder.
    papers: Vec<(String, PathBuf)>,
}

fn place(spool: &Path, key: &str, papers: &[(String, PathBuf)]) -> anyhow::Result<Placed> {
    let name = uuid::Uuid::now_v7().to_string();
    let folder = spool.join("incoming").join(&name);
    let writing = || format!("cannot write into the desk's spool {}", folder.display());
    fs::create_dir_all(&folder).with_context(writing)?;
    let mut placed = Vec::new();
    for (number, (evidence, paper)) in papers.iter().enumerate() {
        let name = paper
            .file_name()
            .with_context(|| format!("{} names no file", paper.display()))?;
        // Papers of one name stay apart.
        let beside = PathBuf::from(format!("paper-{}", number + 1)).join(name);
        fs::create_dir_all(folder.join(&beside).parent().unwrap_or(&folder))
            .with_context(writing)?;
        fs::copy(paper, folder.join(&beside))
            .with_context(|| format!("cannot copy the paper {}", paper.display()))?;
        placed.push((evidence.clone(), beside));
    }
    fs::write(folder.join(".submit-key"), key).with_context(writing)?;
    let spooled = Spooled {
        spool: spool.to_owned(),
        name,
        submit_key: key.to_owned(),
        put_at: SystemTime::now(),
    };
    Ok(Placed {
        spooled,
        folder,
        papers: placed,
    })
}

impl Placed {
    /// The desk looks only at folders that have a form, so the form comes last.
    fn put(self, form: &str, bytes: &[u8]) -> anyhow::Result<Spooled> {
        let writing = || format!("cannot write into {}", self.folder.display());
        let part = self.folder.join("form.part");
        fs::write(&part, bytes).with_context(writing)?;
        let put_at = SystemTime::now();
        fs::rename(&part, self.folder.join(form)).with_context(writing)?;
        Ok(Spooled {
            put_at,
            ..self.spooled
        })
    }
}

impl Spooled {
    /// Waits until the desk has answered, and gives the dossier's code.
    ///
    /// # Errors
    /// The desk says what to mend, or does not answer in time.
    pub(crate) async fn receipt(&self, patience: Duration) -> anyhow::Result<String> {
        self.answer(patience, Self::sent).await
    }

    /// Waits until the desk has done the act, and gives the number of the supplement that it asked for.
    ///
    /// # Errors
    /// The desk says what to mend, or does not answer in time.
    pub(crate) async fn done(&self, patience: Duration) -> anyhow::Result<Option<u32>> {
        self.answer(patience, Self::acted).await
    }

    /// The code that the desk has for it although the broker has not answered.
    pub(crate) fn provisional(&self) -> Option<String> {
        let folder = self.spool.join("incoming").join(&self.name);
        let receipt = fs::read(folder.join("receipt.json")).ok()?;
        let receipt: serde_json::Value = serde_json::from_slice(&receipt).ok()?;
        receipt["dossier_code"].as_str().map(str::to_owned)
    }

    fn acted(&self) -> anyhow::Result<Option<Option<u32>>> {
        let folder = self.spool.join("sent").join(&self.submit_key);
        let Ok(receipt) = fs::read(folder.join("receipt.json")) else {
            return Ok(None);
        };
        let receipt: serde_json::Value = serde_json::from_slice(&receipt).unwrap_or_default();
        let number = receipt["supplement_number"].as_u64();
        Ok(Some(number.and_then(|number| number.try_into().ok())))
    }

    async fn answer<T>(
        &self,
        patience: Duration,
        look: impl Fn(&Self) -> anyhow::Result<Option<T>>,
    ) -> anyhow::Result<T> {
        let deadline = Instant::now() + patience;
        loop {
            if let Some(answer) = look(self)? {
                return Ok(answer);
            }
            let refused = self
                .spool
                .join("refused")
                .join(&self.name)
                .join("error.txt");
            match fs::read_to_string(&refused) {
                Ok(why) => bail!("{}", why.trim()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => {
                    return Err(error)
                        .with_context(|| format!("cannot read {}", refused.display()));
                }
            }
            if Instant::now() >= deadline {
                bail!(
                    "the desk has taken it under {} and the broker has not answered yet; it is sent as \
                     soon as it does",
                    self.submit_key
                );
            }
            sleep(LOOK_INTERVAL).await;
        }
    }

    /// The code in the receipt of this dossier, if it is there.
    fn sent(&self) -> anyhow::Result<Option<String>> {
        let sent = self.spool.join("sent");
        let reading = || format!("cannot read {}", sent.display());
        let entries = match fs::read_dir(&sent) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            entries => entries.with_context(reading)?,
        };
        let since = self.put_at.checked_sub(CLOCK_SLACK).unwrap_or(self.put_at);
        for entry in entries {
            let entry = entry.with_context(reading)?;
            // What was sent before this one was put in cannot be it.
            let changed = entry.metadata().and_then(|found| found.modified());
            if changed.is_ok_and(|changed| changed < since) {
                continue;
            }
            let Ok(receipt) = fs::read(entry.path().join("receipt.json")) else {
                continue;
            };
            let receipt: serde_json::Value = serde_json::from_slice(&receipt).unwrap_or_default();
            if receipt["submit_key"] == self.submit_key.as_str() {
                return Ok(receipt["dossier_code"].as_str().map(str::to_owned));
            }
        }
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tempfile::TempDir;

    const FORM: &str = r#"{"procedure": "birth", "parties": [{"id": "a", "roles": ["owner"]}]}"#;

    #[tokio::test]
    async fn a_desk_finds_the_form_with_its_papers_beside_it() {
        let folder = TempDir::new().unwrap();
        let papers: Vec<_> = ["one", "two"]
            .map(|name| {
                let paper = folder.path().join(name).join("paper.pdf");
                fs::create_dir(folder.path().join(name)).unwrap();
                fs::write(&paper, name).unwrap();
                ("birth_notice".to_owned(), paper)
            })
            .into();
        let form = Form::parse(FORM.as_bytes()).unwrap();
        let spooled = put(folder.path(), "key-1", form, &papers).unwrap();

        let put_in = folder.path().join("incoming").join(&spooled.name);
        let form = Form::load(&put_in.join("dossier.json")).unwrap();
        let documents = &form.evidence["birth_notice"].documents;
        let read = |path: &PathBuf| fs::read_to_string(put_in.join(path)).unwrap();
        assert_eq!(
            documents.iter().map(read).collect::<Vec<_>>(),
            ["one", "two"]
        );

        let sent = folder.path().join("sent/H99.01.01-1");
        fs::create_dir_all(sent.parent().unwrap()).unwrap();
        fs::rename(&put_in, &sent).unwrap();
        let receipt = r#"{"submit_key": "key-1", "dossier_code": "H99.01.01-1"}"#;
        fs::write(sent.join("receipt.json"), receipt).unwrap();
        assert_eq!(
            spooled.receipt(Duration::ZERO).await.unwrap(),
            "H99.01.01-1"
        );
    }

    #[tokio::test]
    async fn a_refusal_of_the_desk_is_told_as_it_stands() {
        let folder = TempDir::new().unwrap();
        let form = Form::parse(FORM.as_bytes()).unwrap();
        let spooled = put(folder.path(), "key-1", form, &[]).unwrap();
        let refused = folder.path().join("refused").join(&spooled.name);
        fs::create_dir_all(&refused).unwrap();
        fs::write(refused.join("error.txt"), "mend it\n").unwrap();
        let error = spooled.receipt(Duration::ZERO).await.unwrap_err();
        assert_eq!(error.to_string(), "mend it");
    }
}
