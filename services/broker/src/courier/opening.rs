//! Opening a stream: to the system that the directory names for the department, and to nobody else.

use super::{Courier, trouble::Trouble};
use crate::{
    reconcile::Lives,
    standings::{Connected, Page},
};
use contract::v1::{
    DescribeRequest, HandOverRequest, department_service_client::DepartmentServiceClient,
};
use dossier::name::AgencyCode;
use futures_util::StreamExt as _;
use jiff::Timestamp;
use node::{
    identity::{Identity, Role},
    stream::{self, Inbound, Offers, Settlements},
    tls::{self, ChannelOptions},
};
use std::time::Duration;
use tonic::transport::Channel;

/// How long a department may take to open a stream, its hello included.
pub(super) const OPEN_TIME_MAX: Duration = Duration::from_secs(10);
/// How long a department may take to say what its software is.
const DESCRIBE_TIME_MAX: Duration = Duration::from_secs(5);

/// Which life of a department's store a stream is with.
#[derive(Debug, Clone)]
pub(super) struct With {
    life: String,
    /// The life that had reconciled last when the stream was opened.
    reconciled: Option<String>,
}

impl With {
    /// Whether another life of the store has reconciled since the stream was opened: what this one
    /// acknowledges is nowhere any more.
    pub(super) fn is_over(&self, lives: &Lives, agency: &AgencyCode) -> bool {
        let now = lives.of(agency);
        now != self.reconciled && now.as_ref() != Some(&self.life)
    }
}

impl Courier {
    /// Opens one, greets, and is greeted.
    pub(super) async fn open(
        &self,
    ) -> Result<(With, Connected, Offers, Settlements<impl Inbound + use<>>), Trouble> {
        let office = &self.office;
        let system = office
            .registry
            .directory()
            .system_of(&self.agency, Timestamp::now())
            .cloned();
        let (system, address) = system
            .and_then(|system| system.address.clone().map(|address| (system, address)))
            .ok_or(Trouble::NoSystem)?;
        let domain = &office.credentials.identity().trust_domain;
        let identity =
            Identity::new(domain, Role::Department, &system.code).map_err(|_| Trouble::NoSystem)?;
        let (channel, slot) = tls::dial(
            &address,
            identity,
            &office.credentials,
            ChannelOptions::exchange(),
        )?;
        let hello = office.greeting.hello(&office.ledger, self.agency.as_str());
        let (opening, outgoing) = stream::open(hello, office.limits);
        let requests = outgoing.envelopes().map(|envelope| HandOverRequest {
            envelope: Some(envelope),
        });
        let mut client = DepartmentServiceClient::new(channel)
            .max_decoding_message_size(stream::MESSAGE_BYTES_MAX)
            .max_encoding_message_size(stream::MESSAGE_BYTES_MAX);
        let responses = client
            .hand_over(requests)
            .await
            .map_err(Trouble::Stream)?
            .into_inner();
        let inbound =
            responses.map(|one| one.map(|response| response.envelope.unwrap_or_default()));
        let session = opening.meet(inbound).await.map_err(Trouble::Stream)?;
        let peer = slot.current().ok_or(Trouble::Ended)?;
        tracing::info!(agency = %self.agency, system = %peer.identity, %address, "a department's stream is open");
        let connected = self.standing.connected(
            peer.not_after,
            session
                .hello()
                .window_items_max
                .clamp(1, office.limits.window_items_max.max(1)),
            Timestamp::now(),
        );
        self.standing.says(&session.hello().contract_version);
        tokio::spawn(describe(client, self.agency.clone(), self.standing.clone()));
        let with = With {
            life: Lives::name(&session.hello().store_id, &session.hello().epoch),
            reconciled: office.lives.of(&self.agency),
        };
        let guard = office.access.guard(peer, self.agency.to_string());
        let (offers, settlements) = session.sending(guard);
        Ok((with, connected, offers, settlements))
    }
}

/// Asks a department for the version of its software. Nothing depends on the answer.
async fn describe(
    mut client: DepartmentServiceClient<Channel>,
    agency: AgencyCode,
    standing: Page,
) {
    let agency_code = agency.to_string();
    let asked = client.describe(DescribeRequest { agency_code });
    if let Ok(Ok(described)) = tokio::time::timeout(DESCRIBE_TIME_MAX, asked).await {
        let software = described.into_inner().software;
        if !software.is_empty() {
            standing.says(&software);
        }
    }
}
