//! A department that calls, says hello, and is gone: ten times a second, as one does whose software
//! crashes as soon as it has started.

use super::{
    Config,
    office::SharedOffice,
    service::{RESTLESS, hello},
};
use crate::bench::control::Temper;
use contract::v1::{ReportRequest, exchange_service_client::ExchangeServiceClient};
use futures_util::StreamExt as _;
use node::{
    identity::Identity,
    shutdown::Shutdown,
    stream::{self, StreamLimits},
    tls::{ChannelOptions, Credentials, channel},
};
use std::sync::atomic::Ordering;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tonic::Status;

/// See the module.
pub(super) struct Caller {
    office: SharedOffice,
    agency: String,
    address: String,
    broker: Identity,
    credentials: Credentials,
    limits: StreamLimits,
}

impl Caller {
    pub(super) fn new(
        office: SharedOffice,
        agency: &str,
        config: &Config,
        credentials: Credentials,
        limits: StreamLimits,
    ) -> Self {
        Self {
            office,
            agency: agency.to_owned(),
            address: config.broker.address.clone(),
            broker: config.broker.identity.clone(),
            credentials,
            limits,
        }
    }

    /// Calls for as long as the office is restless.
    pub(super) async fn run(self, shutdown: Shutdown) -> anyhow::Result<()> {
        let mut temper = self.office.temper.subscribe();
        let mut calls = interval(RESTLESS);
        calls.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                () = shutdown.triggered() => return Ok(()),
                waited = temper.wait_for(|temper| *temper == Temper::Restless) => {
                    waited?;
                }
            }
            calls.tick().await;
            // What became of the call is the broker's to say; the next one comes in any case.
            if let Ok(Ok(())) = timeout(RESTLESS * 10, self.call()).await {
                self.office.calls.fetch_add(1, Ordering::Relaxed);
            }
        }
    }

    /// A connection of its own, a stream, both hellos, and the end.
    async fn call(&self) -> Result<(), Status> {
        let options = ChannelOptions::exchange();
        let channel = channel(
            &self.address,
            self.broker.clone(),
            &self.credentials,
            options,
        );
        let channel = channel.map_err(|error| Status::internal(error.to_string()))?;
        let (opening, outgoing) = stream::open(hello(&self.agency), self.limits);
        let requests = outgoing.envelopes().map(|envelope| ReportRequest {
            envelope: Some(envelope),
        });
        let responses = ExchangeServiceClient::new(channel).report(requests).await?;
        let inbound = responses
            .into_inner()
            .map(|one| one.map(|response| response.envelope.unwrap_or_default()));
        opening.meet(inbound).await.map(|_| ())
    }
}
