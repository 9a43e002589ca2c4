//! The checks from the outside, once everything is quiet: what desks and departments wrote down
//! themselves against what the broker says and what lies in its store.

use super::{
    books,
    chain::{self, Chain},
    citizens::{Citizens, Front, reading},
    fault::Faults,
    province::Province,
    witness::{LeftOver, Witness, left_over},
};
use crate::town::{Caller, ground::BROKER};
use contract::{
    record::v1::record::Event,
    v1::{self, DossierState, notice::Kind, report},
};
use node::identity::Role;
use prost::Message as _;
use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};
use tokio::time::sleep;

/// Incidents that a fault gives reason for; each must be closed in the end.
const REASONS: [&str; 6] = [
    "DEPARTMENT_UNREACHABLE",
    "STORAGE_UNAVAILABLE",
    "LOOK_UP_UNAVAILABLE",
    "LOOK_UP_SILENT",
    "LIMIT_PASSED",
    "APOLOGY_OWED",
];
/// How long the last notice may be on its way.
const TELLING_MAX: Duration = Duration::from_secs(5);
/// Dossiers and notices on one page.
const PAGE: u32 = 500;

/// Everything that is not as it must be; empty when all is well. Each begins with the check's name.
pub(super) async fn all(
    province: &mut Province,
    citizens: &mut Citizens,
    witness: &mut Witness,
    faults: &Faults,
) -> Vec<String> {
    let mut wrong = Vec::new();
    citizens.look();
    witness.look(&province.offices());
    let mut tracked = BTreeMap::new();
    for front in &citizens.fronts {
        let caller = province.desk_caller(&front.counter);
        wrong.extend(submits(front, &caller).await);
        // What was told last may be on its way for a moment longer.
        let begun = Instant::now();
        let mut missing = notices(front, &caller, province).await;
        while !missing.is_empty() && begun.elapsed() < TELLING_MAX {
            sleep(Duration::from_millis(200)).await;
            missing = notices(front, &caller, province).await;
        }
        wrong.extend(missing);
        for code in front.codes.values() {
            match track(&caller, front, code).await {
                Ok(found) => drop(tracked.insert(code.clone(), found)),
                Err(why) => wrong.push(format!("submit: {code} cannot be tracked: {why}")),
            }
        }
    }
    wrong.extend(incidents(province).await);
    let mut stands = BTreeSet::new();
    for (office, folder) in province.offices() {
        match left_over(&folder) {
            Ok(LeftOver {
                waiting,
                incidents,
                recorded,
            }) => {
                stands.extend(recorded);
                wrong.extend(
                    (waiting > 0).then(|| format!("debt: {office} has {waiting} reports waiting")),
                );
                wrong.extend(
                    incidents
                        .iter()
                        .map(|one| format!("incident: {office}: {one}")),
                );
            }
            Err(error) => wrong.push(format!(
                "debt: the store of {office} cannot be read: {error}"
            )),
        }
    }
    if !faults.was_restored() {
        wrong.extend(losses(province));
    }
    wrong.extend(
        witness
            .complaints
            .iter()
            .map(|one| format!("one id: {one}")),
    );
    wrong.extend(faults.complaints.iter().map(|one| format!("ended: {one}")));
    wrong.extend(
        province
            .end_all()
            .await
            .into_iter()
            .map(|one| format!("ended: {one}")),
    );

    let file = province.path(BROKER).join("broker.db");
    match chain::read(&file) {
        Ok((chains, left)) => {
            wrong.extend(left);
            wrong.extend(effects(&chains, witness, &stands, faults));
            for chain in &chains {
                wrong.extend(held(chain, faults));
                if let Some(track) = tracked.get(&chain.code) {
                    wrong.extend(chain.slip(track));
                    wrong.extend(books::balance(chain, track));
                }
            }
        }
        Err(error) => wrong.push(format!("chain: the broker's store cannot be read: {error}")),
    }
    wrong
}

/// What came right again although nobody had restored anything: the broker had lost what it acknowledged.
fn losses(province: &Province) -> Vec<String> {
    let signs = ["a new epoch begins", "the broker has lost a dossier"];
    let said = province.members.iter().flat_map(|member| {
        let said = signs.iter().filter(|sign| member.said(sign));
        said.map(|sign| format!("loss: {} says: {sign}", member.name))
    });
    said.collect()
}

/// Every acknowledged submit is one dossier, closed, under the code that was acknowledged.
async fn submits(front: &Front, caller: &Caller) -> Vec<String> {
    let mut wrong: Vec<String> = front
        .complaints
        .iter()
        .map(|one| format!("submit: {one}"))
        .collect();
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let mut page_token = String::new();
    loop {
        let request = v1::ListDossiersRequest {
            agency_code: front.counter.agency.into(),
            page_size: PAGE,
            page_token,
        };
        let page = match caller.desk().list_dossiers(request).await {
            Ok(page) => page.into_inner(),
            Err(status) => return vec![format!("submit: dossiers cannot be listed: {status}")],
        };
        for one in page.dossiers {
            found
                .entry(one.submit_key)
                .or_default()
                .push(one.dossier_code);
        }
        page_token = page.next_page_token;
        if page_token.is_empty() {
            break;
        }
    }
    for key in &front.brought {
        let there = found.remove(key).unwrap_or_default();
        match (front.codes.get(key), there.as_slice()) {
            (Some(code), [one]) if code == one => {}
            (code, there) => wrong.push(format!(
                "submit: {key} was acknowledged as {code:?} and is {there:?}"
            )),
        }
    }
    wrong.extend(
        found
            .keys()
            .map(|key| format!("submit: {key} was brought by nobody")),
    );
    let distinct: BTreeSet<_> = front.codes.values().collect();
    if distinct.len() != front.codes.len() {
        wrong.push("submit: two dossiers have one code".into());
    }
    wrong
}

async fn track(caller: &Caller, front: &Front, code: &str) -> Result<v1::TrackResponse, String> {
    let request = v1::TrackRequest {
        agency_code: front.counter.agency.into(),
        dossier_code: code.to_owned(),
    };
    let found = caller.desk().track(request).await;
    let found = found.map_err(|status| status.to_string())?.into_inner();
    match found.state() {
        DossierState::Closed => Ok(found),
        state => Err(format!("it is {}", state.as_str_name())),
    }
}

/// Every notice that the broker has of a desk's dossiers is in the desk's store, and each result was
/// told once.
async fn notices(front: &Front, caller: &Caller, province: &Province) -> Vec<String> {
    let kept = || -> rusqlite::Result<BTreeSet<Vec<u8>>> {
        let store = reading(&province.path(front.counter.name).join("desk.db"))?;
        let mut rows = store.prepare("SELECT bytes FROM notice")?;
        let rows = rows.query_map([], |row| row.get::<_, Vec<u8>>(0))?;
        rows.map(|bytes| Ok(essence(&v1::Notice::decode(bytes?.as_slice()).unwrap())))
            .collect()
    };
    let kept = match kept() {
        Ok(kept) => kept,
        Err(error) => {
            return vec![format!(
                "notice: the store of {} cannot be read: {error}",
                front.counter.name
            )];
        }
    };
    let (mut wrong, mut told) = (Vec::new(), BTreeMap::<_, u32>::new());
    let mut cursor = String::new();
    loop {
        let request = v1::ListNoticesRequest {
            agency_code: front.counter.agency.into(),
            cursor: cursor.clone(),
            page_size: PAGE,
        };
        let page = match caller.desk().list_notices(request).await {
            Ok(page) => page.into_inner(),
            Err(status) => return vec![format!("notice: notices cannot be listed: {status}")],
        };
        for notice in &page.notices {
            let code = &notice.dossier_code;
            if !kept.contains(&essence(notice)) {
                wrong.push(format!(
                    "notice: {} never heard of {code}: {:?}",
                    front.counter.name,
                    kind(notice)
                ));
            }
            match &notice.kind {
                Some(Kind::Result(one)) => {
                    *told
                        .entry((code.clone(), one.evidence.clone(), one.version))
                        .or_default() += 1;
                }
                Some(Kind::Closed(_)) => {
                    *told.entry((code.clone(), "closed".into(), 0)).or_default() += 1
                }
                _ => {}
            }
        }
        match page.notices.last() {
            Some(last) => cursor = last.cursor.clone(),
            None => break,
        }
    }
    wrong.extend(told.iter().filter(|(_, times)| **times > 1).map(
        |((code, what, version), times)| {
            format!("once: {what} {version} of {code} was told {times} times")
        },
    ));
    wrong
}

fn essence(notice: &v1::Notice) -> Vec<u8> {
    let essence = v1::Notice {
        cursor: String::new(),
        ..notice.clone()
    };
    essence.encode_to_vec()
}

/// The word of a notice, without what it says.
fn kind(notice: &v1::Notice) -> String {
    let text = format!("{:?}", notice.kind);
    text.split(['(', ' ']).nth(1).unwrap_or_default().to_owned()
}

/// No incident is open, and none was without reason.
async fn incidents(province: &Province) -> Vec<String> {
    let request = v1::ListIncidentsRequest {
        include_closed: true,
        page_size: PAGE,
        page_token: String::new(),
        cause: String::new(),
        ..Default::default()
    };
    let operator = province.caller(Role::Operator, "operator");
    let page = match operator.operator().list_incidents(request).await {
        Ok(page) => page.into_inner(),
        Err(status) => return vec![format!("incident: incidents cannot be listed: {status}")],
    };
    let mut wrong = Vec::new();
    for one in page.incidents {
        let what = format!(
            "{} {} {} {}",
            one.cause, one.agency_code, one.dossier_code, one.step_id
        );
        if one.closed_at.is_none() {
            wrong.push(format!("incident: open: {what}"));
        } else if !REASONS.contains(&one.cause.as_str()) {
            wrong.push(format!("incident: without reason: {what}"));
        }
    }
    wrong
}

/// What a department had acknowledged stayed with it, unless its disk was lost, or the broker's memory of
/// what it gave.
fn held(chain: &Chain, faults: &Faults) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut given = BTreeMap::new();
    for record in &chain.records {
        match &record.event {
            Some(Event::HandoverDue(due)) => drop(given.insert(&due.step_id, &due.agency_code)),
            Some(Event::HoldingLost(lost)) if !faults.was_restored() => {
                let agency = given
                    .get(&lost.step_id)
                    .map_or("", |agency| agency.as_str());
                if !faults.lost_disks.contains(&agency) {
                    wrong.push(format!(
                        "held: {agency} had acknowledged {} of {} and does not have it",
                        lost.step_id, chain.code
                    ));
                }
            }
            _ => {}
        }
    }
    wrong
}

/// Every acknowledged report took effect, and once; after a restore, every one that its department stands by.
fn effects(
    chains: &[Chain],
    witness: &Witness,
    stands: &BTreeSet<String>,
    faults: &Faults,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let mut effects: BTreeMap<&str, Vec<(&str, u64)>> = BTreeMap::new();
    for chain in chains {
        for (record, item_id) in chain.records.iter().zip(&chain.items) {
            if record.cause.is_some() {
                let effects = effects.entry(item_id.as_str()).or_default();
                // One report may be several events, one right after the other.
                match effects.last_mut() {
                    Some((code, last)) if *code == chain.code && *last + 1 == record.sequence => {
                        *last += 1
                    }
                    _ => effects.push((&chain.code, record.sequence)),
                }
            }
        }
    }
    for (item_id, one) in &witness.acknowledged {
        let v1::Report {
            step_id,
            round,
            kind,
            ..
        } = &one.report;
        let name = format!(
            "{} report of {step_id} round {round}, {item_id}, {}",
            one.office,
            said(kind)
        );
        match effects.get(item_id.as_str()).map(Vec::as_slice) {
            Some([_]) => {}
            // What a restore took away may come back in another order: the department itself let go of what
            // a higher round, or the same one with other content, has overtaken.
            None if faults.was_restored() && !stands.contains(item_id) => {}
            None => wrong.push(format!("effect: {name} was acknowledged and has none")),
            Some(many) => wrong.push(format!(
                "effect: {name} has {} effects: {many:?}",
                many.len()
            )),
        }
    }
    wrong
}

fn said(kind: &Option<report::Kind>) -> String {
    let text = format!("{kind:?}");
    text.split(['(', ' ', '{'])
        .nth(1)
        .unwrap_or_default()
        .to_owned()
}
