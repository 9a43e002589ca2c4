//! Reconciling: tells the broker, page by page, what is held here, and does what it says of each.

use crate::{
    counter::{Compared, Counter, Life},
    store::{HoldingRow, Store, StoreError, now_us},
};
use contract::v1::{
    Holding, HoldingState, HoldingVerdict, ReconcileRequest,
    exchange_service_client::ExchangeServiceClient,
};
use prost::Message as _;
use std::{
    collections::{HashSet, VecDeque},
    time::Duration,
};
use tokio::time::timeout;
use tonic::Status;

/// Holdings on one page; the contract allows 500.
const PAGE_HOLDINGS_MAX: usize = 500;
/// Ids of reports in one holding; the broker takes 1,000.
const HOLDING_IDS_MAX: usize = 1_000;
/// Bytes of the ids on one page, at which the rest goes on the next.
const PAGE_BYTES_MAX: usize = 512 * 1024;
/// How long the broker may take for one page. A line that went dead is noticed sooner, by its pings.
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
    /// Steps that the broker does not know yet, or could not compare for want of their reports: they
    /// are to be compared again.
    pub(crate) undecided: usize,
}

/// Goes through everything that is held here, once.
pub(crate) async fn run(counter: &Counter) -> Result<Agreed, ReconcileError> {
    let store = &counter.store;
    let mut client = ExchangeServiceClient::new(counter.exchange.clone());
    let session_id = uuid::Uuid::new_v4().simple().to_string();
    let mut holdings = Holdings::new(store);
    let (mut with, mut undecided, mut steps, mut page_number) = (None, HashSet::new(), 0, 0);
    loop {
        // The first page is empty: what is read after the broker took it holds all that was acknowledged
        // before, however long the pages are on their way.
        let (page, last) = match page_number {
            0 => (Vec::new(), false),
            _ => holdings.page().await?,
        };
        steps += page.len();
        // Read anew for each page: an answer may have shown another life of the broker.
        let seen = store.seen().await?;
        let page = ReconcileRequest {
            agency_code: counter.config.agency_code.clone(),
            store_id: store.store_id().into(),
            epoch: store.epoch().into(),
            position_seen: seen.position,
            start_seen: seen.start,
            session_id: session_id.clone(),
            holdings: page,
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
        counter
            .meet(&life.store_id, &life.epoch, Some(&answer.start_id))
            .await?;
        // From the first page on it is one conversation with one broker.
        if with.get_or_insert_with(|| life.clone()) != &life {
            return Err(ReconcileError::Changed);
        }
        undecided.extend(obey(counter, &life, answer.verdicts).await?);
        if last {
            let compared = Compared {
                with: Some(life.clone()),
                undecided,
            };
            let undecided = compared.undecided.len();
            *counter.compared() = compared;
            tracing::info!(
                agency = counter.config.agency_code,
                steps,
                undecided,
                handed_over_anew = answer.handed_over_anew,
                "reconciled with the broker"
            );
            return Ok(Agreed {
                with: life,
                undecided,
            });
        }
    }
}

/// Does what the broker says; gives the steps that it must be asked of again.
async fn obey(
    counter: &Counter,
    life: &Life,
    verdicts: Vec<HoldingVerdict>,
) -> Result<Vec<(String, String)>, StoreError> {
    let (mut undecided, mut missing, mut agreed) = (Vec::new(), Vec::new(), Vec::new());
    for verdict in verdicts {
        let state = verdict.state();
        let step = (verdict.dossier_id, verdict.step_id);
        match state {
            // Where the step stands is compared when its reports are there again.
            HoldingState::ReportsMissing => {
                missing.extend(verdict.missing_item_ids);
                undecided.push(step);
            }
            HoldingState::Closed => counter.store.close_dossier(&step.0, now_us()).await?,
            // What is not understood is kept, and asked again.
            HoldingState::Unknown | HoldingState::Unspecified => undecided.push(step),
            HoldingState::Agreed => agreed.push(step),
            HoldingState::Superseded => {}
        }
    }
    if !missing.is_empty() {
        let first = counter.store.send_again(missing).await?;
        counter.send_again_from(first);
    }
    // Once for each life of the broker, and where it has come to another view since.
    {
        let before = counter.compared();
        let is_first = before.with.as_ref() != Some(life);
        agreed.retain(|step| is_first || before.undecided.contains(step));
    }
    if !agreed.is_empty() {
        let first = counter.store.try_refused_again(agreed).await?;
        counter.send_again_from(first);
    }
    Ok(undecided)
}

/// What is held, page by page.
struct Holdings<'a> {
    store: &'a Store,
    /// What was read and is on no page yet.
    read: VecDeque<Holding>,
    after: Option<(String, String)>,
    more: bool,
}

impl<'a> Holdings<'a> {
    fn new(store: &'a Store) -> Self {
        Self {
            store,
            read: VecDeque::new(),
            after: None,
            more: true,
        }
    }

    /// The next page, and whether it is the last one.
    async fn page(&mut self) -> Result<(Vec<Holding>, bool), StoreError> {
        while self.more && self.read.len() < PAGE_HOLDINGS_MAX {
            let rows = self
                .store
                .holdings_after(self.after.clone(), PAGE_HOLDINGS_MAX);
            let rows = rows.await?;
            self.more = rows.len() == PAGE_HOLDINGS_MAX;
            if let Some(last) = rows.last() {
                self.after = Some((last.round.dossier_id.clone(), last.round.step_id.clone()));
            }
            self.read.extend(rows.into_iter().flat_map(holdings));
        }
        let page = cut(&mut self.read);
        Ok((page, !self.more && self.read.is_empty()))
    }
}

/// Takes a page off what was read.
fn cut(read: &mut VecDeque<Holding>) -> Vec<Holding> {
    let mut bytes = 0;
    let fitting = read.iter().take(PAGE_HOLDINGS_MAX).take_while(|holding| {
        bytes += holding.encoded_len() + 8;
        bytes <= PAGE_BYTES_MAX
    });
    // One always goes: it has not so many ids that it would not.
    let fitting = fitting.count().max(1).min(read.len());
    read.drain(..fitting).collect()
}

/// A step as the broker hears of it: in as many holdings as its reports need.
fn holdings(row: HoldingRow) -> Vec<Holding> {
    let holding = |ids: &[String]| Holding {
        dossier_id: row.round.dossier_id.clone(),
        step_id: row.round.step_id.clone(),
        round: row.round.round,
        handover_id: row.handover_id.clone(),
        recorded_item_ids: ids.to_vec(),
    };
    if row.recorded_item_ids.is_empty() {
        return vec![holding(&[])];
    }
    row.recorded_item_ids
        .chunks(HOLDING_IDS_MAX)
        .map(holding)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Round;

    fn row(reports: usize) -> HoldingRow {
        HoldingRow {
            round: Round {
                dossier_id: "d".repeat(32),
                step_id: "s".into(),
                round: 1,
            },
            handover_id: "h".into(),
            recorded_item_ids: (0..reports).map(|n| format!("{n:032}")).collect(),
        }
    }

    #[test]
    fn a_step_with_many_reports_is_told_in_holdings_that_the_broker_takes() {
        let told = holdings(row(2_500));
        assert_eq!(told.len(), 3);
        assert!(
            told.iter()
                .all(|h| h.recorded_item_ids.len() <= HOLDING_IDS_MAX)
        );
        let ids: Vec<_> = told.into_iter().flat_map(|h| h.recorded_item_ids).collect();
        assert_eq!(ids, row(2_500).recorded_item_ids);
        assert_eq!(holdings(row(0)).len(), 1);
    }

    #[test]
    fn a_page_is_cut_to_its_bytes_and_its_holdings_and_never_to_nothing() {
        let mut read: VecDeque<_> = (0..600).flat_map(|_| holdings(row(1))).collect();
        assert_eq!((cut(&mut read).len(), read.len()), (PAGE_HOLDINGS_MAX, 100));
        let mut read: VecDeque<_> = holdings(row(20_000)).into();
        assert_eq!((cut(&mut read).len(), read.len()), (15, 5));
        assert_eq!((cut(&mut read).len(), read.len()), (5, 0));
        assert!(cut(&mut read).is_empty());
    }
}
