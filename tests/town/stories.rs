//! Births, from the desk to every department and back.

use crate::town::{
    Town,
    birth::{ALL_RESULTS, RESULTS},
};

#[tokio::test]
async fn a_birth_dossier_comes_back_with_every_result() {
    let town = Town::open().await;
    let dossier =
        town.desk().submit_with(|request| request.optional_parts = vec!["identity_card".into()]).await;
    assert_eq!(town.desk().results(&dossier).await, ALL_RESULTS);
    let seen = town.desk().track(&dossier).await;
    assert_eq!((seen.visits, seen.papers_asked_twice), (1, 0));
}

#[tokio::test]
async fn a_dossier_for_a_silent_department_arrives_when_it_wakes() {
    let mut town = Town::with(["civil-status", "police", "social-insurance"]).await;
    town.stop("police").await;

    let dossier = town.desk().submit("birth").await;
    town.restart_broker().await;
    town.start("police").await;

    assert_eq!(town.desk().results(&dossier).await, RESULTS);
}
