//! A department played by the test, word by word: what it is handed over, when and what it answers.

use super::{caller::Caller, ground::Post, log::Log, party::Party, patience::patiently};
use contract::v1::{
    self, Envelope, HandOverRequest, HandOverResponse,
    department_service_server::{DepartmentService, DepartmentServiceServer},
    envelope::Content,
    verdict::Outcome,
};
use node::tls::{Credentials, Listener, ListenerLimits};
use std::{net::SocketAddr, pin::Pin, time::SystemTime};
use tokio::sync::mpsc;
use tokio_stream::{Stream, StreamExt as _, wrappers::ReceiverStream};
use tonic::{Request, Response, Status, Streaming, transport::Server};

/// See the module. Dropping it cuts its lines and closes the office.
pub(crate) struct Puppet {
    pub(crate) post: Post,
    pub(crate) caller: Caller,
    heard: mpsc::Receiver<Heard>,
    _office: Party,
}

/// An item that the broker handed over, and the way to answer it.
pub(crate) struct Heard {
    pub(crate) item: v1::Item,
    stream: mpsc::Sender<Result<HandOverResponse, Status>>,
}

impl Heard {
    /// The handover in it.
    pub(crate) fn handover(&self) -> &v1::Handover {
        match &self.item.kind {
            Some(v1::item::Kind::Handover(handover)) => handover,
            other => panic!("not a handover: {other:?}"),
        }
    }

    /// Acknowledges it.
    pub(crate) async fn acknowledge(&self) {
        let recorded_at = Some(SystemTime::now().into());
        self.answer(Outcome::Recorded(v1::Recorded {
            recorded_at,
            position: 1,
            superseded: false,
        }))
        .await;
    }

    /// Gives whatever verdict.
    pub(crate) async fn answer(&self, outcome: Outcome) {
        let verdict = v1::Verdict {
            item_id: self.item.item_id.clone(),
            outcome: Some(outcome),
        };
        let _ = self
            .stream
            .send(Ok(response(Content::Verdict(verdict))))
            .await;
    }

    /// Ends the stream on which it came.
    pub(crate) async fn hang_up(&self) {
        let _ = self.stream.send(Err(Status::unavailable("hung up"))).await;
    }
}

impl Puppet {
    pub(crate) fn open(
        post: Post,
        credentials: Credentials,
        address: SocketAddr,
        caller: Caller,
        log: &Log,
    ) -> Self {
        let (tell, heard) = mpsc::channel(1024);
        let service = DepartmentServiceServer::new(Ears {
            agency: post.agency,
            tell,
        });
        let office = Party::in_thread(post.name, log, move |shutdown| {
            Box::pin(async move {
                let limits = ListenerLimits::default();
                let listener = Listener::bind(address, &credentials, limits).await;
                let listener = listener.map_err(|error| error.to_string())?;
                let ending = async move { shutdown.triggered().await };
                let server = Server::builder().add_service(service);
                let serving = server.serve_with_incoming_shutdown(listener, ending);
                serving.await.map_err(|error| error.to_string())
            })
        });
        Self {
            post,
            caller,
            heard,
            _office: office,
        }
    }

    /// The next item that the broker hands over.
    pub(crate) async fn next(&mut self) -> Heard {
        let what = format!("an item for {}", self.post.name);
        patiently(&what, self.heard.recv())
            .await
            .expect("the office is open")
    }

    /// The next handover; what it only has to know is acknowledged.
    pub(crate) async fn next_handover(&mut self) -> Heard {
        loop {
            let heard = self.next().await;
            match heard.item.kind {
                Some(v1::item::Kind::Handover(ref one)) if one.task() != v1::Task::Inform => {
                    return heard;
                }
                _ => heard.acknowledge().await,
            }
        }
    }

    /// What is handed over and lies there unread.
    pub(crate) fn unread(&mut self) -> Vec<Heard> {
        std::iter::from_fn(|| self.heard.try_recv().ok()).collect()
    }

    /// An item that says `kind` of a handover.
    pub(crate) fn item(
        &self,
        item_id: &str,
        handover: &v1::Handover,
        kind: v1::report::Kind,
    ) -> v1::Item {
        let report = v1::Report {
            dossier_id: handover.dossier_id.clone(),
            step_id: handover.step_id.clone(),
            round: handover.round,
            agency_code: self.post.agency.into(),
            kind: Some(kind),
            ..Default::default()
        };
        v1::Item {
            item_id: item_id.into(),
            kind: Some(v1::item::Kind::Report(report)),
            ..Default::default()
        }
    }

    /// Reports one item and says what the broker makes of it.
    pub(crate) async fn report(&self, item: v1::Item) -> Outcome {
        self.caller.report(item).await
    }
}

fn response(content: Content) -> HandOverResponse {
    HandOverResponse {
        envelope: Some(Envelope {
            content: Some(content),
        }),
    }
}

/// Hears what the broker says, and keeps still.
struct Ears {
    agency: &'static str,
    tell: mpsc::Sender<Heard>,
}

#[tonic::async_trait]
impl DepartmentService for Ears {
    type HandOverStream = Pin<Box<dyn Stream<Item = Result<HandOverResponse, Status>> + Send>>;

    async fn describe(
        &self,
        _: Request<v1::DescribeRequest>,
    ) -> Result<Response<v1::DescribeResponse>, Status> {
        Ok(Response::new(v1::DescribeResponse {
            agency_code: self.agency.into(),
            ..Default::default()
        }))
    }

    async fn hand_over(
        &self,
        request: Request<Streaming<HandOverRequest>>,
    ) -> Result<Response<Self::HandOverStream>, Status> {
        let (stream, outgoing) = mpsc::channel(1024);
        let hello = v1::Hello {
            store_id: "puppet".into(),
            epoch: "1".into(),
            contract_version: "1.0".into(),
            window_items_max: 1000,
            window_bytes_max: 64 << 20,
            agency_code: self.agency.into(),
            ..Default::default()
        };
        stream
            .try_send(Ok(response(Content::Hello(hello))))
            .unwrap();
        let (mut incoming, tell) = (request.into_inner(), self.tell.clone());
        tokio::spawn(async move {
            while let Some(Ok(message)) = incoming.next().await {
                if let Some(Content::Item(item)) = message.envelope.and_then(|e| e.content) {
                    let _ = tell
                        .send(Heard {
                            item,
                            stream: stream.clone(),
                        })
                        .await;
                }
            }
        });
        Ok(Response::new(Box::pin(ReceiverStream::new(outgoing))))
    }

    async fn hand_over_one(
        &self,
        _: Request<v1::HandOverOneRequest>,
    ) -> Result<Response<v1::HandOverOneResponse>, Status> {
        Err(Status::unimplemented("a puppet has only its stream"))
    }
}
