//! A desk with a store of its own, as an agency runs it: what it took is not lost, whatever happens
//! to the broker, and the results lie in its folder.

use crate::town::{
    Town,
    birth::RESULTS,
    broker_identity,
    ground::BROKER,
    patience::{patiently, until},
    relay::Relay,
};
use desk::{
    Act, Answer, Broker, Config, Desk, Submission, SubmitError, Times,
    form::{ActForm, Deed},
};
use node::{identity::Role, pki::Validity, shutdown::Shutdown, tls::CredentialPaths};
use std::{fs, net::SocketAddr, path::Path, time::Duration};

/// A dossier as a clerk would hand it in: the sample that comes with the product.
const SAMPLE: &str = "deploy/samples/birth/1-straight";
const SOON: Duration = Duration::from_millis(50);
const PATIENT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn a_desk_hands_in_the_sample_and_saves_every_result() {
    let town = Town::open().await;
    let desk = town.own_desk();
    let serving = Serving::of(&desk);
    let receipt = desk.submit(sample(), PATIENT).await.unwrap();
    patiently(
        "the dossier to close",
        desk.wait_closed(&receipt.dossier_code),
    )
    .await
    .unwrap();

    let folder = town.path("results");
    let saved = desk
        .save_results(&receipt.dossier_code, &folder)
        .await
        .unwrap();
    assert!(saved.complete);
    let papers = saved
        .files
        .iter()
        .filter(|file| file.extension().is_some_and(|end| end == "pdf"));
    let papers: Vec<_> = papers.map(|file| fs::read(file).unwrap()).collect();
    assert_eq!(papers.len(), 4, "{:?}", saved.files);
    assert!(papers.iter().all(|paper| paper.starts_with(b"%PDF")));
    serving.end().await;
}

#[tokio::test]
async fn what_a_desk_took_while_the_broker_was_away_goes_when_it_is_back() {
    let mut town = Town::open().await;
    town.stop(BROKER).await;
    let desk = town.own_desk();
    let taken = desk
        .submit(sample().with_key("counter-7-12"), SOON)
        .await
        .unwrap_err();
    assert!(matches!(taken, SubmitError::NotYet { .. }), "{taken}");
    desk.close().await;

    // The desk's own process ends in between.
    let desk = town.own_desk();
    let serving = Serving::of(&desk);
    town.start_broker().await;
    let receipt = desk
        .submit(sample().with_key("counter-7-12"), PATIENT)
        .await
        .unwrap();
    patiently(
        "the dossier to close",
        desk.wait_closed(&receipt.dossier_code),
    )
    .await
    .unwrap();
    assert_eq!(town.desk().count().await, 1);
    serving.end().await;
}

#[tokio::test]
async fn a_desk_brings_a_restored_broker_what_it_lost_without_being_asked() {
    let mut town = Town::open().await;
    let desk = town.own_desk();
    let serving = Serving::of(&desk);
    town.stop(BROKER).await;
    town.copy_folder(BROKER, "copy");
    town.start_broker().await;
    town.clerk("police").rests();
    let receipt = desk.submit(sample(), PATIENT).await.unwrap();
    town.clerk("police")
        .gets("the residence", |h| h.step_id == "register_residence")
        .await;

    town.stop(BROKER).await;
    town.copy_folder("copy", BROKER);
    town.start_broker_restored().await;
    assert_eq!(town.desk().count().await, 0, "the copy does not have it");
    town.clerk("police").works();
    patiently(
        "the dossier to close",
        desk.wait_closed(&receipt.dossier_code),
    )
    .await
    .unwrap();
    let results = desk.results(&receipt.dossier_code).await.unwrap().results;
    let names: Vec<_> = results.iter().map(|one| one.name.as_str()).collect();
    assert!(RESULTS.iter().all(|name| names.contains(name)), "{names:?}");
    assert!(results.iter().all(|one| one.version == 1));
    serving.end().await;
}

#[tokio::test]
async fn an_act_that_a_restored_broker_did_not_know_the_dossier_of_is_brought_when_it_does() {
    let mut town = Town::open().await;
    town.clerk("police").rests();
    let caller = (Role::Desk, "desk-mau-mot");
    let relay = Relay::before_broker(&town, caller, "/Withdraw").await;
    let desk = town.own_desk_by(relay.address);
    town.stop(BROKER).await;
    town.copy_folder(BROKER, "copy");
    town.start_broker().await;
    let receipt = desk.submit(sample(), PATIENT).await.unwrap();
    town.stop(BROKER).await;
    town.copy_folder("copy", BROKER);
    town.start_broker_restored().await;

    let deed = Deed::Withdraw {
        reason: "gia đình đổi ý".into(),
    };
    let form = ActForm {
        dossier: receipt.dossier_code.clone(),
        officer: None,
        act: deed,
    };
    let act = Act::new(form, Path::new("."));
    let (acting, desk_of_act) = (act.clone(), desk.clone());
    let acting = tokio::spawn(async move { desk_of_act.act(acting, PATIENT).await });
    patiently("the broker not to know the dossier", relay.has_kept()).await;
    // The dossier is brought again before the desk reads that answer.
    let serving = Serving::of(&desk);
    until("the dossier to be there again", async || {
        (town.desk().count().await == 1).then_some(())
    })
    .await;
    relay.lets_go();
    let answer = acting.await.unwrap();
    assert!(matches!(answer, Ok(Answer::Done)), "{answer:?}");
    serving.end().await;
}

fn sample() -> Submission {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join(SAMPLE);
    let form = Submission::load(&folder.join("dossier.json")).unwrap();
    form.attach("birth_notice", folder.join("giay-chung-sinh.pdf"))
}

/// A desk that sends, listens and checks until it is ended.
struct Serving {
    shutdown: Shutdown,
    task: tokio::task::JoinHandle<()>,
}

impl Serving {
    fn of(desk: &Desk) -> Self {
        let (desk, shutdown) = (desk.clone(), Shutdown::new());
        let ending = shutdown.clone();
        Self {
            task: tokio::spawn(async move { desk.serve(ending).await }),
            shutdown,
        }
    }

    async fn end(self) {
        self.shutdown.trigger();
        patiently("the desk to end", self.task).await.unwrap();
    }
}

impl Town {
    /// The first commune's desk with a store of its own.
    fn own_desk(&self) -> Desk {
        self.own_desk_by(self.address(BROKER))
    }

    /// The same, which finds the broker at this address.
    fn own_desk_by(&self, broker: SocketAddr) -> Desk {
        let pki = self.path("pki");
        if !pki.join("desk.pem").exists() {
            let issued = self
                .ground
                .issue(Role::Desk, "desk-mau-mot", Validity::days(1));
            issued.save(&pki, "desk").unwrap();
        }
        Desk::open(Config {
            agency_code: "H99.01.01".into(),
            store: self.path("desk"),
            credentials: CredentialPaths {
                ca: self.ground.authority_file(),
                certificate: pki.join("desk.pem"),
                key: pki.join("desk.key"),
                denied: None,
            },
            broker: Broker {
                address: broker.to_string(),
                identity: broker_identity(),
            },
            limits: desk::Limits::default(),
            times: Times {
                back_off_ms_min: 5,
                back_off_ms_max: 100,
                check_ms: 200,
                ..Times::default()
            },
            spool: None,
            metrics: Default::default(),
            traces: Default::default(),
        })
        .unwrap()
    }
}
