//! A courier's work on one stream, from what it offers first until the stream ends.

use super::{
    Courier, heard,
    list::Key,
    load::{Load, UnderWay},
    made::Made,
    opening::With,
    outcome::{Done, Round},
    trouble::Trouble,
};
use crate::{board::News, standings::Connected};
use contract::v1::Item;
use dossier::decide::Action;
use futures_util::{FutureExt as _, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use node::{
    stream::{self, Inbound, Offers, Settlements},
    traces::{self, Kind, Span, TRACEPARENT_BYTES},
};
use prost::Message as _;
use std::{collections::HashMap, time::Duration};

/// How long a department that does not read is left alone.
const QUEUE_PAUSE: SignedDuration = SignedDuration::from_millis(200);
/// How long a store that cannot be read is left alone.
const STORE_PAUSE: SignedDuration = SignedDuration::from_secs(1);
/// Bytes of a message that are the envelope's, or the span's, and not the item's.
const ENVELOPE_BYTES: usize = 64 + 2 + TRACEPARENT_BYTES;
/// Bytes of one handover.
const HANDOVER_BYTES_MAX: usize = stream::MESSAGE_BYTES_MAX - ENVELOPE_BYTES;

impl Courier {
    /// Hands over and tells what is owed until the stream ends, and gives why it did.
    pub(super) async fn hand_over<S: Inbound>(
        &mut self,
        with: &With,
        connected: Connected,
        offers: Offers,
        mut settlements: Settlements<S>,
    ) -> Trouble {
        let mut load = Load::new(self.agency.clone(), self.office.limits.window_items_max);
        let quiet =
            SignedDuration::try_from(self.office.longest_pause()).unwrap_or(SignedDuration::MAX);
        if std::mem::take(&mut self.is_all_due) {
            load.list.called(quiet);
        }
        loop {
            let look_at = self.fill(&offers, &mut load);
            self.standing.under_way(load.under_way.len());
            tokio::select! {
                settled = settlements.next() => match settled {
                    Ok(_) if with.is_over(&self.office.lives, &self.agency) => {
                        tracing::info!(agency = %self.agency, "what a lost store of a department still answers does not count");
                        let unanswered: Vec<_> = load.under_way.keys().cloned().collect();
                        self.end(load, &unanswered).await;
                        return Trouble::Ended;
                    }
                    Ok(settled) => {
                        self.pace.answered();
                        self.standing.verdict(&settled.outcome);
                        if let Some(under_way) = load.under_way.get(&settled.item_id).cloned() {
                            let office = self.office.clone();
                            let agency = self.agency.clone();
                            let (item_id, outcome) = (settled.item_id, settled.outcome);
                            let span = load.spans.remove(&item_id);
                            load.settling.push(async move {
                                settle_within(span, async move { match under_way {
                                    UnderWay::Round(round) => {
                                        office.settle(&agency, item_id, round, outcome).await
                                    }
                                    UnderWay::Notice(telling) => {
                                        office.settle_notice(&agency, item_id, telling, outcome).await
                                    }
                                }}).await
                            }.boxed());
                        }
                    }
                    Err(end) => {
                        drop(connected);
                        self.end(load, &end.unanswered).await;
                        return end.fault.map_or(Trouble::Ended, Trouble::Stream);
                    }
                },
                Some(done) = load.settling.next(), if !load.settling.is_empty() => load.done(done),
                () = self.owed.posted() => match self.owed.take() {
                    News::All(fresh) => load.list.post(fresh),
                    News::More => load.list.begin_again(),
                },
                () = self.pace.called() => load.list.called(quiet),
                () = heard(&mut self.wishes) => {
                    self.heed();
                    match std::mem::take(&mut self.is_all_due) {
                        true => load.list.try_all(),
                        false => load.list.look_again(),
                    }
                }
                () = until(look_at) => {}
            }
        }
    }

    /// What was answered is written down, and what was not is possibly held.
    async fn end(&self, mut load: Load, unanswered: &[String]) {
        while let Some(done) = load.settling.next().await {
            load.done(done);
        }
        self.possibly_held(unanswered, &load.under_way).await;
    }

    /// Offers what is owed, oldest due date first, as far as the window goes. Gives the time at
    /// which to look again, if nothing comes before.
    fn fill(&self, offers: &Offers, load: &mut Load) -> Option<Timestamp> {
        if self.is_suspended() {
            return None;
        }
        let now = Timestamp::now();
        let later = |pause: SignedDuration| now.saturating_add(pause).ok();
        let window = self.office.limits.window_items_max as usize;
        while load.under_way.len() < window.max(1) {
            let keys = &load.keys;
            let next = load
                .list
                .next(self.office.reader.as_ref(), now, |key| keys.contains(key));
            let (key, owed) = match next {
                Ok(Some(next)) => next,
                Ok(None) => return load.list.wake_at(),
                Err(error) => {
                    tracing::warn!(agency = %self.agency, %error, "a courier cannot read what is owed");
                    return later(STORE_PAUSE);
                }
            };
            let (mut item, under_way) = match self.item(key, &owed) {
                Ok(Made::Item(item, under_way)) => (*item, under_way),
                Ok(Made::Nothing) => continue,
                Ok(Made::Unreadable(key, action)) => {
                    self.stop(load, key, *action);
                    continue;
                }
                Err(error) => {
                    tracing::warn!(dossier_code = %owed.code, agency = %self.agency, %error, "a dossier cannot be read for its handover");
                    load.list.give_back(owed);
                    return later(STORE_PAUSE);
                }
            };
            let bytes = item.encoded_len();
            if let UnderWay::Round(round) = &under_way
                && bytes > HANDOVER_BYTES_MAX
            {
                self.set_aside(load, item.item_id, round.clone(), bytes);
                continue;
            }
            let item_id = item.item_id.clone();
            let span = self.span(&mut item, &under_way);
            match offers.try_offer(item).map_err(|refused| refused.why) {
                Ok(()) => {
                    if let Some(span) = span {
                        load.spans.insert(item_id.clone(), span);
                    }
                    load.begin(item_id, under_way);
                }
                Err(stream::Refusal::UnderWay) => {}
                // A verdict, or the end, brings us back here.
                Err(stream::Refusal::WindowFull | stream::Refusal::Ended) => {
                    load.list.give_back(owed);
                    return load.list.wake_at();
                }
                // No verdict need be on its way that would bring us back here.
                Err(stream::Refusal::QueueFull) => {
                    load.list.give_back(owed);
                    return later(QUEUE_PAUSE);
                }
            }
        }
        load.list.wake_at()
    }

    /// The span of a round that is offered, which the item names: the first of its hop, or one more try.
    fn span(&self, item: &mut Item, under_way: &UnderWay) -> Option<Span> {
        let UnderWay::Round(round) = under_way else {
            return None;
        };
        let tracer = &self.office.tracer;
        if !tracer.is_on() {
            return None;
        }
        let mut span = match round.attempts {
            0 => tracer.hop_begin("hand over", Kind::Producer, &item.item_id),
            _ => tracer.hop("hand over again", Kind::Producer, &item.item_id, ""),
        };
        span.note("dossier_code", round.code.as_str());
        span.note("step", round.step.as_str());
        span.note("agency", self.agency.as_str());
        span.note_number("round", round.key.round);
        item.traceparent = span.traceparent();
        Some(span)
    }

    /// A handover that no message can carry rests; its place is taken until that is recorded.
    fn set_aside(&self, load: &mut Load, item_id: String, round: Round, bytes: usize) {
        let (office, agency) = (self.office.clone(), self.agency.clone());
        load.begin(item_id.clone(), UnderWay::Round(round.clone()));
        load.settling.push(
            async move {
                office
                    .too_large(&agency, item_id, round, bytes, HANDOVER_BYTES_MAX)
                    .await
            }
            .boxed(),
        );
    }

    /// The ledger finds what we found, and stops the dossier.
    fn stop(&self, load: &mut Load, key: Key, action: Action) {
        let office = self.office.clone();
        load.keys.insert(key.clone());
        load.settling.push(
            async move {
                let _ = office.ledger.happen(key.dossier, None, action).await;
                let until = office.after(office.longest_pause());
                Done {
                    item_id: String::new(),
                    key,
                    rest: Some((until, false)),
                }
            }
            .boxed(),
        );
    }

    /// A notice that was not answered is told again, and nothing depends on it meanwhile.
    async fn possibly_held(&self, unanswered: &[String], under_way: &HashMap<String, UnderWay>) {
        for item_id in unanswered {
            let Some(UnderWay::Round(round)) = under_way.get(item_id) else {
                continue;
            };
            let key = &round.key;
            let action = Action::Offer {
                step: round.step.clone(),
                round: key.round,
            };
            #[cfg(feature = "faults")]
            let action = match node::breakage::is("take silence for an acknowledgement") {
                true => Action::Acknowledge {
                    step: round.step.clone(),
                    round: key.round,
                },
                false => action,
            };
            if let Err(failure) = self.office.ledger.happen(key.dossier, None, action).await {
                tracing::debug!(dossier_code = %round.code, step = %round.step, agency = %self.agency, %failure, "an unanswered offer was not recorded");
            }
        }
    }
}

/// Writes down what became of a round, which is a part of handing it over.
async fn settle_within(span: Option<Span>, settling: impl Future<Output = Done>) -> Done {
    match span {
        None => settling.await,
        Some(mut span) => {
            let done = traces::within(&span, settling).await;
            if done.rest.is_some() {
                span.failed("NOT_RECORDED");
            }
            done
        }
    }
}

async fn until(at: Option<Timestamp>) {
    match at {
        None => std::future::pending().await,
        Some(at) => {
            let wait = at.duration_since(Timestamp::now());
            tokio::time::sleep(Duration::try_from(wait).unwrap_or(Duration::ZERO)).await;
        }
    }
}
