//! The desk's side of the load: so many dossiers in flight, submitted straight over the contract. The
//! desk's own durable store is not what is measured, so none is kept.

use super::{
    control::now_ns,
    department::{stamp, stamped},
    shape::Filing,
};
use contract::v1::{
    Channel as Way, Document, EvidenceInput, Officer, Party, PartyKind, PartyRole, SubmitRequest,
    desk_service_client::DeskServiceClient,
};
use contract::v1::{Identifier, IdentifierScheme};
use node::{
    identity::Identity,
    stream::MESSAGE_BYTES_MAX,
    tls::{ChannelOptions, Credentials, channel},
};
use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};
use tokio::{sync::Semaphore, time::sleep};
use tonic::{Code, Status, transport::Channel};

/// Submits under way at once: fewer than a connection may have streams.
const SUBMITS_MAX: usize = 128;
/// Connections for submits at times fixed beforehand.
const LINES: usize = 8;
/// Before a submit that was not taken is tried again.
const AGAIN: Duration = Duration::from_millis(20);

/// See the module. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Load(Arc<Inner>);

struct Inner {
    client: DeskServiceClient<Channel>,
    /// Lines of their own for submits at times fixed beforehand: the streams of one connection would be
    /// a limit of ours and not of the broker's.
    lines: Vec<DeskServiceClient<Channel>>,
    filing: Filing,
    data: Vec<u8>,
    places: Semaphore,
    /// Dossiers that shall be in flight.
    window: AtomicU64,
    begun: AtomicU64,
    submitted: AtomicU64,
    failed: AtomicU64,
    finished_steps: AtomicU64,
    steps_apart: AtomicU64,
    number: AtomicU64,
}

impl Load {
    pub(crate) fn new(
        address: &str,
        broker: Identity,
        credentials: &Credentials,
        filing: Filing,
    ) -> anyhow::Result<Self> {
        let client = || {
            let options = ChannelOptions::exchange();
            let channel = channel(address, broker.clone(), credentials, options)?;
            let client = DeskServiceClient::new(channel);
            anyhow::Ok(client.max_decoding_message_size(MESSAGE_BYTES_MAX))
        };
        Ok(Self(Arc::new(Inner {
            client: client()?,
            lines: (0..LINES).map(|_| client()).collect::<Result<_, _>>()?,
            data: stamped(filing.data_bytes),
            filing,
            places: Semaphore::new(SUBMITS_MAX),
            window: AtomicU64::new(0),
            begun: AtomicU64::new(0),
            submitted: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            finished_steps: AtomicU64::new(0),
            steps_apart: AtomicU64::new(0),
            // Keys of another run are others.
            number: AtomicU64::new(now_ns() / 1_000),
        })))
    }

    /// From now on so many dossiers are in flight; fewer do not take any back.
    pub(crate) fn keep_in_flight(&self, dossiers: u64) {
        self.0.window.store(dossiers, Ordering::Relaxed);
        self.fill();
    }

    /// So many last steps were recorded.
    pub(crate) fn finished(&self, steps: u64) {
        self.0.finished_steps.fetch_add(steps, Ordering::Relaxed);
        self.fill();
    }

    /// Dossiers that the broker took so far.
    pub(crate) fn submitted(&self) -> u64 {
        self.0.submitted.load(Ordering::Relaxed)
    }

    /// Submits that it did not take at the first time.
    pub(crate) fn failed(&self) -> u64 {
        self.0.failed.load(Ordering::Relaxed)
    }

    /// Dossiers that went through all their steps so far.
    pub(crate) fn ended(&self) -> u64 {
        let steps = self.0.finished_steps.load(Ordering::Relaxed);
        steps / self.0.filing.last_steps.max(1)
    }

    /// Submits one dossier with these documents, beside those that are kept in flight.
    pub(crate) async fn submit_papers(&self, papers: Vec<Document>) -> Result<(), Status> {
        let inner = &self.0;
        let number = inner.number.fetch_add(1, Ordering::Relaxed);
        let mut request = inner.filing.request(number, stamp(&inner.data, now_ns()));
        if let Some(evidence) = request.evidence.first_mut() {
            evidence.documents = papers;
        }
        inner.begun.fetch_add(1, Ordering::Relaxed);
        inner.client.clone().submit(request).await?;
        inner.submitted.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }

    /// Submits one dossier, once, whatever becomes of it.
    pub(crate) async fn submit_once(&self) -> Result<(), Status> {
        let inner = &self.0;
        let number = inner.number.fetch_add(1, Ordering::Relaxed);
        let request = inner.filing.request(number, stamp(&inner.data, now_ns()));
        let line = usize::try_from(number).unwrap_or_default() % inner.lines.len();
        inner.begun.fetch_add(1, Ordering::Relaxed);
        let answered = inner.lines[line].clone().submit(request).await;
        match answered {
            Ok(_) => inner.submitted.fetch_add(1, Ordering::Relaxed),
            Err(_) => inner.begun.fetch_sub(1, Ordering::Relaxed),
        };
        answered.map(|_| ())
    }

    /// Submits one dossier that belongs there, beside those that are kept in flight.
    pub(crate) async fn submit_to(&self, territory: &str) -> Result<(), Status> {
        let inner = &self.0;
        let number = inner.number.fetch_add(1, Ordering::Relaxed);
        let mut request = inner.filing.request(number, stamp(&inner.data, now_ns()));
        territory.clone_into(&mut request.territory_code);
        loop {
            match inner.client.clone().submit(request.clone()).await {
                Err(status) if status.code() == Code::ResourceExhausted => sleep(AGAIN).await,
                answered => return answered.map(|_| ()),
            }
        }
    }

    /// So many last steps were recorded of the department that is set apart.
    pub(crate) fn finished_apart(&self, steps: u64) {
        self.0.steps_apart.fetch_add(steps, Ordering::Relaxed);
    }

    /// Whether so many dossiers of the department that is set apart went through all their steps, which
    /// then count no more.
    pub(crate) fn take_apart(&self, dossiers: u64) -> bool {
        let steps = dossiers * self.0.filing.last_steps.max(1);
        let apart = &self.0.steps_apart;
        let taken = apart.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |there| {
            there.checked_sub(steps)
        });
        taken.is_ok()
    }

    fn fill(&self) {
        let inner = &self.0;
        let window = inner.window.load(Ordering::Relaxed);
        // One thread alone counts here.
        while inner.begun.load(Ordering::Relaxed) < self.ended() + window {
            inner.begun.fetch_add(1, Ordering::Relaxed);
            tokio::spawn(self.clone().submit());
        }
    }

    async fn submit(self) {
        let inner = &self.0;
        let Ok(_place) = inner.places.acquire().await else {
            return;
        };
        let number = inner.number.fetch_add(1, Ordering::Relaxed);
        let request = inner.filing.request(number, stamp(&inner.data, now_ns()));
        loop {
            match inner.client.clone().submit(request.clone()).await {
                Ok(_) => {
                    inner.submitted.fetch_add(1, Ordering::Relaxed);
                    return;
                }
                Err(status) => {
                    if inner.failed.fetch_add(1, Ordering::Relaxed) == 0 {
                        tracing::warn!(%status, "a submit was not taken; it is tried again");
                    }
                    if inner.window.load(Ordering::Relaxed) == 0 {
                        return;
                    }
                    sleep(AGAIN).await;
                }
            }
        }
    }
}

impl Filing {
    /// The submit of this number.
    pub(crate) fn request(&self, number: u64, stamped: bytes::Bytes) -> SubmitRequest {
        let digits = format!("{:09}", number % 1_000_000_000);
        let evidence = self.evidence.iter().map(|one| EvidenceInput {
            name: one.evidence.clone(),
            schema_id: one.schema_id.clone(),
            data: match &one.data {
                Some(data) => data.replace("{n}", &digits).into(),
                None => stamped.clone(),
            },
            documents: Vec::new(),
            subject_party_id: one.subject.clone(),
        });
        let party = |party_id: &str, roles: &[PartyRole], name: &str, identified: bool| Party {
            party_id: party_id.into(),
            roles: roles.iter().map(|role| (*role).into()).collect(),
            kind: PartyKind::Citizen.into(),
            name: name.into(),
            identifiers: identified
                .then(|| Identifier {
                    scheme: IdentifierScheme::PersonalId.into(),
                    value: format!("099{digits}"),
                })
                .into_iter()
                .collect(),
            ..Party::default()
        };
        let owner = [PartyRole::Owner, PartyRole::Submitter];
        let mut parties = vec![party("owner", &owner, "Trần Thị Thử", true)];
        if self.has_subject {
            parties.push(party(
                "child",
                &[PartyRole::Subject],
                "Nguyễn Bình Mẫu",
                false,
            ));
        }
        let territories = self.territories.len().max(1) as u64;
        let place = usize::try_from(number % territories).unwrap_or_default();
        SubmitRequest {
            agency_code: self.desk.clone(),
            submit_key: format!("bench-{number}"),
            procedure_code: self.procedure.clone(),
            optional_parts: self.optional_parts.clone(),
            territory_code: self.territories.get(place).cloned().unwrap_or_default(),
            parties,
            evidence: evidence.collect(),
            channel: Way::Counter.into(),
            receive: true,
            officer: Some(Officer {
                name: "Phan Thị Mẫu".into(),
                ..Officer::default()
            }),
            ..SubmitRequest::default()
        }
    }
}
