//! What came of the demo: each dossier's control slip, where its results lie, and what the citizen
//! was spared.

use super::journey::Journey;
use crate::{
    screen::{self, json, slip, tell, words},
    window::Window,
};
use anyhow::Context as _;
use contract::v1::{
    DeliveryStatus, DossierState, ListResultsResponse, NationalStatus, TrackResponse,
};
use node::documents::digest_of_file;
use serde_json::{Value, json};
use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};
use terminal::style;

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
        self.look_at_the_rules(journey);
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

    /// Notes what the rules promise and what did not happen.
    fn look_at_the_rules(&mut self, journey: &Journey) {
        let Self {
            dossier, missing, ..
        } = self;
        let Some(sample) = journey.samples().get(self.number - 1) else {
            return;
        };
        let status = dossier.national_status();
        if status != NationalStatus::ResultReturned {
            let word = words::national(status);
            missing.push(format!(
                "its national status is {word} and not result returned"
            ));
        }
        if dossier.delivery_status() != DeliveryStatus::Done {
            let word = words::delivery(dossier.delivery_status());
            missing.push(format!("its results are not with the citizen: {word}"));
        }
        if dossier.papers_asked_twice > 0 || !dossier.supplements.is_empty() {
            missing.push("the citizen was asked for what somebody held".to_owned());
        }
        for name in sample.looked_up {
            let id = format!("look_up_{name}");
            let row = dossier.control_slip.iter().find(|row| row.step_id == id);
            if row.is_none_or(|row| row.answered_at.is_none()) {
                missing.push(format!("{name} was not looked up"));
            }
        }
        for name in sample.returned {
            let back = dossier
                .control_slip
                .iter()
                .any(|row| row.outcome == "returned");
            let answered = dossier
                .control_slip
                .iter()
                .any(|row| row.outcome == "corrected");
            if !(back && answered) {
                missing.push(format!("{name} did not go back and come corrected"));
            }
        }
        let owed = &dossier.obligations;
        let all_paid = owed.iter().all(|one| !one.payment_reference.is_empty());
        if sample.pays == owed.is_empty() || !all_paid {
            missing.push("what the citizen owes is not paid, once".to_owned());
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
        let sample = journey.samples().get(number - 1);
        let story = sample.map_or("", |sample| sample.story);
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
        let looked_up = sample.map_or(&[][..], |sample| sample.looked_up);
        if !looked_up.is_empty() {
            let names = looked_up.iter().map(|name| journey.evidence(name));
            tell!(
                "  The broker looked up what was not brought: {}",
                names.collect::<Vec<_>>().join(", ")
            );
        }
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
    use super::{super::samples::BIRTH, *};

    #[test]
    fn a_cut_pdf_is_none() {
        let whole = BIRTH.samples[0].papers[0].2;
        assert!(is_whole_pdf(whole));
        assert!(!is_whole_pdf(&whole[..whole.len() / 2]));
        assert!(!is_whole_pdf(b"<html>%%EOF"));
    }
}
