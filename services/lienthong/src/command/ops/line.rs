//! The operator's line to the broker.

use clap::Args;
use contract::v1::operator_service_client::OperatorServiceClient;
use node::{
    identity::Identity,
    tls::{ChannelOptions, CredentialPaths, Credentials, channel},
};
use serde::Deserialize;
use std::path::PathBuf;
use tonic::transport::Channel;

/// Before the keys in the names of environment variables.
const ENV_PREFIX: &str = "LIENTHONG_OPERATOR";

/// Speaks to the broker as an operator. Cheap to clone.
pub(super) type Line = OperatorServiceClient<Channel>;

#[derive(Debug, Clone, Args)]
pub(super) struct OperatorArgs {
    /// The operator's configuration: where the broker is, and the operator's certificate.
    #[arg(
        long,
        value_name = "FILE",
        default_value = "operator.toml",
        env = "LIENTHONG_OPERATOR_CONFIG"
    )]
    config: PathBuf,
}

/// The operator's configuration.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Config {
    broker: Broker,
    credentials: CredentialPaths,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Broker {
    /// `host:port`.
    address: String,
    /// `spiffe://<trust domain>/broker/<code>`.
    identity: Identity,
}

impl OperatorArgs {
    /// The line; it connects at the first call.
    pub(super) fn connect(&self) -> anyhow::Result<Line> {
        let config: Config = node::config::load(&self.config, ENV_PREFIX)?;
        let credentials = Credentials::load(&config.credentials.resolved(&self.config))?;
        let Broker { address, identity } = config.broker;
        let options = ChannelOptions::exchange().to_broker();
        let channel = channel(&address, identity, &credentials, options)?;
        Ok(OperatorServiceClient::new(channel))
    }
}
