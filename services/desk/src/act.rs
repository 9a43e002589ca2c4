//! An act: what a desk does for a dossier, kept until the broker has answered it.

use crate::{form::ActForm, submission::PaperError, submission::take_papers};
use contract::v1::{self, desk_service_client::DeskServiceClient};
use node::{
    documents::{Digest, Documents},
    traces::Carrying,
};
use prost::{DecodeError, Message as _};
use std::path::{Path, PathBuf};
use tonic::{Status, transport::Channel};

/// An act to bring to the broker.
#[derive(Debug, Clone)]
pub struct Act {
    form: ActForm,
    request_id: String,
    /// Evidence and the file of a paper of it.
    papers: Vec<(String, PathBuf)>,
}

impl Act {
    /// An act whose papers lie in `folder`, with a new id.
    pub fn new(mut form: ActForm, folder: &Path) -> Self {
        let mut papers = Vec::new();
        for (name, given) in form.evidence_mut() {
            let paths = given.documents.iter().map(|path| folder.join(path));
            papers.extend(paths.map(|path| (name.to_owned(), path)));
        }
        Self {
            form,
            request_id: uuid::Uuid::now_v7().to_string(),
            papers,
        }
    }

    /// Gives it an id of the caller's, 1 to 128 printable ASCII characters: an act that is brought
    /// again with the same id is done once.
    #[must_use]
    pub fn with_id(mut self, request_id: impl Into<String>) -> Self {
        self.request_id = request_id.into();
        self
    }

    /// Adds a paper to a piece of its evidence, wherever it lies.
    #[must_use]
    pub fn attach(mut self, evidence: impl Into<String>, path: impl Into<PathBuf>) -> Self {
        self.papers.push((evidence.into(), path.into()));
        self
    }

    /// Its id.
    pub fn request_id(&self) -> &str {
        &self.request_id
    }

    /// Copies the papers to `documents` and gives the request that names them.
    pub(crate) async fn prepare(
        &self,
        agency_code: &str,
        documents: &Documents,
        document_bytes_max: u64,
    ) -> Result<(Request, Vec<(Digest, u64)>), PaperError> {
        let mut request = self.form.request(agency_code, &self.request_id);
        let kept = take_papers(
            &self.papers,
            documents,
            document_bytes_max,
            |name, paper| request.put(name, paper),
        );
        let kept = kept.await?;
        Ok((request, kept))
    }
}

/// What the broker answered.
#[derive(Debug, Clone, PartialEq)]
pub enum Answer {
    /// Received.
    Received(v1::ReceiveResponse),
    /// The citizen is to be asked.
    SupplementAsked(v1::RequestSupplementResponse),
    /// Done.
    Done,
}

macro_rules! requests {
    ($($kind:ident($request:ident, $call:ident) $word:literal,)*) => {
        /// The contract's requests for a dossier that is there, each under the contract's name.
        #[derive(Debug, Clone, PartialEq)]
        #[allow(clippy::enum_variant_names)]
        pub(crate) enum Request {
            $($kind(v1::$request),)*
        }

        impl Request {
            /// Which it is, in one word.
            pub(crate) fn word(&self) -> &'static str {
                match self { $(Self::$kind(_) => $word,)* }
            }

            pub(crate) fn dossier_code(&self) -> &str {
                match self { $(Self::$kind(request) => &request.dossier_code,)* }
            }

            pub(crate) fn request_id(&self) -> &str {
                match self { $(Self::$kind(request) => &request.request_id,)* }
            }

            pub(crate) fn encode(&self) -> Vec<u8> {
                match self { $(Self::$kind(request) => request.encode_to_vec(),)* }
            }

            /// Reads what [`encode`](Self::encode) wrote; nothing for a word that is unknown.
            pub(crate) fn decode(word: &str, bytes: &[u8]) -> Result<Option<Self>, DecodeError> {
                Ok(Some(match word {
                    $($word => Self::$kind(v1::$request::decode(bytes)?),)*
                    _ => return Ok(None),
                }))
            }

            /// Asks the broker; its answer as bytes.
            pub(crate) async fn call(
                self,
                mut client: DeskServiceClient<Carrying<Channel>>,
            ) -> Result<tonic::Response<Vec<u8>>, Status> {
                Ok(match self {
                    $(Self::$kind(request) => client.$call(request).await?.map(|one| one.encode_to_vec()),)*
                })
            }
        }
    };
}

requests! {
    Receive(ReceiveRequest, receive) "receive",
    RefuseIntake(RefuseIntakeRequest, refuse_intake) "refuse_intake",
    RequestSupplement(RequestSupplementRequest, request_supplement) "request_supplement",
    AnswerSupplement(AnswerSupplementRequest, answer_supplement) "answer_supplement",
    RecordConsent(RecordConsentRequest, record_consent) "record_consent",
    CompleteStep(CompleteStepRequest, complete_step) "complete_step",
    ConfirmPayment(ConfirmPaymentRequest, confirm_payment) "confirm_payment",
    Withdraw(WithdrawRequest, withdraw) "withdraw",
    Stop(StopRequest, stop) "stop",
    Resume(ResumeRequest, resume) "resume",
    HandOutResult(HandOutResultRequest, hand_out_result) "hand_out",
    ReportFault(ReportFaultRequest, report_fault) "report_fault",
}

impl Request {
    /// The evidence that it gives.
    pub(crate) fn evidence(&self) -> &[v1::EvidenceInput] {
        use v1::record_consent_request::Answer;
        match self {
            Self::AnswerSupplement(request) => &request.evidence,
            Self::CompleteStep(request) => &request.evidence,
            Self::RecordConsent(request) => match &request.answer {
                Some(Answer::Given(given)) => std::slice::from_ref(given),
                _ => &[],
            },
            _ => &[],
        }
    }

    /// Adds a paper to a piece of its evidence; false where it has as many as it may.
    fn put(&mut self, name: &str, paper: v1::Document) -> bool {
        use v1::record_consent_request::Answer;
        match self {
            Self::AnswerSupplement(request) => {
                crate::submission::put(&mut request.evidence, name, paper)
            }
            Self::CompleteStep(request) => {
                crate::submission::put(&mut request.evidence, name, paper)
            }
            Self::RecordConsent(request) => match &mut request.answer {
                Some(Answer::Given(given)) => {
                    given.documents.push(paper);
                    given.documents.len() <= crate::submission::DOCUMENTS_MAX
                }
                _ => true,
            },
            _ => true,
        }
    }

    /// What the broker's answer to it says.
    pub(crate) fn answer(&self, bytes: &[u8]) -> Result<Answer, DecodeError> {
        Ok(match self {
            Self::Receive(_) => Answer::Received(v1::ReceiveResponse::decode(bytes)?),
            Self::RequestSupplement(_) => {
                Answer::SupplementAsked(v1::RequestSupplementResponse::decode(bytes)?)
            }
            _ => Answer::Done,
        })
    }
}
