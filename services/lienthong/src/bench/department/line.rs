//! One agency's stream of reports, opened again whenever it ends.

use super::{
    office::{Said, SharedOffice},
    service::hello,
};
use contract::v1::{
    Item, ReportRequest, exchange_service_client::ExchangeServiceClient, verdict::Outcome,
};
use futures_util::StreamExt as _;
use node::{
    fault::Fault,
    shutdown::Shutdown,
    stream::{self, MESSAGE_BYTES_MAX, Offers, Settled, StreamLimits},
};
use std::{collections::HashMap, sync::Arc, time::Duration};
use tokio::{sync::mpsc, time::sleep};
use tonic::{Status, transport::Channel};

/// Between two attempts to open the stream.
const AGAIN: Duration = Duration::from_millis(20);
/// How long a report rests that the broker takes later, where it does not say.
const LATER: Duration = Duration::from_millis(50);

/// See the module.
pub(super) struct Line {
    office: SharedOffice,
    agency: String,
    channel: Channel,
    limits: StreamLimits,
    said: mpsc::Receiver<Box<Said>>,
    /// Offered and not answered: what a lost stream leaves is said again on the next one.
    open: HashMap<String, Said>,
}

impl Line {
    pub(super) fn new(
        office: &SharedOffice,
        agency: &str,
        channel: Channel,
        limits: StreamLimits,
    ) -> Self {
        Self {
            said: office.line(agency),
            office: office.clone(),
            agency: agency.to_owned(),
            channel,
            limits,
            open: HashMap::new(),
        }
    }

    pub(super) async fn run(mut self, shutdown: Shutdown) -> anyhow::Result<()> {
        loop {
            tokio::select! {
                () = shutdown.triggered() => return Ok(()),
                ended = self.speak() => if let Err(status) = ended {
                    tracing::debug!(agency = self.agency, %status, "a report stream ended");
                }
            }
            sleep(AGAIN).await;
        }
    }

    /// Opens the stream and reports on it until it ends.
    async fn speak(&mut self) -> Result<(), Status> {
        let mut client = ExchangeServiceClient::new(self.channel.clone())
            .max_decoding_message_size(MESSAGE_BYTES_MAX);
        let (opening, outgoing) = stream::open(hello(&self.agency), self.limits);
        let requests = outgoing.envelopes().map(|envelope| ReportRequest {
            envelope: Some(envelope),
        });
        let responses = client.report(requests).await?.into_inner();
        let inbound =
            responses.map(|one| one.map(|response| response.envelope.unwrap_or_default()));
        let session = opening.meet(inbound).await?;
        self.office.met(session.hello().window_items_max);
        let (offers, mut settlements) = session.sending(Arc::new(|| Ok(())));

        let left: Vec<_> = std::mem::take(&mut self.open).into_values().collect();
        let mut ready: Vec<Said> = left
            .into_iter()
            .map(|said| self.office.say(said.round, said.sent_ns))
            .collect();
        loop {
            while let Some(said) = ready.pop() {
                if let Some(said) = self.offer(&offers, said) {
                    ready.push(said);
                    break;
                }
            }
            tokio::select! {
                settled = settlements.next() => match settled {
                    Ok(settled) => ready.extend(self.settle(settled)),
                    Err(end) => {
                        let rest = ready.into_iter().map(|said| (said.item.item_id.clone(), said));
                        self.open.extend(rest);
                        return end.fault.map_or(Ok(()), Err);
                    }
                },
                Some(said) = self.said.recv(), if ready.is_empty() => ready.push(*said),
            }
        }
    }

    /// Offers a report; gives it back when there is no room.
    fn offer(&mut self, offers: &Offers, said: Said) -> Option<Said> {
        let Said {
            item,
            round,
            sent_ns,
        } = said;
        let item_id = item.item_id.clone();
        let (item, was_offered) = match offers.try_offer(item) {
            Ok(()) => (Item::default(), true),
            Err(not) => (*not.item, false),
        };
        let said = Said {
            item,
            round,
            sent_ns,
        };
        if was_offered {
            self.open.insert(item_id, said);
            return None;
        }
        Some(said)
    }

    /// Takes a verdict; gives the report back when it must be said again.
    fn settle(&mut self, settled: Settled) -> Option<Said> {
        let said = self.open.remove(&settled.item_id)?;
        match settled.outcome {
            Outcome::Recorded(_) => {
                self.office.recorded(said.round.step());
                None
            }
            Outcome::Refused(status) => {
                self.office.refused();
                tracing::error!(reason = ?Fault::reason_of(&status), message = status.message, "a report was refused");
                None
            }
            Outcome::Later(status) => {
                self.office.later();
                let after = Fault::retry_after_of(&status).unwrap_or(LATER);
                self.office.clone().hold_for(said, after);
                None
            }
            Outcome::Unknown(_) => {
                self.office.later();
                Some(self.office.say(said.round, said.sent_ns))
            }
        }
    }
}
