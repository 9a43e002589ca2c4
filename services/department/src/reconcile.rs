//! Reconciling: tells the broker, page by page, what is held here, and does what it says of each.

use crate::{
    counter::{Counter, Life},
    store::{HoldingRow, StoreError, now_us},
};
use contract::v1::{
    Holding, HoldingState, HoldingVerdict, ReconcileRequest,
    exchange_service_client::ExchangeServiceClient,
};
use std::time::Duration;
use tokio::time::timeout;
use tonic::Status;

/// Steps on one page; the contract allows 500.
const PAGE_STEPS_MAX: usize = 500;
/// Bytes of the ids on one page, at which the rest goes on the next.
const PAGE_BYTES_MAX: usize = 512 * 1024;
/// How long the broker may take for one page.
const PAGE_TIMEOUT: Duration = Duration::from_secs(30);

/// It could not be done now.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ReconcileError {
    #[error("the broker did not reconcile: {0}")]
    Broker(#[from] Status),
    #[error("the broker became another while reconciling; it begins anew")]
    Changed,
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// What came of it.
pub(crate) struct Agreed {
    /// With whom.
    pub(crate) with: Life,
    /// Steps that the broker does not know yet.
    pub(crate) unknown: usize,
}

/// Goes through everything that is held here, once.
pub(crate) async fn run(counter: &Counter) -> Result<Agreed, ReconcileError> {
    let store = &counter.store;
    let mut client = ExchangeServiceClient::new(counter.exchange.clone());
    let session_id = uuid::Uuid::new_v4().simple().to_string();
    let position_seen = store.position_seen().await?;
    let (mut after, mut with, mut unknown, mut steps) = (None, None, 0, 0);
    let mut page_number = 0;
    loop {
        let mut rows = store.holdings_after(after, PAGE_STEPS_MAX).await?;
        let last = fit(&mut rows) && rows.len() < PAGE_STEPS_MAX;
        after = rows
            .last()
            .map(|r| (r.round.dossier_id.clone(), r.round.step_id.clone()));
        steps += rows.len();
        let page = ReconcileRequest {
            agency_code: counter.config.agency_code.clone(),
            store_id: store.store_id().into(),
            epoch: store.epoch().into(),
            position_seen,
            session_id: session_id.clone(),
            holdings: rows.into_iter().map(holding).collect(),
            last,
            page_number,
        };
        page_number += 1;
        let answer = timeout(PAGE_TIMEOUT, client.reconcile(page))
            .await
            .map_err(|_| Status::deadline_exceeded("no answer to a page of holdings"))??
            .into_inner();
        let life = Life {
            store_id: answer.store_id,
            epoch: answer.epoch,
        };
        // From the first page on it is one conversation with one broker.
        if with.get_or_insert_with(|| life.clone()) != &life {
            return Err(ReconcileError::Changed);
        }
        unknown += obey(counter, answer.verdicts).await?;
        if last {
            store.agree_with(&life.store_id, &life.epoch).await?;
            counter.meet(&life.store_id, &life.epoch);
            tracing::info!(
                agency = counter.config.agency_code,
                steps,
                unknown,
                handed_over_anew = answer.handed_over_anew,
                "reconciled with the broker"
            );
            return Ok(Agreed {
                with: life,
                unknown,
            });
        }
    }
}

/// Does what the broker says; counts what it does not know.
async fn obey(counter: &Counter, verdicts: Vec<HoldingVerdict>) -> Result<usize, StoreError> {
    let mut unknown = 0;
    let mut missing = Vec::new();
    for verdict in verdicts {
        match verdict.state() {
            HoldingState::ReportsMissing => missing.extend(verdict.missing_item_ids),
            HoldingState::Closed => {
                counter
                    .store
                    .close_dossier(&verdict.dossier_id, now_us())
                    .await?
            }
            // What is not understood is kept, and asked again.
            HoldingState::Unknown | HoldingState::Unspecified => unknown += 1,
            HoldingState::Agreed | HoldingState::Superseded => {}
        }
    }
    if !missing.is_empty() {
        counter.store.send_again(missing).await?;
        counter.outgoing.notify_one();
    }
    Ok(unknown)
}

/// Cuts a page to its size in bytes; says whether everything fitted. One step always goes.
fn fit(rows: &mut Vec<HoldingRow>) -> bool {
    let mut bytes = 0;
    let fitting = rows.iter().take_while(|row| {
        let ids = row
            .recorded_item_ids
            .iter()
            .map(|id| id.len() + 4)
            .sum::<usize>();
        bytes +=
            ids + row.round.dossier_id.len() + row.round.step_id.len() + row.handover_id.len() + 32;
        bytes <= PAGE_BYTES_MAX
    });
    let fitting = fitting.count().max(1);
    let all = fitting >= rows.len();
    rows.truncate(fitting);
    all
}

fn holding(row: HoldingRow) -> Holding {
    Holding {
        dossier_id: row.round.dossier_id,
        step_id: row.round.step_id,
        round: row.round.round,
        handover_id: row.handover_id,
        recorded_item_ids: row.recorded_item_ids,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Round;

    #[test]
    fn a_page_is_cut_to_its_bytes_and_never_to_nothing() {
        let row = |reports: usize| HoldingRow {
            round: Round {
                dossier_id: "d".repeat(32),
                step_id: "s".into(),
                round: 1,
            },
            handover_id: "h".into(),
            recorded_item_ids: vec!["i".repeat(32); reports],
        };
        let mut rows = vec![row(1), row(1)];
        assert!(fit(&mut rows) && rows.len() == 2);
        let mut rows = vec![row(1), row(20_000), row(1)];
        assert!(!fit(&mut rows) && rows.len() == 1);
        let mut rows = vec![row(20_000), row(1)];
        assert!(!fit(&mut rows) && rows.len() == 1);
        assert!(fit(&mut Vec::new()));
    }
}
