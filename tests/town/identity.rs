//! Who may come in, and what each may touch.

use crate::town::{
    Caller, Town,
    birth::Scan,
    caller::reason,
    ground::{TRUST_DOMAIN, past},
    patience::patiently,
};
use contract::v1::{self, StepState, envelope::Content, report::Kind, verdict::Outcome};
use node::{
    identity::{Identity, Role},
    pki::{Authority, Validity},
};
use rustls::{AlertDescription, Error};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

#[tokio::test]
async fn without_a_certificate_one_gets_an_alert_and_the_log_one_line() {
    let town = Town::with([]).await;
    for _ in 0..50 {
        let answer = town.door().knock(None).await.map(drop);
        assert_eq!(
            answer,
            Err(Error::AlertReceived(AlertDescription::CertificateRequired))
        );
    }
    town.is_logged_once("NO_CERTIFICATE").await;
}

#[tokio::test]
async fn a_certificate_of_another_authority_gets_an_alert() {
    let town = Town::with([]).await;
    let impostor = Authority::create(TRUST_DOMAIN, Validity::days(1)).unwrap();
    let other = Authority::create("other.example", Validity::days(1)).unwrap();
    for (authority, domain, alert) in [
        (impostor, TRUST_DOMAIN, AlertDescription::DecryptError),
        (other, "other.example", AlertDescription::UnknownCA),
    ] {
        let identity = Identity::new(domain, Role::Desk, "desk-mau-mot").unwrap();
        let forged = authority.issue(&identity, Validity::days(1)).unwrap();
        let answer = town
            .door()
            .knock(Some((&forged.certificate_pem, &forged.key_pem)))
            .await;
        assert_eq!(answer.map(drop), Err(Error::AlertReceived(alert)));
    }
    town.is_logged_once("CERTIFICATE_OF_ANOTHER_AUTHORITY")
        .await;
}

#[tokio::test]
async fn an_expired_certificate_gets_an_alert() {
    let town = Town::with([]).await;
    let old = town.ground.issue(Role::Desk, "desk-mau-mot", past());

    let answer = town
        .door()
        .knock(Some((&old.certificate_pem, &old.key_pem)))
        .await
        .map(drop);
    assert_eq!(
        answer,
        Err(Error::AlertReceived(AlertDescription::CertificateExpired))
    );
    town.is_logged_once("CERTIFICATE_EXPIRED").await;
}

#[tokio::test]
async fn tls_1_2_gets_an_alert() {
    let town = Town::with([]).await;
    let answer = town.door().knock_with_tls_1_2().await;
    // Record 21 is an alert; 2 is fatal, 70 is protocol_version (RFC 8446 §6.2).
    assert_eq!((answer[0], &answer[5..]), (21, &[2, 70][..]));
    town.is_logged_once("TLS_VERSION_OR_ALGORITHM").await;
}

#[tokio::test]
async fn a_good_certificate_is_let_in() {
    let town = Town::with([]).await;
    let good = town
        .ground
        .issue(Role::Desk, "desk-mau-mot", Validity::days(1));
    assert!(
        town.door()
            .knock(Some((&good.certificate_pem, &good.key_pem)))
            .await
            .is_ok()
    );
}

#[tokio::test]
async fn a_certificate_that_is_denied_loses_its_open_stream() {
    let town = Town::with([]).await;
    let issued = town
        .ground
        .issue(Role::Department, "police-mau-mot", Validity::days(1));
    let police = town.caller_with(town.ground.credentials_of(&issued));
    let (say, saying) = tokio::sync::mpsc::channel(16);
    say.send(request(Content::Hello(hello("G01.99.01"))))
        .await
        .unwrap();
    let mut heard = police
        .exchange()
        .report(ReceiverStream::new(saying))
        .await
        .unwrap()
        .into_inner();
    assert!(matches!(
        content(heard.message().await.unwrap()),
        Content::Hello(_)
    ));

    let item = v1::Item {
        item_id: "1".into(),
        kind: None,
        ..Default::default()
    };
    say.send(request(Content::Item(item.clone())))
        .await
        .unwrap();
    assert!(matches!(
        content(heard.message().await.unwrap()),
        Content::Verdict(_)
    ));

    town.deny(&issued);
    let cut = patiently("the stream to be cut", async {
        for number in 2.. {
            let item = v1::Item {
                item_id: number.to_string(),
                ..item.clone()
            };
            let _ = say.send(request(Content::Item(item))).await;
            match heard.message().await {
                Ok(Some(_)) => {}
                ended => return ended.map(drop),
            }
        }
        unreachable!("numbers do not end")
    })
    .await;
    assert_eq!(reason(&cut.unwrap_err()), "CERTIFICATE_DENIED");
    assert!(
        police.desk_call("G01.99.01").await.is_err(),
        "nothing else goes on that connection"
    );
    let again = town
        .door()
        .knock(Some((&issued.certificate_pem, &issued.key_pem)))
        .await
        .map(drop);
    assert_eq!(
        again,
        Err(Error::AlertReceived(AlertDescription::CertificateRevoked))
    );
}

#[tokio::test]
async fn each_role_may_make_its_own_calls_and_no_others() {
    let town = Town::with([]).await;
    let allowed: [(Role, &str, &[&str]); 4] = [
        (Role::Desk, "desk-mau-mot", &["desk", "documents"]),
        (
            Role::Department,
            "police-mau-mot",
            &["exchange", "documents"],
        ),
        (Role::Operator, "operator", &["operator"]),
        (Role::Broker, "another-broker", &[]),
    ];
    for (role, code, own) in allowed {
        let caller = town.caller(role, code);
        let agency = if role == Role::Department {
            "G01.99.01"
        } else {
            "H99.01.01"
        };
        let calls = [
            ("desk", caller.desk_call(agency).await),
            ("exchange", caller.exchange_call(agency).await),
            ("documents", caller.documents_call(agency).await),
            ("operator", caller.operator_call().await),
        ];
        for (service, answer) in calls {
            match answer {
                Ok(()) => assert!(own.contains(&service), "{role} may call {service}"),
                Err(status) => {
                    assert!(
                        !own.contains(&service),
                        "{role} may not call {service}: {status:?}"
                    );
                    assert_eq!(status.code(), Code::PermissionDenied, "{role} {service}");
                    assert_eq!(reason(&status), "ROLE_NOT_ALLOWED", "{role} {service}");
                }
            }
        }
        assert!(
            caller.serves().await,
            "everybody may ask whether the broker serves"
        );
    }
}

#[tokio::test]
async fn a_system_speaks_only_for_the_agencies_that_the_directory_gives_it() {
    let town = Town::open().await;
    let dossier = town.desk().submit("birth").await;
    town.desk().closes(&dossier).await;
    let before = town.desk().track(&dossier).await;

    // The second commune's desk, in the name of the first.
    let other = town.caller(Role::Desk, "desk-mau-hai");
    let track = v1::TrackRequest {
        agency_code: "H99.01.01".into(),
        dossier_code: dossier.code.clone(),
    };
    let submit = v1::SubmitRequest {
        submit_key: "stolen".into(),
        ..dossier.request.clone()
    };
    is_denied(other.desk().track(track.clone()).await, "NOT_YOUR_AGENCY");
    is_denied(other.desk().submit(submit).await, "NOT_YOUR_AGENCY");
    is_denied(other.desk_call("H99.01.01").await, "NOT_YOUR_AGENCY");
    is_denied(other.documents_call("H99.01.01").await, "NOT_YOUR_AGENCY");

    // The police, in the name of civil status.
    let police = town.system_of("police");
    is_denied(police.exchange_call("H99.01.02").await, "NOT_YOUR_AGENCY");
    is_denied(police.documents_call("H99.01.02").await, "NOT_YOUR_AGENCY");
    let verdict = police
        .report(report(&dossier.id, "register_birth", "H99.01.02"))
        .await;
    assert_eq!(
        refusal(verdict),
        (Code::PermissionDenied, "NOT_YOUR_AGENCY".into())
    );

    assert_eq!(town.desk().track(&dossier).await, before);
    // In its own name it is told no more than of a dossier that does not exist.
    let mut in_its_own = track;
    in_its_own.agency_code = "H99.02.01".into();
    let there = other.desk().track(in_its_own.clone()).await.unwrap_err();
    in_its_own.dossier_code = "H99.01.01-20260101-9999999".into();
    let not_there = other.desk().track(in_its_own).await.unwrap_err();
    assert_eq!(told(&there), told(&not_there));
}

#[tokio::test]
async fn a_report_on_anothers_step_is_refused_and_tells_nothing() {
    let mut town = Town::open().await;
    town.clerk("police").rests();
    let dossier = town.desk().submit("birth").await;
    town.desk()
        .sees(&dossier, "register_residence", StepState::Held)
        .await;
    let before = town.desk().step(&dossier, "register_residence").await;

    let insurance = town.system_of("social-insurance");
    let there = insurance
        .report(report(&dossier.id, "register_residence", "G24.99"))
        .await;
    assert_eq!(refusal(there), (Code::PermissionDenied, "NOT_YOURS".into()));
    assert_eq!(
        town.desk().step(&dossier, "register_residence").await,
        before
    );

    // Who has no part in a dossier is told the same of it as of one that does not exist.
    let stranger = town.system_of("other-police");
    let there = stranger
        .report(report(&dossier.id, "register_residence", "G01.99.02"))
        .await;
    let not_there = stranger
        .report(report(&"0".repeat(32), "register_residence", "G01.99.02"))
        .await;
    assert_eq!(there, not_there);
    assert_eq!(refusal(there), (Code::PermissionDenied, "NOT_YOURS".into()));
}

#[tokio::test]
async fn a_digest_is_no_key_to_somebody_elses_papers() {
    let town = Town::open().await;
    let dossier = town.desk().submit("birth").await;
    town.desk().closes(&dossier).await;
    let certificate = town
        .desk()
        .result(&dossier, "birth_certificate")
        .await
        .documents[0]
        .digest
        .clone();
    let notice = dossier.notice.document.digest.clone();

    // (system, agency, what it needs, what it does not)
    let police = town.system_of("police");
    let identity = town.system_of("police-identity");
    let other_desk = town.caller(Role::Desk, "desk-mau-hai");
    assert!(police.download("G01.99.01", &certificate).await.is_ok());
    for (caller, agency, digest) in [
        (&police, "G01.99.01", &notice),
        (&identity, "G01.99", &certificate),
        (&identity, "G01.99", &notice),
        (&other_desk, "H99.02.01", &certificate),
        (&other_desk, "H99.02.01", &notice),
    ] {
        let there = caller.download(agency, digest).await.unwrap_err();
        let not_there = caller.download(agency, &[7; 32]).await.unwrap_err();
        assert_eq!(there.code(), Code::PermissionDenied, "{agency}");
        assert!(!reason(&there).is_empty());
        assert_eq!(told(&there), told(&not_there));
        assert_eq!(
            caller.stat(agency, digest).await,
            caller.stat(agency, &[7; 32]).await
        );
    }
}

#[tokio::test]
async fn naming_a_paper_that_one_never_had_is_refused() {
    let town = Town::open().await;
    let dossier = town.desk().submit("birth").await;
    let paper = town
        .desk()
        .result_when_there(&dossier, "birth_certificate")
        .await
        .documents[0]
        .clone();

    let other = town.caller(Role::Desk, "desk-mau-hai");
    let mut submit = dossier.request.clone();
    submit.agency_code = "H99.02.01".into();
    submit.territory_code = "H99_02".into();
    for named in [paper, Scan::new("nowhere").document] {
        submit.evidence[0].documents = vec![named];
        let refused = other.desk().submit(submit.clone()).await;
        is_denied(refused, "DOCUMENT_NOT_YOURS");
    }
}

#[tokio::test]
async fn only_the_broker_may_hand_over() {
    let town = Town::with(["police"]).await;
    for (role, code) in [
        (Role::Desk, "desk-mau-mot"),
        (Role::Department, "social-insurance-mau"),
    ] {
        let stranger = town.caller_at("police", role, code);
        let answer = stranger
            .department()
            .describe(v1::DescribeRequest {
                agency_code: "G01.99.01".into(),
            })
            .await;
        is_denied(answer, "CALLER_DENIED");
        let item = v1::HandOverOneRequest { item: None };
        is_denied(
            stranger.department().hand_over_one(item).await,
            "CALLER_DENIED",
        );
    }
}

#[tokio::test]
async fn nothing_is_handed_to_somebody_else_at_a_departments_address() {
    let mut town = Town::with(["civil-status", "social-insurance"]).await;
    let mut impostor = town.puppet_as("police", "police-mau-hai");
    let dossier = town.desk().submit("birth").await;
    let incident = town.incident("DEPARTMENT_UNREACHABLE").await;
    assert_eq!(incident.agency_code, "G01.99.01");
    assert!(impostor.unread().is_empty());

    drop(impostor);
    town.start("police").await;
    town.desk().closes(&dossier).await;
}

fn is_denied<T: std::fmt::Debug>(answer: Result<T, Status>, word: &str) {
    let status = answer.expect_err(word);
    assert_eq!(
        (status.code(), reason(&status).as_str()),
        (Code::PermissionDenied, word)
    );
}

/// Everything that a refusal tells.
fn told(status: &Status) -> (Code, String, Vec<u8>) {
    (
        status.code(),
        status.message().to_owned(),
        status.details().to_vec(),
    )
}

fn refusal(outcome: Outcome) -> (Code, String) {
    match outcome {
        Outcome::Refused(status) => (Code::from(status.code), reason(&status)),
        other => panic!("not refused: {other:?}"),
    }
}

fn report(dossier_id: &str, step_id: &str, agency: &str) -> v1::Item {
    let report = v1::Report {
        dossier_id: dossier_id.into(),
        step_id: step_id.into(),
        round: 1,
        agency_code: agency.into(),
        kind: Some(Kind::Progress(v1::Progress {
            note: "của tôi".into(),
        })),
        ..Default::default()
    };
    v1::Item {
        item_id: "meddling".into(),
        kind: Some(v1::item::Kind::Report(report)),
        ..Default::default()
    }
}

fn hello(agency: &str) -> v1::Hello {
    v1::Hello {
        store_id: "test".into(),
        epoch: "1".into(),
        contract_version: "1.0".into(),
        window_items_max: 100,
        window_bytes_max: 1 << 20,
        agency_code: agency.into(),
        ..Default::default()
    }
}

fn request(content: Content) -> v1::ReportRequest {
    v1::ReportRequest {
        envelope: Some(v1::Envelope {
            content: Some(content),
        }),
    }
}

fn content(message: Option<v1::ReportResponse>) -> Content {
    message
        .and_then(|message| message.envelope)
        .and_then(|envelope| envelope.content)
        .unwrap()
}

impl Caller {
    async fn desk_call(&self, agency: &str) -> Result<(), Status> {
        let request = v1::ListDossiersRequest {
            agency_code: agency.into(),
            ..Default::default()
        };
        self.desk().list_dossiers(request).await.map(drop)
    }

    async fn exchange_call(&self, agency: &str) -> Result<(), Status> {
        let request = v1::ReconcileRequest {
            agency_code: agency.into(),
            store_id: "s".into(),
            epoch: "1".into(),
            session_id: "1".into(),
            last: true,
            ..Default::default()
        };
        self.exchange().reconcile(request).await.map(drop)
    }

    async fn documents_call(&self, agency: &str) -> Result<(), Status> {
        let request = v1::StatRequest {
            digest: vec![7; 32].into(),
            agency_code: agency.into(),
        };
        self.documents().stat(request).await.map(drop)
    }

    async fn operator_call(&self) -> Result<(), Status> {
        self.operator()
            .list_incidents(v1::ListIncidentsRequest::default())
            .await
            .map(drop)
    }
}
