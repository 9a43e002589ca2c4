//! A department at work, over real mutual TLS, with a broker that may forget and break.

#![allow(clippy::unwrap_used, missing_docs)]

mod broker;

use async_trait::async_trait;
use broker::{AGENCY, Town};
use contract::v1::{self, Task, item::Kind, report, verdict::Outcome};
use department::{Answer, Content, Given, Handler, HandlerError, Paper, Said, Work, store::Store};
use futures_util::StreamExt as _;
use node::{
    documents::digest_of,
    fault::Fault,
    identity::Role,
    shutdown::Shutdown,
    stream::{self, StreamLimits},
};
use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};
use tokio::{
    net::TcpListener,
    sync::{Semaphore, watch},
};
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

/// Completes every round with a certificate, when it may; fails the first so many times.
struct Office {
    may: Semaphore,
    failures: AtomicUsize,
    begun: AtomicUsize,
}

impl Office {
    fn open() -> Arc<Self> {
        Self::with(Semaphore::MAX_PERMITS, 0)
    }

    fn with(may: usize, failures: usize) -> Arc<Self> {
        let may = Semaphore::new(may);
        Arc::new(Self {
            may,
            failures: failures.into(),
            begun: 0.into(),
        })
    }
}

#[async_trait]
impl Handler for Office {
    async fn handle(&self, work: Work) -> Result<Vec<Answer>, HandlerError> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.may.acquire().await?.forget();
        let failing = self
            .failures
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1));
        match failing {
            Ok(left) if left % 2 == 0 => return Err("the register does not answer".into()),
            Ok(_) => panic!("a bug in the office"),
            Err(_) => {}
        }
        for evidence in &work.handover().evidence {
            for document in &evidence.documents {
                let bytes = std::fs::read(work.document(document).unwrap())?;
                assert_eq!(digest_of(&bytes).as_slice(), document.digest.as_ref());
            }
        }
        let mut text = format!("certificate of round {}", work.handover().round);
        if work.handover().step_id == "scan_the_archive" {
            text = text.repeat(50_000);
        }
        let paper = Paper {
            file_name: "giấy khai sinh.pdf".into(),
            media_type: "application/pdf".into(),
            content: Content::Bytes(text.into()),
        };
        let evidence = vec![Given {
            name: "birth_certificate".into(),
            data: "{}".into(),
            documents: vec![paper],
            ..Default::default()
        }];
        let progress = Said::Progress {
            note: "taken up".into(),
        }
        .into();
        Ok(vec![
            progress,
            Said::Completed {
                evidence,
                note: String::new(),
            }
            .into(),
        ])
    }
}

fn handover(round: u32, documents: Vec<v1::Document>) -> v1::Handover {
    let evidence = v1::Evidence {
        name: "birth_notice".into(),
        version: round,
        digest: vec![7; 32].into(),
        documents,
        ..Default::default()
    };
    v1::Handover {
        handover_id: format!("handover-{round}"),
        dossier_id: "0f".repeat(16),
        dossier_code: "H57.12-261122-0001".into(),
        step_id: "register_birth".into(),
        round,
        task: Task::Work as i32,
        agency_code: AGENCY.into(),
        evidence: vec![evidence],
        ..Default::default()
    }
}

fn item(handover: v1::Handover) -> v1::Item {
    v1::Item {
        item_id: handover.handover_id.clone(),
        kind: Some(Kind::Handover(handover)),
        ..Default::default()
    }
}

fn recorded(verdict: v1::Verdict) -> v1::Recorded {
    let Some(Outcome::Recorded(recorded)) = verdict.outcome else {
        panic!("{verdict:?}")
    };
    recorded
}

fn refused(verdict: v1::Verdict) -> String {
    let Some(Outcome::Refused(status)) = verdict.outcome else {
        panic!("{verdict:?}")
    };
    Fault::reason_of(&status).unwrap()
}

fn report_of(item: &v1::Item) -> &v1::Report {
    let Some(Kind::Report(report)) = &item.kind else {
        panic!("{item:?}")
    };
    report
}

fn ids(items: &[v1::Item]) -> Vec<&str> {
    items.iter().map(|item| item.item_id.as_str()).collect()
}

#[tokio::test]
async fn a_handover_is_recorded_with_its_papers_worked_on_and_reported_with_its_results() {
    let mut town = Town::new().await;
    town.start(Office::open()).await;
    let paper = town.broker.put_document(&vec![1; 300_000]);
    let verdict = town.hand_over(item(handover(1, vec![paper]))).await;
    assert!(recorded(verdict).recorded_at.is_some());

    let reports = town.broker.reports(2).await;
    assert!(matches!(
        report_of(&reports[0]).kind,
        Some(report::Kind::Progress(_))
    ));
    let Some(report::Kind::Completed(completed)) = &report_of(&reports[1]).kind else {
        panic!()
    };
    let result = &completed.evidence[0].documents[0];
    let digest: [u8; 32] = result.digest.as_ref().try_into().unwrap();
    let has = town.broker.has.lock().unwrap();
    assert_eq!(has.documents[&digest], "certificate of round 1");
}

/// A registry: finds what it is asked for, and notes what it is told.
struct Registry {
    told: watch::Sender<Vec<String>>,
}

#[async_trait]
impl Handler for Registry {
    async fn handle(&self, work: Work) -> Result<Vec<Answer>, HandlerError> {
        let wanted = work.handover().look_up.as_ref().map(|one| &one.evidence);
        let record = Paper {
            file_name: "giấy chứng sinh.pdf".into(),
            media_type: "application/pdf".into(),
            content: Content::Bytes("from the registry".into()),
        };
        let found = Said::LookedUp {
            outcome: v1::LookUpOutcome::Found,
            evidence: Some(Given {
                name: wanted.cloned().unwrap_or_default(),
                documents: vec![record],
                ..Default::default()
            }),
            note: String::new(),
        };
        Ok(vec![found.into()])
    }

    async fn informed(&self, work: Work) -> Result<(), HandlerError> {
        let duties = work.handover().transfer_slip.iter();
        let steps: Vec<_> = duties.map(|duty| duty.step_id.clone()).collect();
        self.told.send_modify(|told| told.extend(steps));
        Ok(())
    }
}

#[tokio::test]
async fn a_look_up_is_a_round_like_any_other_and_what_was_found_comes_with_its_papers() {
    let mut town = Town::new().await;
    let told = watch::Sender::default();
    town.start(Arc::new(Registry { told })).await;
    let mut asked = handover(1, vec![]);
    (asked.task, asked.evidence) = (Task::LookUp as i32, vec![]);
    asked.look_up = Some(v1::LookUp {
        evidence: "birth_notice".into(),
        ..Default::default()
    });
    recorded(town.hand_over(item(asked)).await);

    let reports = town.broker.reports(1).await;
    let Some(report::Kind::LookUpAnswer(answer)) = &report_of(&reports[0]).kind else {
        panic!("{reports:?}")
    };
    assert_eq!(answer.outcome(), v1::LookUpOutcome::Found);
    let found = answer.evidence.as_ref().unwrap();
    assert_eq!(found.name, "birth_notice");
    let digest: [u8; 32] = found.documents[0].digest.as_ref().try_into().unwrap();
    let has = town.broker.has.lock().unwrap();
    assert_eq!(has.documents[&digest], "from the registry");
}

#[tokio::test]
async fn a_transfer_slip_is_acknowledged_and_shown_and_never_answered() {
    let mut town = Town::new().await;
    let told = watch::Sender::default();
    let mut shown = told.subscribe();
    town.start(Arc::new(Registry { told })).await;
    let mut slip = handover(1, vec![]);
    (slip.task, slip.evidence) = (Task::Inform as i32, vec![]);
    slip.transfer_slip = vec![v1::Duty {
        step_id: "register_birth".into(),
        ..Default::default()
    }];
    recorded(town.hand_over(item(slip)).await);
    let shown = shown
        .wait_for(|told| !told.is_empty())
        .await
        .unwrap()
        .clone();
    assert_eq!(shown, ["register_birth"]);
    // What comes after it is answered: the slip was not, and holds up nothing.
    let mut asked = handover(1, vec![]);
    (asked.task, asked.step_id) = (Task::LookUp as i32, "look_up_x".into());
    asked.handover_id = "look-up".into();
    asked.evidence = vec![];
    asked.look_up = Some(v1::LookUp {
        evidence: "x".into(),
        ..Default::default()
    });
    recorded(town.hand_over(item(asked)).await);
    let reports = town.broker.reports(1).await;
    assert_eq!(report_of(&reports[0]).step_id, "look_up_x");
}

#[tokio::test]
async fn the_same_handover_again_gets_the_first_answer_and_its_reports_again() {
    let mut town = Town::new().await;
    town.start(Office::open()).await;
    let first = recorded(town.hand_over(item(handover(1, vec![]))).await);
    let reports = town.broker.reports(2).await;
    // The verdict on the last report must be written down, or it is not yet to be repeated.
    town.stop().await;
    town.start(Office::open()).await;

    assert_eq!(
        recorded(town.hand_over(item(handover(1, vec![]))).await),
        first
    );
    let again = town.broker.reports(4).await;
    assert_eq!(ids(&again[2..]), ids(&reports));
    assert_eq!(again[2..], reports[..]);

    let mut other = handover(1, vec![]);
    other.handover_id = "another".into();
    assert_eq!(refused(town.hand_over(item(other)).await), "ID_REUSED");
}

#[tokio::test]
async fn a_higher_round_ends_the_work_on_the_lower_one_and_a_lower_one_comes_too_late() {
    let mut town = Town::new().await;
    let office = Office::with(0, 0);
    town.start(office.clone()).await;
    recorded(town.hand_over(item(handover(1, vec![]))).await);
    while office.begun.load(Ordering::SeqCst) < 1 {
        tokio::task::yield_now().await;
    }
    assert!(!recorded(town.hand_over(item(handover(3, vec![]))).await).superseded);
    assert!(recorded(town.hand_over(item(handover(2, vec![]))).await).superseded);
    office.may.add_permits(10);
    let reports = town.broker.reports(2).await;
    assert!(reports.iter().all(|item| report_of(item).round == 3));
    town.stop().await;
    assert_eq!(town.broker.has.lock().unwrap().reports.len(), 2);
}

#[tokio::test]
async fn a_lower_round_of_a_restored_broker_ends_the_work_on_the_one_that_it_lost() {
    let mut town = Town::new().await;
    town.start(Office::with(0, 0)).await;
    town.has_reconciled().await;
    recorded(town.hand_over(item(handover(3, vec![]))).await);
    town.stop().await;
    {
        let mut has = town.broker.has.lock().unwrap();
        has.epoch = "epoch-2".into();
        has.pages.clear();
    }
    let office = Office::with(0, 0);
    town.start(office.clone()).await;
    town.has_reconciled().await;
    while office.begun.load(Ordering::SeqCst) < 1 {
        tokio::task::yield_now().await;
    }
    assert!(!recorded(town.hand_over(item(handover(2, vec![]))).await).superseded);
    while office.begun.load(Ordering::SeqCst) < 2 {
        tokio::task::yield_now().await;
    }
    // Who has waited longest gets it, if it still waits.
    office.may.add_permits(1);
    let reports = town.broker.reports(2).await;
    assert!(reports.iter().all(|item| report_of(item).round == 2));
}

#[tokio::test]
async fn a_recall_asks_for_no_work() {
    let mut town = Town::new().await;
    let office = Office::with(0, 0);
    town.start(office.clone()).await;
    recorded(town.hand_over(item(handover(1, vec![]))).await);
    let mut recall = handover(2, vec![]);
    recall.task = Task::Recall as i32;
    recall.evidence.clear();
    recorded(town.hand_over(item(recall)).await);
    office.may.add_permits(10);
    town.stop().await;
    town.start(office).await;
    let mut other = handover(1, vec![]);
    (other.step_id, other.handover_id) = ("another".into(), "another".into());
    recorded(town.hand_over(item(other)).await);
    let reports = town.broker.reports(2).await;
    assert!(
        reports
            .iter()
            .all(|item| report_of(item).step_id == "another")
    );
}

#[tokio::test]
async fn what_cannot_be_taken_is_refused_by_its_reason_and_the_stream_goes_on() {
    let mut town = Town::new().await;
    town.start(Office::open()).await;
    let (opening, outgoing) = stream::open(
        v1::Hello {
            agency_code: AGENCY.into(),
            store_id: "broker-1".into(),
            ..Default::default()
        },
        StreamLimits::default(),
    );
    let requests = outgoing
        .envelopes()
        .map(|e| v1::HandOverRequest { envelope: Some(e) });
    let responses = town
        .broker_caller()
        .hand_over(requests)
        .await
        .unwrap()
        .into_inner();
    let inbound = responses.map(|m| Ok(m?.envelope.unwrap_or_default()));
    let session = opening.meet(inbound).await.unwrap();
    assert!(!session.hello().store_id.is_empty());
    let (offers, mut settlements) = session.sending(Arc::new(|| Ok(())));

    let with = |change: fn(&mut v1::Handover)| {
        let mut handover = handover(1, vec![]);
        change(&mut handover);
        Some(Kind::Handover(handover))
    };
    let wrong_digest = |handover: &mut v1::Handover| {
        handover.evidence[0].documents.push(v1::Document {
            size_bytes: 1,
            ..Default::default()
        });
    };
    for (kind, reason) in [
        (None, "UNKNOWN_KIND"),
        (Some(Kind::Report(v1::Report::default())), "UNKNOWN_KIND"),
        (with(|h| h.task = Task::LookUp as i32), "INVALID_FIELDS"),
        (
            with(|h| h.agency_code = "H57.99".into()),
            "WRONG_DEPARTMENT",
        ),
        (with(|h| h.task = 77), "UNKNOWN_KIND"),
        (with(|h| h.round = 0), "INVALID_FIELDS"),
        (with(|h| h.dossier_id.clear()), "INVALID_FIELDS"),
        (with(wrong_digest), "INVALID_FIELDS"),
    ] {
        offers
            .offer(v1::Item {
                item_id: "i".into(),
                kind,
                ..Default::default()
            })
            .await
            .unwrap();
        let settled = settlements.next().await.unwrap();
        let outcome = Some(settled.outcome);
        assert_eq!(
            refused(v1::Verdict {
                item_id: settled.item_id,
                outcome
            }),
            reason
        );
    }
    offers.offer(item(handover(1, vec![]))).await.unwrap();
    let settled = settlements.next().await.unwrap();
    assert!(matches!(settled.outcome, Outcome::Recorded(_)));
}

#[tokio::test]
async fn a_handover_whose_papers_cannot_be_had_comes_later() {
    let mut town = Town::new().await;
    town.start(Office::open()).await;
    let paper = Town::new().await.broker.put_document(b"not here yet");
    let verdict = town.hand_over(item(handover(1, vec![paper.clone()]))).await;
    let Some(Outcome::Later(status)) = verdict.outcome else {
        panic!("{verdict:?}")
    };
    assert!(Fault::retry_after_of(&status).is_some());

    town.broker.put_document(b"not here yet");
    recorded(town.hand_over(item(handover(1, vec![paper]))).await);
    town.broker.reports(2).await;
}

#[tokio::test]
async fn a_broken_download_goes_on_where_it_broke() {
    let mut town = Town::new().await;
    town.start(Office::open()).await;
    let bytes: Vec<u8> = (0..1_000_000_u32).map(|n| (n % 251) as u8).collect();
    let paper = town.broker.put_document(&bytes);
    town.broker.has.lock().unwrap().break_after = Some(300_000);
    recorded(town.hand_over(item(handover(1, vec![paper]))).await);
    assert_eq!(town.broker.has.lock().unwrap().downloads, [0, 300_000]);
    town.broker.reports(2).await;
}

#[tokio::test]
async fn a_broken_upload_goes_on_where_it_broke_and_the_report_goes_after_it() {
    let mut town = Town::new().await;
    town.broker.has.lock().unwrap().break_upload_after = Some(500_000);
    town.start(Office::open()).await;
    let mut scan = handover(1, vec![]);
    scan.step_id = "scan_the_archive".into();
    recorded(town.hand_over(item(scan)).await);
    town.broker.reports(2).await;
    let has = town.broker.has.lock().unwrap();
    assert_eq!(has.uploads, [0, 512 * 1024]);
    assert_eq!(
        has.documents.values().map(|bytes| bytes.len()).max(),
        Some(22 * 50_000)
    );
}

#[tokio::test]
async fn a_document_with_other_bytes_than_its_name_is_never_acknowledged() {
    let mut town = Town::new().await;
    town.start(Office::open()).await;
    let paper = town.broker.put_document(b"true");
    let digest: [u8; 32] = paper.digest.as_ref().try_into().unwrap();
    town.broker
        .has
        .lock()
        .unwrap()
        .documents
        .insert(digest, "fake".into());
    let verdict = town.hand_over(item(handover(1, vec![paper.clone()]))).await;
    assert!(matches!(verdict.outcome, Some(Outcome::Later(_))));
    town.broker.put_document(b"true");
    recorded(town.hand_over(item(handover(1, vec![paper]))).await);
}

#[tokio::test]
async fn an_office_that_fails_and_panics_does_the_round_in_the_end_and_reports_it_once() {
    let mut town = Town::new().await;
    let office = Office::with(Semaphore::MAX_PERMITS, 4);
    town.start(office.clone()).await;
    recorded(town.hand_over(item(handover(1, vec![]))).await);
    town.broker.reports(2).await;
    town.stop().await;
    assert_eq!(town.broker.has.lock().unwrap().reports.len(), 2);
    assert_eq!(office.begun.load(Ordering::SeqCst), 5);
}

#[tokio::test]
async fn work_that_a_stop_cut_is_done_after_the_next_start() {
    let mut town = Town::new().await;
    let office = Office::with(0, 0);
    town.start(office.clone()).await;
    recorded(town.hand_over(item(handover(1, vec![]))).await);
    town.stop().await;
    town.start(Office::open()).await;
    town.broker.reports(2).await;
}

#[tokio::test]
async fn a_broker_that_lost_its_reports_gets_them_again_with_the_same_ids() {
    let mut town = Town::new().await;
    town.start(Office::open()).await;
    recorded(town.hand_over(item(handover(1, vec![]))).await);
    let reports = town.broker.reports(2).await;
    town.stop().await;
    {
        let mut has = town.broker.has.lock().unwrap();
        has.epoch = "epoch-2".into();
        has.recorded.clear();
        has.documents.clear();
        has.pages.clear();
    }
    town.start(Office::open()).await;
    let again = town.broker.reports(4).await;
    assert_eq!(again[2..], reports[..]);
    // Where its step stands is compared when they are there.
    let pages = town
        .broker
        .until(|has| {
            let told = |page: &&v1::ReconcileRequest| page.last && !page.holdings.is_empty();
            let pages: Vec<_> = has.pages.iter().filter(told).cloned().collect();
            (pages.len() >= 2).then_some(pages)
        })
        .await;
    assert_eq!(pages[0].holdings[0].recorded_item_ids.len(), 2);
    let has = town.broker.has.lock().unwrap();
    assert!(!has.documents.is_empty(), "its documents came again too");
}

#[tokio::test]
async fn what_is_held_is_read_after_the_broker_has_begun_to_compare() {
    let mut town = Town::new().await;
    town.start(Office::open()).await;
    recorded(town.hand_over(item(handover(1, vec![]))).await);
    town.broker.reports(2).await;
    town.stop().await;
    town.broker.has.lock().unwrap().pages.clear();
    town.start(Office::open()).await;
    town.broker
        .until(|has| has.pages.last().is_some_and(|page| page.last).then_some(()))
        .await;
    // Else what was acknowledged while a page was on its way would count as lost.
    let has = town.broker.has.lock().unwrap();
    let pages: Vec<_> = has
        .pages
        .iter()
        .map(|page| (page.page_number, page.holdings.len()))
        .collect();
    assert_eq!(pages, [(0, 0), (1, 1)]);
}

#[tokio::test]
async fn a_broker_with_a_new_epoch_is_reconciled_with_before_anything_new_is_reported() {
    let mut town = Town::new().await;
    town.start(Office::open()).await;
    recorded(town.hand_over(item(handover(1, vec![]))).await);
    town.broker.reports(2).await;
    let other = {
        let mut has = town.broker.has.lock().unwrap();
        has.epoch = "epoch-2".into();
        has.unknown.insert("0f".repeat(16));
        has.pages.len()
    };
    let mut second = handover(1, vec![]);
    (second.dossier_id, second.handover_id) = ("0e".repeat(16), "second".into());
    recorded(town.hand_over(item(second)).await);
    town.broker.reports(3).await;
    // What the broker does not know is asked again and again, until it does.
    town.broker
        .until(|has| (has.pages.len() >= other + 3).then_some(()))
        .await;
    town.broker.has.lock().unwrap().unknown.clear();
    town.broker.reports(4).await;
}

#[tokio::test]
async fn a_report_is_repeated_when_told_later_and_kept_as_an_incident_when_refused() {
    let mut town = Town::new().await;
    town.broker.has.lock().unwrap().later_once = true;
    town.start(Office::open()).await;
    recorded(town.hand_over(item(handover(1, vec![]))).await);
    let reports = town.broker.reports(2).await;
    assert!(matches!(
        report_of(&reports[0]).kind,
        Some(report::Kind::Progress(_))
    ));

    town.broker.has.lock().unwrap().refuse = Some("STEP_NOT_HELD");
    recorded(town.hand_over(item(handover(2, vec![]))).await);
    town.broker.reports(4).await;
    town.stop().await;
    let store = Store::open(&town.folder.path().join("store"))
        .await
        .unwrap();
    let incidents = store.incidents().await.unwrap();
    assert_eq!(incidents.len(), 2);
    assert_eq!(incidents[0].cause, "STEP_NOT_HELD");
    assert_eq!(store.outbox_counts().await.unwrap(), [0, 2, 2]);
}

#[tokio::test]
async fn a_closed_dossier_is_forgotten_after_its_time_and_not_before() {
    let mut town = Town::new().await;
    town.start(Office::open()).await;
    let paper = town.broker.put_document(b"paper");
    recorded(town.hand_over(item(handover(1, vec![paper]))).await);
    town.broker.reports(2).await;
    let closed_at = prost_types::Timestamp {
        seconds: 1_000_000,
        nanos: 0,
    };
    let notice = v1::DepartmentNotice {
        dossier_id: "0f".repeat(16),
        agency_code: AGENCY.into(),
        kind: Some(v1::department_notice::Kind::Closed(v1::DossierClosed {
            closed_at: Some(closed_at),
        })),
        ..Default::default()
    };
    let notice = v1::Item {
        item_id: "n".into(),
        kind: Some(Kind::Notice(notice)),
        ..Default::default()
    };
    recorded(town.hand_over(notice).await);
    town.stop().await;

    let store = Store::open(&town.folder.path().join("store"))
        .await
        .unwrap();
    let documents = town.folder.path().join("store/documents");
    assert_eq!(store.forget(1_000_000 * 1_000_000).await.unwrap(), 0);
    assert_eq!(std::fs::read_dir(&documents).unwrap().count(), 2);
    assert_eq!(store.forget(1_000_001 * 1_000_000).await.unwrap(), 1);
    assert_eq!(std::fs::read_dir(&documents).unwrap().count(), 0);
    assert!(store.holdings_after(None, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn a_department_that_is_stopped_says_so_before_its_last_caller_has_gone() {
    let mut town = Town::new().await;
    let office = Office::with(0, 0);
    town.start(office.clone()).await;
    recorded(town.hand_over(item(handover(1, vec![]))).await);
    let mut health = HealthClient::new(town.line(Role::Operator, "o"));
    let asked = health.watch(HealthCheckRequest::default()).await.unwrap();
    let mut told = asked.into_inner();
    let mut next = async || told.message().await.unwrap().unwrap().status();
    assert_eq!(next().await, ServingStatus::Serving);
    town.begin_stop();
    assert_eq!(next().await, ServingStatus::NotServing);
    // The one who watches is a caller too, whom the stop waits for.
    drop(told);
    town.stop().await;
}

#[tokio::test]
async fn a_twin_on_the_same_store_is_refused() {
    let mut town = Town::new().await;
    town.start(Office::open()).await;
    recorded(town.hand_over(item(handover(1, vec![]))).await);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let twin = department::run(town.config(), listener, Shutdown::new(), Office::open()).await;
    let refused = twin.unwrap_err().to_string();
    assert!(refused.contains("in use by another process"), "{refused}");
}

#[tokio::test]
async fn nobody_but_the_broker_hands_over() {
    let mut town = Town::new().await;
    town.start(Office::open()).await;
    for (role, code) in [
        (Role::Department, "police"),
        (Role::Desk, "desk"),
        (Role::Operator, "o"),
        (Role::Broker, "x"),
    ] {
        let request = v1::HandOverOneRequest {
            item: Some(item(handover(1, vec![]))),
        };
        let refused = town
            .caller(role, code)
            .hand_over_one(request)
            .await
            .unwrap_err();
        assert_eq!(refused.code(), tonic::Code::PermissionDenied, "{role}");
        assert_eq!(Fault::reason_of(&refused).as_deref(), Some("CALLER_DENIED"));
    }
    let describe = v1::DescribeRequest {
        agency_code: AGENCY.into(),
    };
    let described = town
        .broker_caller()
        .describe(describe)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(
        (
            described.agency_code.as_str(),
            described.contract_version.as_str()
        ),
        (AGENCY, "1.0")
    );
}

#[tokio::test]
async fn a_full_disk_acknowledges_nothing_and_goes_on_when_there_is_room() {
    let mut town = Town::new().await;
    town.start(Office::open()).await;
    let documents = town.folder.path().join("store/documents");
    // Stands for a disk without room: no file can be made, even by root.
    while !documents.is_dir() {
        tokio::task::yield_now().await;
    }
    let paper = town.broker.put_document(b"paper");
    recorded(town.hand_over(item(handover(1, vec![]))).await);
    town.broker.reports(1).await;
    std::fs::rename(&documents, documents.with_extension("away")).unwrap();
    std::fs::write(&documents, "in the way").unwrap();
    let verdict = town.hand_over(item(handover(2, vec![paper.clone()]))).await;
    assert!(
        matches!(verdict.outcome, Some(Outcome::Later(_))),
        "{verdict:?}"
    );

    std::fs::remove_file(&documents).unwrap();
    std::fs::rename(documents.with_extension("away"), &documents).unwrap();
    recorded(town.hand_over(item(handover(2, vec![paper]))).await);
    town.broker
        .until(|has| {
            has.reports
                .iter()
                .any(|item| report_of(item).round == 2)
                .then_some(())
        })
        .await;
}

/// An office that fails to take the first notice, and says in its result when the round is due.
struct Careful {
    told: watch::Sender<Vec<v1::DepartmentNotice>>,
    failures: AtomicUsize,
}

#[async_trait]
impl Handler for Careful {
    async fn handle(&self, work: Work) -> Result<Vec<Answer>, HandlerError> {
        let told = |told: &Vec<_>| !told.is_empty();
        self.told.subscribe().wait_for(told).await?;
        let due = work.due().await?;
        let note = format!("{:?} {}", due.due_at.map(|at| at.seconds), due.stands_still);
        let evidence = Vec::new();
        Ok(vec![Said::Completed { evidence, note }.into()])
    }

    async fn notified(&self, notice: v1::DepartmentNotice) -> Result<(), HandlerError> {
        if self.failures.fetch_add(1, Ordering::SeqCst) == 0 {
            return Err("the screen is off".into());
        }
        self.told.send_modify(|told| told.push(notice));
        Ok(())
    }
}

fn notice(number: u64, kind: impl FnOnce(String) -> v1::department_notice::Kind) -> v1::Item {
    let notice = v1::DepartmentNotice {
        dossier_id: "0f".repeat(16),
        agency_code: AGENCY.into(),
        kind: Some(kind("register_birth".into())),
        ..Default::default()
    };
    v1::Item {
        item_id: format!("notice-{number}"),
        kind: Some(Kind::Notice(notice)),
        ..Default::default()
    }
}

#[tokio::test]
async fn a_new_due_date_is_shown_until_the_handler_took_it_and_is_the_one_that_its_work_has() {
    let mut town = Town::new().await;
    let office = Arc::new(Careful {
        told: watch::Sender::default(),
        failures: 0.into(),
    });
    town.start(office.clone()).await;
    recorded(town.hand_over(item(handover(1, vec![]))).await);
    let due = |step_id| {
        v1::department_notice::Kind::DueChanged(v1::DueChanged {
            step_id,
            round: 1,
            due_at: Some(prost_types::Timestamp {
                seconds: 77,
                nanos: 0,
            }),
            stands_still: true,
            number: 3,
            ..Default::default()
        })
    };
    let first = recorded(town.hand_over(notice(1, due)).await);
    let again = recorded(town.hand_over(notice(1, due)).await);
    assert_eq!(first.recorded_at, again.recorded_at);
    let reports = town.broker.reports(1).await;
    let Some(report::Kind::Completed(completed)) = &report_of(&reports[0]).kind else {
        panic!("{reports:?}")
    };
    assert_eq!(completed.note, "Some(77) true");
    assert_eq!(office.told.borrow().len(), 1, "shown once");
}

#[tokio::test]
async fn a_notice_that_says_nothing_or_of_no_step_is_refused() {
    let mut town = Town::new().await;
    town.start(Office::open()).await;
    let mut empty = notice(1, |step_id| {
        v1::department_notice::Kind::ApologyOwed(v1::ApologyOwed {
            step_id,
            ..Default::default()
        })
    });
    let verdict = town.hand_over(empty.clone()).await;
    assert_eq!(refused(verdict), "INVALID_FIELDS", "a round counts from 1");
    if let Some(Kind::Notice(notice)) = &mut empty.kind {
        notice.kind = None;
    }
    assert_eq!(refused(town.hand_over(empty).await), "UNKNOWN_KIND");
}
