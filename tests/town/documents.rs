//! Papers: to exactly those who need them, whole or not at all, in constant memory.

use crate::town::{
    Town,
    birth::{RESULTS, Scan},
    ground::BROKER,
    patience::until,
};
use contract::v1::{self, StepState};
use node::{
    documents::digest_of_file,
    transfer::{Source, download, upload},
};
use std::{fs, io::Write as _, path::Path};

#[tokio::test]
async fn a_department_gets_the_papers_that_its_step_needs_and_no_others() {
    let mut town = Town::open().await;
    let wanted =
        |request: &mut v1::SubmitRequest| request.optional_parts = vec!["identity_card".into()];
    let dossier = town.desk().submit_with(wanted).await;
    town.desk().closes(&dossier).await;

    let needs = [
        ("civil-status", vec!["birth_notice", "parents"]),
        ("police", vec!["birth_certificate", "personal_id"]),
        (
            "social-insurance",
            vec!["birth_certificate", "health_facility_choice", "personal_id"],
        ),
        ("police-identity", vec!["personal_id"]),
    ];
    for (office, needs) in needs {
        let round = town.clerk(office).rounds().remove(0);
        let mut given: Vec<_> = round.evidence.iter().map(|one| one.name.as_str()).collect();
        given.sort_unstable();
        assert_eq!(given, needs, "{office}");
        let papers = round.evidence.iter().flat_map(|one| &one.documents);
        let mut papers: Vec<_> = papers.map(|paper| hex::encode(&paper.digest)).collect();
        papers.extend(town.own_papers(&dossier, office).await);
        papers.sort();
        assert_eq!(
            files(&town.path(office).join("documents")),
            papers,
            "{office}"
        );
    }
}

#[tokio::test]
async fn a_department_acknowledges_only_when_it_has_the_papers() {
    let mut town = Town::with(["civil-status", "social-insurance"]).await;
    let dossier = town.desk().submit("birth").await;
    town.desk()
        .sees(&dossier, "issue_health_card", StepState::Completed)
        .await;
    let certificate = town.desk().result(&dossier, "birth_certificate").await;
    let digest = hex::encode(&certificate.documents[0].digest);
    let paper = find(&town.path(BROKER), &digest);
    fs::rename(&paper, town.path("mislaid")).unwrap();

    town.start("police").await;
    let log = town.log("police");
    until("the police to miss a paper", async || {
        (!log.lines_with("document").is_empty()).then_some(())
    })
    .await;
    let step = town.desk().step(&dossier, "register_residence").await;
    assert!(
        matches!(step.state(), StepState::Due | StepState::PossiblyHeld),
        "{step:?}"
    );
    assert!(
        town.clerk("police").rounds().is_empty(),
        "and nobody works on it"
    );

    fs::rename(town.path("mislaid"), &paper).unwrap();
    assert_eq!(town.desk().results(&dossier).await, RESULTS);
}

#[tokio::test]
async fn the_same_paper_for_two_dossiers_is_stored_once() {
    let town = Town::open().await;
    let scan = Scan::new("một giấy cho hai");
    town.desk().upload(&scan).await;
    let mut codes = Vec::new();
    for _ in 0..2 {
        let named = |request: &mut v1::SubmitRequest| {
            request.evidence[0].documents = vec![scan.document.clone()];
        };
        codes.push(town.desk().submit_with(named).await);
    }
    for dossier in &codes {
        assert_eq!(town.desk().results(dossier).await, RESULTS);
    }
    let name = hex::encode(&scan.document.digest);
    let broker = files(&town.path(BROKER));
    assert_eq!(
        broker
            .iter()
            .filter(|file| name.ends_with(file.as_str()) && file.len() > 8)
            .count(),
        1
    );
}

#[tokio::test]
async fn a_large_paper_goes_through_in_constant_memory() {
    const MEGABYTES: usize = 96;
    let town = Town::plan().in_processes().offices([]).open().await;
    let path = town.path("large.pdf");
    let mut file = fs::File::create(&path).unwrap();
    for number in 0..MEGABYTES {
        file.write_all(&vec![u8::try_from(number).unwrap(); 1 << 20])
            .unwrap();
    }
    let (digest, size_bytes) = digest_of_file(&path).await.unwrap();
    let before = town.memory_bytes(BROKER);
    let desk = town.desk();
    let line = desk.caller.documents_channel();
    let source = Source::File(path.clone());
    upload(line.clone(), desk.agency, &source, digest, size_bytes)
        .await
        .unwrap();
    let back = town.path("back.pdf");
    download(line, desk.agency, digest, size_bytes, &back)
        .await
        .unwrap();
    assert_eq!(digest_of_file(&back).await.unwrap(), (digest, size_bytes));
    let more = town.memory_bytes(BROKER).saturating_sub(before);
    assert!(more < 48 << 20, "{more} bytes more for {MEGABYTES} MiB");
}

impl Town {
    /// The papers that an office gave itself, by their names in its folder.
    async fn own_papers(&self, dossier: &crate::town::window::Filed, office: &str) -> Vec<String> {
        let agency = crate::town::post(office).agency;
        let results = self.desk().evidence(dossier).await;
        let own = results
            .into_iter()
            .filter(|one| one.given_by_agency_code == agency);
        own.flat_map(|one| one.documents)
            .map(|paper| hex::encode(&paper.digest))
            .collect()
    }
}

/// The names of all files in a folder and those below it, sorted.
fn files(folder: &Path) -> Vec<String> {
    let mut names = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        if entry.file_type().unwrap().is_dir() {
            names.extend(files(&entry.path()));
        } else {
            names.push(entry.file_name().into_string().unwrap());
        }
    }
    names.sort();
    names
}

/// Where a document lies in a folder, whose name is the end of its digest at least.
fn find(folder: &Path, digest: &str) -> std::path::PathBuf {
    fn all(folder: &Path) -> Vec<std::path::PathBuf> {
        let entries = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        entries
            .flat_map(|path| {
                if path.is_dir() {
                    all(&path)
                } else {
                    vec![path]
                }
            })
            .collect()
    }
    let is_it = |path: &Path| {
        let name = path.file_name().unwrap().to_str().unwrap();
        name.len() > 32 && digest.ends_with(name)
    };
    all(folder)
        .into_iter()
        .find(|path| is_it(path))
        .expect("the document lies there")
}
