//! What operators see: dossiers searched for and found by person, one of them whole, what changes, page one,
//! what is counted, and who looked.

use crate::town::{
    Caller, Town,
    caller::{fields, reason},
    patience::{patiently, until},
};
use contract::v1::{
    self, CauseClass, DossierState, Grant, IncidentOwner, StepState,
    operator_service_client::OperatorServiceClient,
};
use node::identity::Role;
use tonic::{Code, Request, Status, transport::Channel};

const DESK: &str = "H99.01.01";
const CIVIL_STATUS: &str = "H99.01.02";
const POLICE: &str = "G01.99.01";
/// In the samples that a desk submits.
const MOTHER: &str = "Trần Thị Thử";
const MOTHER_NUMBER: &str = "099000000002";
const CHILD: &str = "Nguyễn Bình Mẫu";

#[tokio::test]
async fn an_operator_finds_a_dossier_by_whatever_is_known_of_it() {
    let mut town = Town::open().await;
    town.clerk("police").rests();
    let (first, second) = (
        town.desk().submit("birth").await,
        town.desk().submit("birth").await,
    );
    for dossier in [&first, &second] {
        town.desk()
            .sees(dossier, "register_residence", StepState::Held)
            .await;
    }
    let ask = v1::SearchDossiersRequest::default;
    let by = |request: v1::SearchDossiersRequest| town.finds(request);
    let both = [second.code.clone(), first.code.clone()];
    assert_eq!(by(ask()).await, both, "the newest first");
    for (request, is_found) in [
        (
            v1::SearchDossiersRequest {
                agency_code: POLICE.into(),
                ..ask()
            },
            true,
        ),
        (
            v1::SearchDossiersRequest {
                agency_code: CIVIL_STATUS.into(),
                ..ask()
            },
            false,
        ),
        (
            v1::SearchDossiersRequest {
                agency_code: POLICE.into(),
                step_id: "register_residence".into(),
                ..ask()
            },
            true,
        ),
        (
            v1::SearchDossiersRequest {
                step_id: "register_birth".into(),
                ..ask()
            },
            false,
        ),
        (
            v1::SearchDossiersRequest {
                state: DossierState::InProcess.into(),
                ..ask()
            },
            true,
        ),
        (
            v1::SearchDossiersRequest {
                state: DossierState::Closed.into(),
                ..ask()
            },
            false,
        ),
        (
            v1::SearchDossiersRequest {
                procedure_code: "birth".into(),
                ..ask()
            },
            true,
        ),
        (
            v1::SearchDossiersRequest {
                procedure_code: "death".into(),
                ..ask()
            },
            false,
        ),
        // Known by the code of the other scheme, too.
        (
            v1::SearchDossiersRequest {
                desk_agency_code: "000.01.01.H99".into(),
                ..ask()
            },
            true,
        ),
        (
            v1::SearchDossiersRequest {
                territory_code: "H99_02".into(),
                ..ask()
            },
            false,
        ),
        (
            v1::SearchDossiersRequest {
                open: true,
                ..ask()
            },
            true,
        ),
        (
            v1::SearchDossiersRequest {
                overdue: true,
                ..ask()
            },
            false,
        ),
        (
            v1::SearchDossiersRequest {
                stuck: true,
                ..ask()
            },
            false,
        ),
    ] {
        let wanted: &[String] = if is_found { &both } else { &[] };
        assert_eq!(by(request.clone()).await, wanted, "{request:?}");
    }
    let by_code = v1::SearchDossiersRequest {
        dossier_code: first.code.clone(),
        ..ask()
    };
    assert_eq!(by(by_code).await, both[1..]);

    let one = v1::SearchDossiersRequest {
        page_size: 1,
        ..ask()
    };
    let page = town
        .sees_all()
        .search_dossiers(one.clone())
        .await
        .unwrap()
        .into_inner();
    assert_eq!(page.dossiers[0].dossier_code, second.code);
    assert_eq!(page.dossiers[0].open_steps[0].agency_code, POLICE);
    let step = &page.dossiers[0].open_steps[0];
    assert!(!step.agency_name.is_empty(), "{step:?}");
    assert_ne!(step.step_title.as_ref().unwrap().vi, step.step_id);
    let page_token = page.next_page_token;
    let next = v1::SearchDossiersRequest { page_token, ..one };
    let page = town
        .sees_all()
        .search_dossiers(next)
        .await
        .unwrap()
        .into_inner();
    assert_eq!(page.dossiers[0].dossier_code, first.code);

    let wrong = v1::SearchDossiersRequest {
        agency_code: "<script>".into(),
        state: 99,
        procedure_code: "Ế'\"".into(),
        ..ask()
    };
    let refused = town.sees_all().search_dossiers(wrong).await.unwrap_err();
    assert_eq!(refused.code(), Code::InvalidArgument);
    assert_eq!(fields(&refused), ["agency_code", "procedure_code", "state"]);
}

#[tokio::test]
async fn a_person_is_found_without_marks_shown_masked_and_the_look_is_on_record() {
    let town = Town::open().await;
    let dossier = town.desk().submit("birth").await;
    town.desk().closes(&dossier).await;
    let ask = |name: &str, number: &str| v1::FindPersonRequest {
        name: name.into(),
        identifier: (!number.is_empty()).then(|| v1::Identifier {
            scheme: v1::IdentifierScheme::PersonalId.into(),
            value: number.into(),
        }),
        reason: "công dân hỏi về hồ sơ".into(),
        ..v1::FindPersonRequest::default()
    };
    for request in [
        ask("tran thi thu", ""),
        ask(MOTHER, ""),
        ask("", MOTHER_NUMBER),
    ] {
        let found = town
            .sees_all()
            .find_person(request)
            .await
            .unwrap()
            .into_inner();
        let [one] = &found.found[..] else {
            panic!("{found:?}");
        };
        let row = one.dossier.as_ref().unwrap();
        assert_eq!(row.dossier_code, dossier.code);
        assert_eq!(one.name_masked, "T••• T••• T•••");
        assert_eq!(one.identifier_masked, "099•••••••02");
        assert_eq!(one.roles[0], i32::from(v1::PartyRole::Owner));
    }
    for nobody in [ask("Tran Thi", ""), ask("", "099999999999")] {
        let found = town
            .sees_all()
            .find_person(nobody)
            .await
            .unwrap()
            .into_inner();
        assert!(found.found.is_empty());
    }
    let audit = town.audit(v1::ListAuditRequest::default()).await;
    assert_eq!(audit.len(), 5, "one entry for each look");
    assert!(audit.iter().all(|one| one.call == "FindPerson"
        && one.operator == "spiffe://town.example/operator/operator"
        && one.reason == "công dân hỏi về hồ sơ"));
    assert_eq!(audit[4].after, "1 found");
    assert_eq!(audit[4].subject, audit[3].subject, "one person, one key");
    let said = format!("{audit:?}");
    for personal in ["Thử", "tran thi thu", "thu", MOTHER_NUMBER] {
        assert!(!said.contains(personal), "{personal}");
    }

    for (bad, field) in [
        (
            v1::FindPersonRequest {
                reason: " ".into(),
                ..ask(MOTHER, "")
            },
            "reason",
        ),
        (ask(MOTHER, MOTHER_NUMBER), "identifier"),
        (ask("", ""), "name"),
        (ask("", "12"), "identifier.value"),
        (ask(&"x".repeat(201), ""), "name"),
        (ask("...", ""), ""),
    ] {
        match town.sees_all().find_person(bad).await {
            Err(refused) => assert_eq!(fields(&refused), [field]),
            Ok(found) => assert!(field.is_empty() && found.into_inner().found.is_empty()),
        }
    }
}

#[tokio::test]
async fn one_dossier_is_shown_whole_and_nothing_of_what_is_in_it() {
    let mut town = Town::open().await;
    town.clerk("police").rests();
    let dossier = town.desk().submit("birth").await;
    town.desk()
        .sees(&dossier, "register_residence", StepState::Held)
        .await;
    let shown = town.inspects(&dossier.code).await.unwrap();
    let tracked = shown.dossier.as_ref().unwrap();
    assert_eq!(tracked.state(), DossierState::InProcess);
    assert!(!tracked.control_slip.is_empty());
    let events: Vec<&str> = shown
        .timeline
        .iter()
        .map(|one| one.event.as_str())
        .collect();
    assert_eq!(events[0], "received");
    let place = |word: &str| events.iter().position(|event| *event == word).unwrap();
    assert!(place("handover_due") < place("acknowledged"));
    assert!(place("acknowledged") < place("completed"));
    let completed = &shown.timeline[place("completed")];
    assert_eq!(completed.step_id, "register_birth");
    assert!(
        completed
            .system
            .contains("/department/civil-status-mau-mot")
    );
    let step = |id: &str| shown.graph.iter().find(|one| one.step_id == id).unwrap();
    assert_eq!(step("register_residence").after, ["register_birth"]);
    assert_eq!(step("register_birth").after, Vec::<String>::new());
    let paper = shown
        .papers
        .iter()
        .find(|one| one.name == "birth_notice")
        .unwrap();
    assert_eq!((paper.documents, paper.has_data), (1, true));
    assert_eq!(paper.given_by_agency_code, DESK);
    let mut open = shown.row.unwrap().open_steps.into_iter();
    assert!(open.any(|step| step.step_id == "register_residence"));

    let said = format!(
        "{:?} {:?} {:?}",
        shown.timeline, shown.papers, shown.dossier
    );
    let digest = town.desk().evidence(&dossier).await;
    assert!(!digest.is_empty());
    for personal in [MOTHER, CHILD, MOTHER_NUMBER, "Thôn 1", "99999.GCS", ".pdf"] {
        assert!(!said.contains(personal), "{personal}");
    }
    let unknown = town
        .inspects("H99.01.01-20261122-9999999")
        .await
        .unwrap_err();
    assert_eq!(reason(&unknown), "UNKNOWN_DOSSIER");
    let no_code = town
        .inspects("'; DROP TABLE dossier; --")
        .await
        .unwrap_err();
    assert_eq!(fields(&no_code), ["dossier_code"]);
}

#[tokio::test]
async fn whoever_watches_is_told_what_changes_as_it_does() {
    let mut town = Town::open().await;
    let before = town.desk().submit("birth").await;
    town.desk().closes(&before).await;
    town.clerk("police").rests();
    let mut watch = town.watch(String::new()).await;
    let first = patiently("the first message", watch.message())
        .await
        .unwrap()
        .unwrap();
    // Its departments are still being told that it closed.
    let is_before = |row: &v1::DossierRow| row.dossier_code == before.code;
    assert!(first.dossiers.iter().all(is_before), "{first:?}");

    let dossier = town.desk().submit("birth").await;
    let seen = async {
        let mut last = first;
        loop {
            let row = last
                .dossiers
                .iter()
                .find(|row| row.dossier_code == dossier.code);
            let held = |step: &v1::OpenStep| {
                (step.step_id.as_str(), step.state()) == ("register_residence", StepState::Held)
            };
            if row.is_some_and(|row| row.open_steps.iter().any(held)) {
                return last.cursor;
            }
            last = watch.message().await.unwrap().unwrap();
        }
    };
    let cursor = patiently("the dossier to be told", seen).await;
    // Who comes back goes on where it was.
    drop(watch);
    town.clerk("police").works();
    town.desk().closes(&dossier).await;
    let mut again = town.watch(cursor).await;
    let told = patiently("what was missed", again.message())
        .await
        .unwrap()
        .unwrap();
    let rows = told.dossiers.iter().filter(|row| !is_before(row));
    let rows: Vec<_> = rows
        .map(|row| (row.dossier_code.as_str(), row.state()))
        .collect();
    assert_eq!(rows, [(dossier.code.as_str(), DossierState::Closed)]);

    let refused = town.try_watch("no cursor".into()).await.unwrap_err();
    assert_eq!(fields(&refused), ["cursor"]);
}

#[tokio::test]
async fn an_incident_is_news_to_whoever_watches_and_stands_on_page_one_with_its_way_out() {
    let mut town = Town::plan()
        .broker("[courier]\nback_off_ms_min = 5\nback_off_ms_max = 50\n")
        .open()
        .await;
    town.stop("civil-status").await;
    let mut watch = town.watch(String::new()).await;
    let dossier = town.desk().submit("birth").await;
    let told = async { while !watch.message().await.unwrap().unwrap().incidents {} };
    patiently("the incident to be told", told).await;
    let cause = until("page one to have it", async || {
        let page = town
            .sees_all()
            .overview(v1::OverviewRequest {})
            .await
            .unwrap();
        let mut attention = page.into_inner().attention.into_iter();
        attention.find(|one| one.cause == "DEPARTMENT_UNREACHABLE")
    })
    .await;
    assert_eq!(
        (cause.count, cause.cause_class()),
        (1, CauseClass::Connection)
    );
    assert_eq!(cause.owner(), IncidentOwner::Department);
    assert!(!cause.suggestion.unwrap().vi.is_empty());
    town.start("civil-status").await;
    town.desk().closes(&dossier).await;
    until("page one to be calm again", async || {
        let page = town
            .sees_all()
            .overview(v1::OverviewRequest {})
            .await
            .unwrap();
        page.into_inner().attention.is_empty().then_some(())
    })
    .await;
}

#[tokio::test]
async fn page_one_is_never_behind_what_whoever_asks_has_seen() {
    let mut town = Town::open().await;
    town.clerk("civil-status").rests();
    let mut operator = town.sees_all();
    let mut page = async || {
        let page = operator.overview(v1::OverviewRequest {}).await;
        page.unwrap().into_inner()
    };
    for received in 1..=20 {
        town.desk().submit("birth").await;
        assert_eq!(page().await.today.unwrap().received, received);
    }
    // A line that breaks is seen in the same way.
    town.kill("civil-status").await;
    town.desk().submit("birth").await;
    until("the department to be away", async || {
        let request = v1::ListDepartmentsRequest::default();
        let listed = town.sees_all().list_departments(request).await.unwrap();
        let mut listed = listed.into_inner().departments.into_iter();
        listed.find(|one| one.agency_code == CIVIL_STATUS && one.failures > 0)
    })
    .await;
    let behind = page().await.departments_behind;
    let behind: Vec<_> = behind.iter().map(|one| one.agency_code.as_str()).collect();
    assert_eq!(behind, [CIVIL_STATUS]);
}

#[tokio::test]
async fn page_one_and_the_measures_count_what_happened() {
    let mut town = Town::open().await;
    town.clerk("police").rests();
    let minutes_ago = |minutes| {
        let at = jiff::Timestamp::now() - jiff::SignedDuration::from_mins(minutes);
        Some(prost_types::Timestamp {
            seconds: at.as_second(),
            nanos: 0,
        })
    };
    let waited = town
        .desk()
        .submit_with(|request| request.arrived_at = minutes_ago(20))
        .await;
    town.desk()
        .sees(&waited, "register_residence", StepState::Held)
        .await;
    let page = town
        .sees_all()
        .overview(v1::OverviewRequest {})
        .await
        .unwrap()
        .into_inner();
    let today = page.today.unwrap();
    assert_eq!((today.received, today.open, today.closed), (1, 1, 0));
    let flow = page
        .flows
        .iter()
        .find(|flow| flow.step_id == "register_residence")
        .unwrap();
    assert_eq!(
        (flow.desk_agency_code.as_str(), flow.agency_code.as_str()),
        (DESK, POLICE)
    );
    assert_eq!((flow.open, flow.overdue), (1, 0));
    assert!(!flow.agency_name.is_empty() && !flow.step_title.as_ref().unwrap().vi.is_empty());
    let waiting = page
        .distributions
        .iter()
        .find(|one| one.name == "waiting")
        .unwrap();
    let bucket = waiting
        .bounds_seconds
        .iter()
        .position(|bound| *bound == 1_800)
        .unwrap();
    assert_eq!(
        (waiting.counts[bucket], waiting.counts.iter().sum::<u64>()),
        (1, 1)
    );

    town.clerk("police").works();
    town.desk().closes(&waited).await;
    let counted = town
        .sees_all()
        .statistics(v1::StatisticsRequest::default())
        .await;
    let counted = counted.unwrap().into_inner();
    let indicator = |name: &str, agency: &str| {
        let mut all = counted.indicators.iter();
        let found = all.find(|one| one.name == name && one.agency_code == agency);
        let found = found.unwrap_or_else(|| panic!("{name} of {agency}"));
        (found.of, found.fulfil, found.points)
    };
    assert_eq!(indicator("on_time_rate", ""), (1, 1, 2));
    assert_eq!(indicator("on_time_rate", DESK), (1, 1, 2));
    assert_eq!(indicator("agency_on_time_rate", POLICE), (1, 1, 2));
    assert_eq!(indicator("contacts", DESK), (1, 1, 2));
    assert_eq!(indicator("agencies_to_contact", DESK), (1, 1, 1));
    assert_eq!(indicator("electronic_share", DESK), (1, 0, 0));
    assert_eq!(indicator("waited_30_minutes", DESK), (1, 1, 0));
    assert_eq!(indicator("waited_15_minutes", DESK), (1, 0, 0));
    // Agency after agency it is the same.
    let (mut paged, mut page_token, mut pages) = (Vec::new(), String::new(), 0);
    loop {
        let request = v1::StatisticsRequest {
            page_size: 1,
            page_token,
            ..Default::default()
        };
        let page = town.sees_all().statistics(request).await.unwrap();
        let page = page.into_inner();
        paged.extend(page.indicators);
        pages += 1;
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    assert!(pages > 1, "a desk and a department, at least");
    let mut at_once = counted.indicators.clone();
    for all in [&mut paged, &mut at_once] {
        all.sort_by_cached_key(|one| (one.name.clone(), one.agency_code.clone()));
    }
    assert_eq!(paged, at_once);

    let unknown = counted.indicators.iter().filter(|one| !one.is_computed);
    assert_eq!(
        unknown.map(|one| one.number).collect::<Vec<_>>(),
        [5, 6, 7, 8]
    );

    let long_ago = v1::StatisticsRequest {
        until: Some(prost_types::Timestamp {
            seconds: 1_600_000_000,
            nanos: 0,
        }),
        ..Default::default()
    };
    let nothing = town
        .sees_all()
        .statistics(long_ago.clone())
        .await
        .unwrap()
        .into_inner();
    assert!(nothing.indicators.iter().all(|one| one.of == 0));
    let upside_down = v1::StatisticsRequest {
        from: long_ago.until,
        ..long_ago
    };
    let refused = town.sees_all().statistics(upside_down).await.unwrap_err();
    assert_eq!(fields(&refused), ["until"]);

    let procedures = town
        .sees_all()
        .list_procedures(v1::ListProceduresRequest {})
        .await;
    let procedures = procedures.unwrap().into_inner().procedures;
    let birth = procedures
        .iter()
        .find(|one| one.procedure_code == "birth")
        .unwrap();
    assert_eq!((birth.open, birth.suspended), (0, false));
}

#[tokio::test]
async fn nobody_sees_more_than_the_directory_grants() {
    let town = Town::open().await;
    let dossier = town.desk().submit("birth").await;
    let grants = |caller: Caller| async move {
        let who = caller.operator().who_am_i(v1::WhoAmIRequest {}).await;
        who.map(|who| who.into_inner().grants)
    };
    let of = |code: &str| town.caller(Role::Operator, code);
    assert_eq!(
        grants(of("observer")).await.unwrap(),
        [i32::from(Grant::Observe)]
    );
    assert_eq!(
        grants(of("auditor")).await.unwrap(),
        [i32::from(Grant::Audit)]
    );
    let refused = grants(of("stranger")).await.unwrap_err();
    assert_eq!(
        (refused.code(), reason(&refused)),
        (Code::PermissionDenied, "UNKNOWN_OPERATOR".into())
    );

    let search = |caller: Caller| async move {
        let request = v1::SearchDossiersRequest::default();
        caller.operator().search_dossiers(request).await.map(drop)
    };
    let person = v1::FindPersonRequest {
        name: MOTHER.into(),
        reason: "x".into(),
        ..v1::FindPersonRequest::default()
    };
    search(of("observer")).await.unwrap();
    search(of("duty")).await.unwrap();
    let denied = |status: Status| assert_eq!(reason(&status), "NOT_GRANTED");
    denied(search(of("auditor")).await.unwrap_err());
    denied(
        of("observer")
            .operator()
            .find_person(person.clone())
            .await
            .unwrap_err(),
    );
    let audit = v1::ListAuditRequest::default;
    denied(
        of("observer")
            .operator()
            .list_audit(audit())
            .await
            .unwrap_err(),
    );
    denied(of("duty").operator().list_audit(audit()).await.unwrap_err());
    of("auditor").operator().list_audit(audit()).await.unwrap();

    // A console has the grants of whom it speaks for, and none of its own.
    let speaks_for = |who: &'static str, code: &str| {
        let caller = town.caller(Role::Operator, code);
        async move {
            let mut request = Request::new(v1::SearchDossiersRequest::default());
            if !who.is_empty() {
                request
                    .metadata_mut()
                    .insert("lienthong-on-behalf-of", who.parse().unwrap());
            }
            caller.operator().search_dossiers(request).await.map(drop)
        }
    };
    for who in [
        "spiffe://town.example/operator/observer",
        "oidc:duty-sample",
    ] {
        speaks_for(who, "console").await.unwrap();
    }
    for (who, code, why) in [
        ("", "console", "NOBODY_NAMED"),
        ("oidc:auditor-sample", "console", "NOT_GRANTED"),
        ("oidc:nobody", "console", "UNKNOWN_OPERATOR"),
        ("oidc:", "console", "UNKNOWN_OPERATOR"),
        (
            "spiffe://elsewhere.example/operator/observer",
            "console",
            "UNKNOWN_OPERATOR",
        ),
        (
            "spiffe://town.example/desk/observer",
            "console",
            "UNKNOWN_OPERATOR",
        ),
        (
            "spiffe://town.example/operator/console",
            "console",
            "UNKNOWN_OPERATOR",
        ),
        (
            "spiffe://town.example/operator/operator",
            "observer",
            "NOT_A_CONSOLE",
        ),
    ] {
        let refused = speaks_for(who, code).await.unwrap_err();
        assert_eq!(reason(&refused), why, "{who} by {code}");
    }
    let mut asked = Request::new(v1::FindPersonRequest {
        reason: "hỏi".into(),
        ..person
    });
    asked.metadata_mut().insert(
        "lienthong-on-behalf-of",
        "oidc:duty-sample".parse().unwrap(),
    );
    of("console").operator().find_person(asked).await.unwrap();
    let audit = town.audit(audit()).await;
    assert_eq!(audit.len(), 1);
    assert_eq!(audit[0].operator, "spiffe://town.example/operator/duty");
    assert_eq!(audit[0].via, "spiffe://town.example/operator/console");
    town.desk().closes(&dossier).await;
}

impl Town {
    fn sees_all(&self) -> OperatorServiceClient<Channel> {
        self.operator().operator()
    }

    async fn finds(&self, request: v1::SearchDossiersRequest) -> Vec<String> {
        let found = self.sees_all().search_dossiers(request).await.unwrap();
        let rows = found.into_inner().dossiers.into_iter();
        rows.map(|row| row.dossier_code).collect()
    }

    async fn inspects(&self, code: &str) -> Result<v1::InspectDossierResponse, Status> {
        let request = v1::InspectDossierRequest {
            dossier_code: code.into(),
        };
        let shown = self.sees_all().inspect_dossier(request).await?;
        Ok(shown.into_inner())
    }

    async fn try_watch(
        &self,
        cursor: String,
    ) -> Result<tonic::Streaming<v1::WatchDossiersResponse>, Status> {
        let request = v1::WatchDossiersRequest { cursor };
        let watch = self.sees_all().watch_dossiers(request).await?;
        Ok(watch.into_inner())
    }

    async fn watch(&self, cursor: String) -> tonic::Streaming<v1::WatchDossiersResponse> {
        self.try_watch(cursor).await.unwrap()
    }

    /// The newest first.
    async fn audit(&self, request: v1::ListAuditRequest) -> Vec<v1::AuditEntry> {
        let listed = self.sees_all().list_audit(request).await.unwrap();
        listed.into_inner().entries
    }
}
