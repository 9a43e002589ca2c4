//! What came of the demo: each dossier's control slip, where its results lie, and what the citizen
//! was spared.

use super::{journey::Journey, samples::SAMPLES};
use crate::{
    screen::{self, json, slip, tell, words},
    window::Window,
};
use anyhow::Context as _;
use console::style;
use contract::v1::{DossierState, ListResultsResponse, TrackResponse};
use node::documents::digest_of_file;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

/// How every PDF begins, and what stands near its end.
const PDF_HEAD: &[u8] = b"%PDF-";
const PDF_TAIL: &[u8] = b"%%EOF";

/// One dossier at its end.
pub(crate) struct Ending {
    number: usize,
    dossier: TrackResponse,
    results: ListResultsResponse,
    folder: PathBuf,
    files: Vec<PathBuf>,
    /// What is missing or wrong.
    missing: Vec<String>,
}

impl Ending {
    /// Asks for a dossier and its results, saves these, and looks at what was saved.
    pub(crate) async fn of(
        number: usize,
        code: &str,
        window: &Window,
        journey: &Journey,
        folder: &Path,
    ) -> anyhow::Result<Self> {
        let line = &window.line;
        let asking = || format!("dossier {number} ({code})");
        let dossier = line.track(code).await.with_context(asking)?;
        let results = line.results(code).await.with_context(asking)?;
        let folder = folder.join("results").join(code);
        let saved = line
            .save_results(code, &folder)
            .await
            .with_context(asking)?;
        let mut ending = Self {
            number,
            dossier,
            results,
            folder,
            files: saved.files,
            missing: Vec::new(),
        };
        ending.look(journey).await;
        Ok(ending)
    }

    /// Notes what is missing.
    async fn look(&mut self, journey: &Journey) {
        if self.dossier.state() != DossierState::Closed {
            self.missing
                .push(format!("it is {}", words::dossier(self.dossier.state())));
        }
        let there: BTreeSet<&str> = self
            .results
            .results
            .iter()
            .map(|result| result.name.as_str())
            .collect();
        for result in journey.results().difference(&there) {
            self.missing.push(format!("the result {result}"));
        }
        let wanted = self
            .results
            .results
            .iter()
            .flat_map(|result| &result.documents);
        let mut wanted: BTreeSet<Vec<u8>> =
            wanted.map(|document| document.digest.to_vec()).collect();
        for file in &self.files {
            match digest_of_file(file).await {
                Ok((digest, _)) => wanted.remove(digest.as_slice()),
                Err(error) => {
                    self.missing.push(format!("{}: {error}", file.display()));
                    continue;
                }
            };
            let is_pdf = file.extension().is_some_and(|ending| ending == "pdf");
            if is_pdf && !std::fs::read(file).is_ok_and(|bytes| is_whole_pdf(&bytes)) {
                self.missing.push(format!("{} is no PDF", file.display()));
            }
        }
        for digest in wanted {
            self.missing
                .push(format!("the document {}", hex::encode(digest)));
        }
    }

    /// What is missing, to be read after the dossier's number.
    pub(crate) fn missing(&self) -> Option<String> {
        let Self {
            number, missing, ..
        } = self;
        (!missing.is_empty()).then(|| format!("dossier {number}: {}", missing.join("; ")))
    }

    /// Shows it to a person.
    pub(crate) fn print(&self, journey: &Journey) {
        let Self {
            number, dossier, ..
        } = self;
        let story = SAMPLES.get(number - 1).map_or("", |sample| sample.story);
        let heading = format!("Dossier {number}  {}", dossier.dossier_code);
        tell!("\n{}  {story}", style(heading).bold());
        tell!("\n  Control slip (phiếu kiểm soát)\n");
        tell!(
            "{}",
            slip::render(dossier, screen::columns(), 4, |code| journey.agency(code)).trim_end()
        );
        tell!("\n  Results in {}", self.folder.display());
        for file in &self.files {
            let shown = file.strip_prefix(&self.folder).unwrap_or(file);
            tell!("    {}", shown.display());
        }
        tell!(
            "\n  The citizen was spared: visits made {}, papers asked for twice {}",
            style(dossier.visits).bold(),
            style(dossier.papers_asked_twice).bold()
        );
    }

    /// Tells it to a program.
    pub(crate) fn as_json(&self) -> Value {
        json!({
            "dossier": json::track(&self.dossier),
            "results": self.results.results.iter().map(json::evidence).collect::<Vec<_>>(),
            "files": self.files,
            "missing": self.missing,
        })
    }
}

fn is_whole_pdf(bytes: &[u8]) -> bool {
    let tail = &bytes[bytes.len().saturating_sub(1024)..];
    bytes.starts_with(PDF_HEAD) && tail.windows(PDF_TAIL.len()).any(|found| found == PDF_TAIL)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cut_pdf_is_none() {
        let whole = SAMPLES[0].papers[0].2;
        assert!(is_whole_pdf(whole));
        assert!(!is_whole_pdf(&whole[..whole.len() / 2]));
        assert!(!is_whole_pdf(b"<html>%%EOF"));
    }
}
