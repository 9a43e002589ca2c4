//! A process that others connect to, and that says when it serves.

use super::{Port, Process};
use anyhow::bail;
use node::{
    identity::Identity,
    tls::{ChannelOptions, Credentials, channel},
};
use std::time::Duration;
use tokio::time::{Instant, sleep};
use tonic::transport::Channel;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

/// How long a service may take from its start until it serves.
const OPEN_MAX: Duration = Duration::from_secs(10);
/// Between two looks at whether a service serves.
const LOOK_INTERVAL: Duration = Duration::from_millis(20);

/// A process that others connect to.
pub(crate) struct Service {
    pub(crate) process: Process,
    pub(crate) identity: Identity,
    pub(crate) port: Port,
    /// To ask how it does.
    health: HealthClient<Channel>,
}

impl Service {
    /// A service that an operator may ask how it does.
    pub(crate) fn new(
        process: Process,
        identity: Identity,
        port: Port,
        operator: &Credentials,
    ) -> anyhow::Result<Self> {
        let options = ChannelOptions::exchange();
        let line = channel(&port.to_string(), identity.clone(), operator, options)?;
        Ok(Self {
            process,
            identity,
            port,
            health: HealthClient::new(line),
        })
    }

    /// Waits until it says that it serves.
    pub(crate) async fn serves(&mut self) -> anyhow::Result<()> {
        self.serves_within(OPEN_MAX).await
    }

    /// Waits so long until it says that it serves.
    pub(crate) async fn serves_within(&mut self, patience: Duration) -> anyhow::Result<()> {
        let deadline = Instant::now() + patience;
        while Instant::now() < deadline {
            let request = HealthCheckRequest::default();
            tokio::select! {
                fallen = self.process.fall() => return Err(fallen),
                health = self.health.check(request) => if health
                    .is_ok_and(|health| health.into_inner().status() == ServingStatus::Serving)
                {
                    return Ok(());
                }
            }
            sleep(LOOK_INTERVAL).await;
        }
        let (name, log) = (&self.process.name, self.process.log.display());
        bail!("the {name} does not serve {patience:?} after its start; see {log}")
    }
}
