//! The rules at work: the vault before the citizen, what is noted of a refusal, calendars and codes.

use super::*;
use crate::{
    adoption::adopt,
    store::{Cursor, OwedKind},
};
use bytes::Bytes;
use dossier::{
    Debt,
    decide::{Act, Report, Statement},
    dossier::{Intake, Stage},
    event::LookUpOutcome,
    evidence::{Document, Given, Source},
    name::{AgencyCode, Digest, EvidenceName, Key, StepId},
    party::Officer,
    supplement::{Denial, Item},
};

/// Gives a licence that may be used again.
const LICENCE: &str = r#"
code = "licence"
title = { vi = "Mẫu", en = "Sample" }
legal_basis = "sample"
valid_from = "2020-01-01"
lead = "COMMUNE_POLICE"
supplement_window = "7 working days"
returns_max = 3
[part.only]
title = { vi = "Mẫu", en = "Sample" }
limit = "5 working days"
[evidence.wish]
title = { vi = "Mẫu", en = "Wish" }
source = "citizen"
[evidence.licence]
title = { vi = "Mẫu", en = "Licence" }
source = "step"
documents_min = 1
reusable = true
[step.grant]
title = { vi = "Mẫu", en = "Grant" }
part = "only"
role = "COMMUNE_POLICE"
needs = ["wish"]
gives = ["licence"]
limit = "1 working day"
"#;

/// Needs a licence, which the registry holds if the vault has none.
const SHOP: &str = r#"
code = "shop"
title = { vi = "Mẫu", en = "Sample" }
legal_basis = "sample"
valid_from = "2020-01-01"
lead = "SOCIAL_INSURANCE"
supplement_window = "7 working days"
intake_limit = "1 working day"
returns_max = 3
[part.only]
title = { vi = "Mẫu", en = "Sample" }
limit = "5 working days"
[evidence.wish]
title = { vi = "Mẫu", en = "Wish" }
source = "citizen"
[evidence.licence]
title = { vi = "Mẫu", en = "Licence" }
source = "registry"
holder = "REGISTRY"
look_up_limit = "1 working day"
reuse = true
[step.open]
title = { vi = "Mẫu", en = "Open" }
part = "only"
role = "SOCIAL_INSURANCE"
needs = ["wish", "licence"]
limit = "1 working day"
[step.stamp]
title = { vi = "Mẫu", en = "Stamp" }
part = "only"
role = "REGISTRY"
needs = [{ evidence = "licence", extract = ["/number"] }]
limit = "1 working day"
"#;

const PAPER: &[u8] = b"the licence, on paper";

fn town() -> World {
    world_with(&[("licence", LICENCE), ("shop", SHOP)])
}

fn of_owner(key: &str, procedure: &str, owner: &str) -> v1::SubmitRequest {
    let mut request = request(key, "a");
    request.procedure_code = procedure.into();
    request.parties[0].identifiers = vec![v1::Identifier {
        scheme: v1::IdentifierScheme::PersonalId.into(),
        value: format!("001226000{owner}"),
    }];
    request
}

fn named<T: std::str::FromStr<Err: std::fmt::Debug>>(text: &str) -> T {
    text.parse().unwrap()
}

fn cause(system: &str, id: &str) -> Cause {
    Cause {
        system: system.into(),
        item_id: named::<Key>(id),
        digest: Digest::of(id.as_bytes()),
        claimed_at: None,
    }
}

fn licence(data: &str) -> Given {
    Given {
        name: named("licence"),
        schema_id: String::new(),
        data: data.as_bytes().into(),
        documents: vec![Document {
            digest: Digest::of(PAPER),
            size_bytes: PAPER.len() as u64,
            media_type: "application/pdf".into(),
            file_name: "giấy phép.pdf".into(),
        }],
        subject: None,
    }
}

fn asks_for_licence() -> Action {
    Action::Act(Act::RequestSupplement {
        items: vec![Item {
            evidence: named("licence"),
            reason: "thiếu".into(),
            legal_basis: "Điều 17".into(),
            approval: None,
        }],
        officer: Officer::default(),
    })
}

impl World {
    async fn take(&self, request: &v1::SubmitRequest) -> Recorded {
        let submit = parsed(request);
        self.ledger.submit("desk", submit).await.unwrap()
    }

    async fn says(
        &self,
        recorded: &Recorded,
        step: &str,
        id: &str,
        statement: Statement,
    ) -> Result<Recorded, Failure> {
        let dossier = recorded.dossier.id;
        let row = self.reader.dossier(&dossier).unwrap().unwrap();
        let step: StepId = named(step);
        let now = row.steps.iter().find(|row| row.step == step).unwrap();
        let report = Report {
            agency: now.agency.clone(),
            step,
            round: now.round,
            handover: String::new(),
            officer: Officer::default(),
            statement,
        };
        let cause = cause("department", id);
        self.ledger
            .happen(dossier, Some(cause), Action::Report(report))
            .await
    }

    async fn send_paper(&self) {
        let header = crate::documents::Header {
            digest: Digest::of(PAPER),
            size_bytes: PAPER.len() as u64,
            offset: 0,
        };
        let mut upload = self.documents.upload("department", header).await.unwrap();
        upload.push(0, Bytes::from_static(PAPER)).await.unwrap();
        upload.finish().await.unwrap();
    }

    /// A licence is granted to this owner, and lies in the vault.
    async fn grants_licence(&self, key: &str, owner: &str) -> Recorded {
        self.send_paper().await;
        let recorded = self.take(&of_owner(key, "licence", owner)).await;
        let evidence = vec![licence(r#"{"number":"1"}"#)];
        let note = String::new();
        let done = Statement::Completed { evidence, note };
        self.says(&recorded, "grant", &format!("{key}-done"), done)
            .await
            .unwrap()
    }

    fn causes(&self) -> Vec<String> {
        let incidents = self.reader.incidents(false, None, None, 10).unwrap();
        incidents.into_iter().map(|one| one.key.cause).collect()
    }
}

#[tokio::test]
async fn what_the_vault_has_nobody_is_asked_for_and_its_use_is_recorded() {
    let town = town();
    let licence = town.grants_licence("k1", "001").await;
    let code = format!("{}-KQ1", licence.dossier.code());

    let shop = town.take(&of_owner("k2", "shop", "001")).await;
    let taken = shop.dossier.newest(&named("licence")).unwrap();
    assert_eq!(taken.new.source, Source::Vault);
    assert_eq!(&*taken.new.given.data, br#"{"number":"1"}"#);
    assert_eq!(shop.dossier.look_up(&named("licence")), None);

    let uses = town.reader.vault_uses(&code).unwrap();
    assert_eq!(uses.len(), 1);
    assert_eq!(uses[0].dossier_id, shop.dossier.id);
    assert_eq!(uses[0].procedure.as_str(), "shop");
    assert_eq!(uses[0].evidence.as_str(), "licence");

    // Somebody else's is not found.
    let other = town.take(&of_owner("k3", "shop", "002")).await;
    assert!(other.dossier.look_up(&named("licence")).is_some());
    assert_eq!(town.reader.vault_uses(&code).unwrap().len(), 1);
}

#[tokio::test]
async fn who_gets_evidence_of_the_vault_in_a_handover_may_download_it() {
    let town = town();
    let licence = town.grants_licence("k1", "001").await;
    let shop = town.take(&of_owner("k2", "shop", "001")).await;
    let (paper, id) = (Digest::of(PAPER), shop.dossier.id);
    let granted = |agency: &str, id| {
        let agency: AgencyCode = named(agency);
        town.reader.granted_in(&agency, id, &paper).unwrap()
    };
    assert_eq!(
        shop.dossier.steps[&named::<StepId>("open")].agency.as_str(),
        "H99.1"
    );
    assert!(granted("H99.1", &id) && granted("H99", &id));
    // Whoever needs only a member of it gets no paper.
    assert_eq!(shop.dossier.steps[&named::<StepId>("stamp")].round, 1);
    assert!(!granted("H99.2", &id));
    assert!(granted("H99", &licence.dossier.id));
}

#[tokio::test]
async fn a_correction_supersedes_what_is_in_the_vault() {
    let town = town();
    let licence_given = town.grants_licence("k1", "001").await;
    let correction = Statement::Correction {
        evidence: vec![licence(r#"{"number":"2"}"#)],
        reason: "sai số".into(),
    };
    let corrected = town.says(&licence_given, "grant", "fix", correction).await;
    let code = format!("{}-KQ2", corrected.unwrap().dossier.code());
    let shop = town.take(&of_owner("k2", "shop", "001")).await;
    assert_eq!(
        shop.dossier.received.reused[&named::<EvidenceName>("licence")],
        code
    );
}

#[tokio::test]
async fn whoever_would_ask_the_citizen_for_what_is_held_is_refused_and_it_is_taken_instead() {
    let town = town();
    let mut filed = of_owner("k1", "shop", "001");
    filed.receive = false;
    let shop = town.take(&filed).await;
    assert_eq!(shop.dossier.intake, Intake::Filed);
    let (id, desk) = (shop.dossier.id, || Some(cause("desk", "ask-1")));

    // Its holder is being asked: the desk waits.
    let refused = town.ledger.happen(id, desk(), asks_for_licence()).await;
    let Err(Failure::Refused(Refusal::SupplementDenied { denials, .. })) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(
        denials[&named::<EvidenceName>("licence")],
        Denial::LookUpOpen(named("H99.2"))
    );
    assert_eq!(town.reader.denials().unwrap(), [(named("H99"), 1)]);
    // Sent again, it is refused again and counted once.
    let repeated = town.ledger.happen(id, desk(), asks_for_licence()).await;
    assert!(matches!(
        repeated,
        Err(Failure::Refused(Refusal::SupplementDenied { .. }))
    ));
    assert_eq!(town.reader.denials().unwrap(), [(named("H99"), 1)]);

    // Meanwhile the owner got one elsewhere.
    let licence = town.grants_licence("k2", "001").await;
    let again = Some(cause("desk", "ask-2"));
    let refused = town.ledger.happen(id, again, asks_for_licence()).await;
    assert!(matches!(
        refused,
        Err(Failure::Refused(Refusal::SupplementDenied { .. }))
    ));
    assert_eq!(town.reader.denials().unwrap(), [(named("H99"), 2)]);
    let accept = Action::Act(Act::Accept {
        received_at: None,
        officer: Officer::default(),
    });
    let accepted = town
        .ledger
        .happen(id, Some(cause("desk", "accept")), accept)
        .await
        .unwrap();
    let taken = accepted.dossier.newest(&named("licence")).unwrap();
    assert_eq!(taken.new.source, Source::Vault);
    assert!(accepted.dossier.supplements.is_empty());
    let code = format!("{}-KQ1", licence.dossier.code());
    assert_eq!(town.reader.vault_uses(&code).unwrap().len(), 1);
}

#[tokio::test]
async fn a_refused_supplement_that_could_not_be_noted_is_a_doubt() {
    let town = town();
    let mut filed = of_owner("k1", "shop", "001");
    filed.receive = false;
    let shop = town.take(&filed).await;
    town.mishaps.next(Mishap::DiesBefore);
    let cause = Some(cause("desk", "ask"));
    let refused = town
        .ledger
        .happen(shop.dossier.id, cause, asks_for_licence())
        .await;
    assert!(matches!(refused, Err(Failure::Doubt)));
    assert!(town.reader.denials().unwrap().is_empty());
}

#[tokio::test]
async fn the_next_alarm_of_each_dossier_waits_in_the_store() {
    let town = town();
    let mut filed = of_owner("k1", "shop", "001");
    filed.receive = false;
    let filed = town.take(&filed).await;
    let received = town.take(&of_owner("k2", "licence", "001")).await;
    let rows = town.reader.timers_until(jiff::Timestamp::MAX, 99).unwrap();
    assert!(rows.iter().all(|one| one.row.kind == OwedKind::Timer));
    for dossier in [&filed.dossier, &received.dossier] {
        let all = dossier::owed(dossier)
            .into_iter()
            .filter_map(|debt| match debt {
                Debt::Timer { alarm, at } => Some((at, alarm)),
                _ => None,
            });
        let all: Vec<_> = all.collect();
        assert!(all.len() > 2, "{all:?}");
        let next = all.iter().min_by_key(|(at, _)| *at).cloned();
        let mut of_it = rows.iter().filter(|one| one.dossier_id == dossier.id);
        let kept = of_it
            .next()
            .map(|one| (one.row.due_at, one.row.alarm.clone()));
        assert_eq!(kept, next.map(|(at, alarm)| (at, Some(alarm))));
        assert_eq!(of_it.count(), 0);
    }
}

#[tokio::test]
async fn a_look_up_that_brings_nothing_is_told_to_a_person_until_it_is_put_right() {
    let town = town();
    let shop = town.take(&of_owner("k1", "shop", "001")).await;
    let answer = |outcome, evidence| Statement::LookedUp {
        outcome,
        evidence,
        note: String::new(),
    };
    let look_up = "look_up_licence";
    let none = answer(LookUpOutcome::NotFound, None);
    let answered = town.says(&shop, look_up, "none", none).await.unwrap();
    assert_eq!(
        answered.dossier.steps[&named::<StepId>(look_up)].stage,
        Stage::Completed
    );
    assert_eq!(town.causes(), ["LOOK_UP_NOT_FOUND"]);
    let incidents = town.reader.incidents(false, None, None, 1).unwrap();
    assert_eq!(incidents[0].key.step, Some(named(look_up)));
    assert_eq!(incidents[0].code.as_ref(), Some(shop.dossier.code()));

    let other = town.take(&of_owner("k2", "shop", "002")).await;
    let away = answer(LookUpOutcome::Unavailable, None);
    town.says(&other, look_up, "away", away).await.unwrap();
    assert_eq!(town.causes(), ["LOOK_UP_UNAVAILABLE", "LOOK_UP_NOT_FOUND"]);

    // Who withdraws needs nobody to look at anything.
    for (id, dossier) in [("w1", shop.dossier.id), ("w2", other.dossier.id)] {
        let withdraw = Action::Act(Act::Withdraw {
            reason: "thôi".into(),
            officer: Officer::default(),
        });
        let cause = Some(cause("desk", id));
        town.ledger.happen(dossier, cause, withdraw).await.unwrap();
    }
    assert!(town.causes().is_empty());
}

#[tokio::test]
async fn a_changed_calendar_is_taken_up_by_every_open_dossier_once() {
    let town = town();
    let mut filed = of_owner("k0", "shop", "001");
    filed.receive = false;
    let waiting = town.take(&filed).await.dossier.id;
    let open = town.take(&of_owner("k1", "licence", "001")).await;
    let old = open.dossier.received.calendar_digest;
    let registry = &town.registry;
    let adopted = || adopt(&town.ledger, town.reader.as_ref(), registry);
    assert_eq!(adopted().await, Ok(0));

    // The territory has working Saturdays from now on.
    let local = r#"
        territory = "P"
        title = { vi = "Mẫu", en = "Sample" }
        [hours]
        source = "sample"
        confirmed = false
        [hours.on]
        saturday = ["07:30-11:30"]
    "#;
    std::fs::write(town.folder.path().join("calendars/local.toml"), local).unwrap();
    let mut reading = registry.read_again(town.reader.as_ref()).unwrap();
    let note = Note {
        blobs: std::mem::take(&mut reading.blobs),
        ..Note::default()
    };
    town.ledger.note(note).await.unwrap();
    registry.use_reading(reading);
    let new = registry.calendar_of(&named("P")).digest;
    assert_ne!(new, old);

    // Whatever happens before is still reckoned by the old one.
    let acknowledge = Action::Acknowledge {
        step: named("grant"),
        round: 1,
    };
    let id = open.dossier.id;
    let held = town.ledger.happen(id, None, acknowledge).await.unwrap();
    assert_eq!(held.dossier.received.calendar_digest, old);

    assert_eq!(adopted().await, Ok(2));
    assert_eq!(adopted().await, Ok(0));
    for id in [id, waiting] {
        let row = town.reader.dossier(&id).unwrap().unwrap();
        assert_eq!(row.summary.calendar, new);
    }
    let followed = town.reader.calendars_followed().unwrap();
    assert_eq!(followed, [(named("P"), new)]);
    // Both are kept for ever.
    for digest in [old, new] {
        let kind = crate::store::BlobKind::Calendar;
        assert!(town.reader.blob(kind, &digest).unwrap().is_some());
    }
}

#[tokio::test]
async fn a_filed_dossier_follows_the_rules_in_force_when_it_is_received() {
    let town = town();
    town.grants_licence("k0", "001").await;
    let mut filed = of_owner("k1", "shop", "001");
    filed.receive = false;
    let shop = town.take(&filed).await;
    let row = |id| town.reader.dossier(id).unwrap().unwrap().summary;
    let id = shop.dossier.id;
    assert_eq!(row(&id).state, i32::from(v1::DossierState::Filed));
    let look_by = row(&id).promised_at;

    let text = CALENDAR.replace("Sample", "Another");
    std::fs::write(town.folder.path().join("calendars/national.toml"), text).unwrap();
    let reading = town.registry.read_again(town.reader.as_ref()).unwrap();
    town.registry.use_reading(reading);
    let accept = || {
        let action = Action::Act(Act::Accept {
            received_at: None,
            officer: Officer::default(),
        });
        town.ledger.happen(id, Some(cause("desk", "in")), action)
    };
    let accepted = accept().await.unwrap();
    let now = town.registry.calendar_of(&named("P")).digest;
    assert_eq!(accepted.dossier.received.calendar_digest, now);
    assert_eq!(row(&id).state, i32::from(v1::DossierState::InProcess));
    assert!(row(&id).promised_at > look_by);
    let again = accept().await.unwrap();
    assert_eq!((again.at, again.position), (accepted.at, 0));
}

#[tokio::test]
async fn what_closed_long_enough_ago_is_erased_and_nothing_more_happens_to_it() {
    let town = town();
    let (first, open) = (
        of_owner("k1", "shop", "001"),
        town.take(&of_owner("k2", "shop", "002")).await,
    );
    let taken = town.take(&first).await;
    let id = taken.dossier.id;
    let withdraws = || {
        Action::Act(Act::Withdraw {
            reason: "họ đổi ý".into(),
            officer: Officer::default(),
        })
    };
    let by = |item| Some(cause("desk", item));
    let closed = town.ledger.happen(id, by("end"), withdraws()).await;
    assert!(closed.unwrap().dossier.closed_at.is_some());

    let erase = |keep_days| {
        let (ledger, reader) = (&town.ledger, town.reader.as_ref());
        crate::retention::erase(keep_days, ledger, reader, &town.documents)
    };
    assert_eq!(erase(1).await, Ok(0), "it closed today");
    assert_eq!(erase(0).await, Ok(1));
    assert_eq!(erase(0).await, Ok(0));

    let loaded = town.reader.load(&id).unwrap().unwrap();
    assert!(loaded.row.erased_at.is_some());
    assert!(loaded.records.iter().all(|kept| kept.personal.is_none()));
    let (dossier, _) = crate::hot::replay(id, &loaded).unwrap();
    assert!(dossier.received.parties.is_empty() && dossier.closed_at.is_some());
    assert_eq!(dossier.code(), taken.dossier.code());
    let told = town.reader.notices(&named("H99"), &Cursor::default(), 99);
    let of = |notice: &crate::store::Notice| notice.dossier_id == open.dossier.id;
    assert!(told.unwrap().iter().all(of));

    let again = town.ledger.submit("desk", parsed(&first)).await;
    assert!(matches!(again, Err(Failure::Erased)), "{again:?}");
    let late = town.ledger.happen(id, by("late"), withdraws()).await;
    assert!(matches!(late, Err(Failure::Erased)), "{late:?}");
}

#[tokio::test]
async fn a_submit_that_is_not_complete_costs_no_code_and_leaves_nothing_behind() {
    let town = town();
    let first = town.take(&of_owner("k1", "licence", "001")).await;
    let mut bare = of_owner("k2", "licence", "001");
    bare.evidence.clear();
    let refused = town.ledger.submit("desk", parsed(&bare)).await;
    assert!(matches!(refused, Err(Failure::Refused(Refusal::Fields(_)))));
    assert_eq!(town.dossiers(), 1);
    // The same key may come again with what was missing.
    let second = town.take(&of_owner("k2", "licence", "001")).await;
    let number = |one: &Recorded| -> u32 {
        let code = one.dossier.code().as_str();
        code.rsplit_once('-').unwrap().1.parse().unwrap()
    };
    assert_eq!(number(&second), number(&first) + 1);
}

#[tokio::test]
async fn a_leased_code_is_its_desks_alone() {
    let town = town();
    let lease = |system: &str, count| {
        let desk = named("H99");
        town.ledger
            .lease_codes(system.into(), named("block-1"), desk, count)
    };
    let codes = lease("desk", 3).await.unwrap();
    assert_eq!(codes.len(), 3);
    assert_eq!(lease("desk", 3).await.unwrap(), codes, "asked again");
    let reused = lease("desk", 4).await;
    assert!(matches!(reused, Err(Failure::Refused(Refusal::IdReused))));
    let other = lease("another desk", 3).await.unwrap();
    assert!(!other.contains(&codes[0]));
    let mut brought = of_owner("k1", "licence", "001");
    brought.dossier_code = codes[1].to_string();
    let taken = town.take(&brought).await;
    assert_eq!(taken.dossier.code(), &codes[1]);
    let minted = town.take(&of_owner("k2", "licence", "001")).await;
    assert!(!codes.contains(minted.dossier.code()));

    let (head, _) = codes[0].as_str().rsplit_once('-').unwrap();
    let mut invented = of_owner("k3", "licence", "001");
    invented.dossier_code = format!("{head}-9999999");
    let refused = town.ledger.submit("desk", parsed(&invented)).await;
    assert!(matches!(refused, Err(Failure::Refused(Refusal::CodeTaken))));
    // A store that was restored may lack what it leased after the copy was made.
    town.ledger.begin_epoch().await.unwrap();
    let brought = town.take(&invented).await;
    assert_eq!(brought.dossier.code().as_str(), invented.dossier_code);
}
