//! A desk's window on the broker that keeps nothing: it works beside a desk that runs.

use contract::v1::{
    DossierSummary, ListDossiersRequest, ListNoticesRequest, Notice, WatchNoticesRequest,
    desk_service_client::DeskServiceClient,
};
use node::tls::{ChannelOptions, Credentials, channel};
use std::time::Duration;
use tokio::time::sleep;
use tonic::{Code, Status, transport::Channel};

/// Dossiers of one page.
const PAGE_DOSSIERS: u32 = 500;
/// Notices of one page.
const PAGE_NOTICES: u32 = 1_000;
/// Between two attempts to hear notices.
const AGAIN: Duration = Duration::from_millis(50);

/// The window.
#[derive(Clone)]
pub(crate) struct Window {
    pub(crate) agency_code: String,
    /// Where a dossier stands, and its results.
    pub(crate) line: desk::Line,
    client: DeskServiceClient<Channel>,
}

impl Window {
    /// The window of the desk of this configuration; it connects at the first call.
    pub(crate) fn new(config: &desk::Config) -> anyhow::Result<Self> {
        let credentials = Credentials::load(&config.credentials)?;
        let broker = config.broker.identity.clone();
        let options = ChannelOptions::exchange();
        let channel = channel(&config.broker.address, broker, &credentials, options)?;
        Ok(Self {
            agency_code: config.agency_code.clone(),
            line: desk::Line::new(config)?,
            client: DeskServiceClient::new(channel),
        })
    }

    /// The desk's dossiers, the newest first, at most `dossiers_max`.
    pub(crate) async fn dossiers(
        &self,
        dossiers_max: usize,
    ) -> Result<Vec<DossierSummary>, Status> {
        let (mut dossiers, mut page_token) = (Vec::new(), String::new());
        loop {
            let left = u32::try_from(dossiers_max - dossiers.len()).unwrap_or(PAGE_DOSSIERS);
            let request = ListDossiersRequest {
                agency_code: self.agency_code.clone(),
                page_size: left.min(PAGE_DOSSIERS),
                page_token,
            };
            let page = self
                .client
                .clone()
                .list_dossiers(request)
                .await?
                .into_inner();
            dossiers.extend(page.dossiers);
            page_token = page.next_page_token;
            if page_token.is_empty() || dossiers.len() >= dossiers_max {
                dossiers.truncate(dossiers_max);
                return Ok(dossiers);
            }
        }
    }

    /// The notices after a cursor, all that there are, and the cursor after them.
    pub(crate) async fn notices(&self, cursor: String) -> Result<(Vec<Notice>, String), Status> {
        let (mut notices, mut cursor) = (Vec::new(), cursor);
        loop {
            let request = ListNoticesRequest {
                agency_code: self.agency_code.clone(),
                cursor,
                page_size: PAGE_NOTICES,
            };
            let page = self
                .client
                .clone()
                .list_notices(request)
                .await?
                .into_inner();
            cursor = page.next_cursor;
            if page.notices.is_empty() {
                return Ok((notices, cursor));
            }
            notices.extend(page.notices);
        }
    }

    /// Hears notices after a cursor as they come, also over a broker that is away for a while. Ends
    /// only when the broker refuses to tell them, with its refusal.
    pub(crate) async fn watch(&self, mut cursor: String, mut hear: impl FnMut(&Notice)) -> Status {
        loop {
            let request = WatchNoticesRequest {
                agency_code: self.agency_code.clone(),
                cursor: cursor.clone(),
            };
            let broken = match self.client.clone().watch_notices(request).await {
                Ok(stream) => {
                    let mut stream = stream.into_inner();
                    loop {
                        match stream.message().await {
                            Ok(Some(message)) => {
                                let Some(notice) = message.notice else {
                                    continue;
                                };
                                cursor.clone_from(&notice.cursor);
                                hear(&notice);
                            }
                            Ok(None) => break Status::unavailable("the stream ended"),
                            Err(status) => break status,
                        }
                    }
                }
                Err(status) => status,
            };
            match broken.code() {
                Code::InvalidArgument | Code::PermissionDenied | Code::Unauthenticated => {
                    return broken;
                }
                _ => sleep(AGAIN).await,
            }
        }
    }
}
