//! The one-stop desk of the first commune: submits births, and hears what becomes of them.

use super::{
    birth::{Scan, submission},
    caller::Caller,
    patience::{patiently, until},
};
use contract::v1::{self, notice::Kind};
use std::sync::atomic::{AtomicU32, Ordering};
use tonic::{Code, Status};

/// A dossier as its desk knows it.
#[derive(Debug, Clone)]
pub(crate) struct Filed {
    pub(crate) id: String,
    pub(crate) code: String,
    /// What was submitted.
    pub(crate) request: v1::SubmitRequest,
    /// The birth notice that the parents brought.
    pub(crate) notice: Scan,
}

/// See the module.
pub(crate) struct Window {
    pub(crate) caller: Caller,
    pub(crate) agency: &'static str,
    count: AtomicU32,
}

impl Window {
    pub(crate) fn new(caller: Caller, agency: &'static str) -> Self {
        Self {
            caller,
            agency,
            count: AtomicU32::new(0),
        }
    }

    /// Files and receives a dossier, papers first.
    pub(crate) async fn submit(&self, procedure: &str) -> Filed {
        self.submit_with(|request| request.procedure_code = procedure.into())
            .await
    }

    /// As [`submit`](Self::submit), with a change to what is submitted.
    pub(crate) async fn submit_with(&self, change: impl FnOnce(&mut v1::SubmitRequest)) -> Filed {
        let (mut request, notice) = self.prepare().await;
        change(&mut request);
        let answer = self.send_patiently(request.clone()).await;
        Filed {
            id: answer.dossier_id,
            code: answer.dossier_code,
            request,
            notice,
        }
    }

    /// A submission whose papers are at the broker already.
    pub(crate) async fn prepare(&self) -> (v1::SubmitRequest, Scan) {
        let key = format!(
            "{}-{}",
            self.agency,
            self.count.fetch_add(1, Ordering::Relaxed)
        );
        let notice = Scan::new(&format!("giấy chứng sinh, {key}"));
        self.upload(&notice).await;
        let request = submission(&key, &notice);
        (
            v1::SubmitRequest {
                agency_code: self.agency.into(),
                ..request
            },
            notice,
        )
    }

    /// Uploads a paper.
    pub(crate) async fn upload(&self, scan: &Scan) {
        let uploading = || async { self.caller.upload(self.agency, scan).await.ok() };
        until("a paper to be uploaded", uploading).await;
    }

    /// How many dossiers the desk has.
    pub(crate) async fn count(&self) -> usize {
        let (mut count, mut page_token) = (0, String::new());
        loop {
            let request = v1::ListDossiersRequest {
                agency_code: self.agency.into(),
                page_size: 500,
                page_token,
            };
            let list = self.calling("the desk's dossiers", async || {
                self.caller.desk().list_dossiers(request.clone()).await
            });
            let page = list.await.into_inner();
            count += page.dossiers.len();
            if page.next_page_token.is_empty() {
                return count;
            }
            page_token = page.next_page_token;
        }
    }

    /// Submits a dossier again, papers first, with the key and the code that it had.
    pub(crate) async fn submits_again(&self, dossier: &Filed) {
        self.upload(&dossier.notice).await;
        let request = v1::SubmitRequest {
            dossier_code: dossier.code.clone(),
            ..dossier.request.clone()
        };
        let answer = self.send_patiently(request).await;
        assert_eq!(
            (answer.dossier_id, answer.dossier_code),
            (dossier.id.clone(), dossier.code.clone())
        );
    }

    /// Submits as it is until the broker is there and answers.
    pub(crate) async fn send_patiently(&self, request: v1::SubmitRequest) -> v1::SubmitResponse {
        self.calling("an answer to a submit", async || {
            self.send(request.clone()).await
        })
        .await
    }

    /// The bytes of a paper, all at once.
    pub(crate) async fn download(&self, document: &v1::Document) -> Result<Vec<u8>, Status> {
        self.caller.download(self.agency, &document.digest).await
    }

    /// Submits as it is and says what the broker answers.
    pub(crate) async fn send(
        &self,
        request: v1::SubmitRequest,
    ) -> Result<v1::SubmitResponse, Status> {
        self.caller
            .desk()
            .submit(request)
            .await
            .map(tonic::Response::into_inner)
    }

    /// Where the dossier stands.
    pub(crate) async fn track(&self, dossier: &Filed) -> v1::TrackResponse {
        self.calling("where the dossier stands", async || {
            let request = v1::TrackRequest {
                agency_code: self.agency.into(),
                dossier_code: dossier.code.clone(),
            };
            self.caller
                .desk()
                .track(request)
                .await
                .map(tonic::Response::into_inner)
        })
        .await
    }

    /// One step of the dossier.
    pub(crate) async fn step(&self, dossier: &Filed, step_id: &str) -> v1::StepStatus {
        let found = self
            .track(dossier)
            .await
            .steps
            .into_iter()
            .find(|step| step.step_id == step_id);
        found.unwrap_or_else(|| panic!("the dossier has no step {step_id}"))
    }

    /// Waits until the step stands so.
    pub(crate) async fn sees(&self, dossier: &Filed, step_id: &str, state: v1::StepState) {
        let what = format!("step {step_id} to be {}", state.as_str_name());
        until(&what, || async {
            (self.step(dossier, step_id).await.state() == state).then_some(())
        })
        .await;
    }

    /// Waits until no more results come, and names them in alphabetical order.
    pub(crate) async fn results(&self, dossier: &Filed) -> Vec<String> {
        self.closes(dossier).await;
        let mut names: Vec<_> = self
            .evidence(dossier)
            .await
            .into_iter()
            .map(|evidence| evidence.name)
            .collect();
        names.sort();
        names
    }

    /// The results so far, the newest version of each.
    pub(crate) async fn evidence(&self, dossier: &Filed) -> Vec<v1::Evidence> {
        self.results_so_far(dossier).await.results
    }

    /// One result that is there.
    pub(crate) async fn result(&self, dossier: &Filed, name: &str) -> v1::Evidence {
        let results = self.evidence(dossier).await;
        results
            .into_iter()
            .find(|one| one.name == name)
            .unwrap_or_else(|| panic!("no {name}"))
    }

    /// One result, as soon as there is a notice of it.
    pub(crate) async fn result_when_there(&self, dossier: &Filed, name: &str) -> v1::Evidence {
        self.is_told_of(dossier, name).await;
        self.result(dossier, name).await
    }

    async fn results_so_far(&self, dossier: &Filed) -> v1::ListResultsResponse {
        self.calling("the results", async || {
            let request = v1::ListResultsRequest {
                agency_code: self.agency.into(),
                dossier_code: dossier.code.clone(),
            };
            self.caller
                .desk()
                .list_results(request)
                .await
                .map(tonic::Response::into_inner)
        })
        .await
    }

    /// Waits for the notice that the dossier is closed.
    pub(crate) async fn closes(&self, dossier: &Filed) {
        let closed = |notice: &v1::Notice| matches!(notice.kind, Some(Kind::Closed(_)));
        self.hears(dossier, "that the dossier is closed", closed)
            .await;
    }

    /// Waits for the notice that a result exists.
    pub(crate) async fn is_told_of(&self, dossier: &Filed, result: &str) -> v1::NoticeResult {
        let told = |notice: &v1::Notice| matches!(&notice.kind, Some(Kind::Result(one)) if one.evidence == result);
        let notice = self
            .hears(dossier, &format!("that there is a {result}"), told)
            .await;
        match notice.kind {
            Some(Kind::Result(result)) => result,
            _ => unreachable!("the notice of a result"),
        }
    }

    /// Waits for a notice about the dossier, from the first one on.
    pub(crate) async fn hears(
        &self,
        dossier: &Filed,
        what: &str,
        fits: impl Fn(&v1::Notice) -> bool,
    ) -> v1::Notice {
        let what = format!("the desk to hear {what} ({})", dossier.code);
        let mut cursor = String::new();
        let listening = async {
            loop {
                let request = v1::WatchNoticesRequest {
                    agency_code: self.agency.into(),
                    cursor: cursor.clone(),
                };
                let watch = self.calling(&what, async || {
                    self.caller.desk().watch_notices(request.clone()).await
                });
                let mut notices = watch.await.into_inner();
                while let Ok(Some(message)) = notices.message().await {
                    let Some(notice) = message.notice else {
                        continue;
                    };
                    cursor.clone_from(&notice.cursor);
                    if notice.dossier_code == dossier.code && fits(&notice) {
                        return notice;
                    }
                }
            }
        };
        patiently(&what, listening).await
    }

    /// All notices about a dossier so far.
    pub(crate) async fn notices(&self, dossier: &Filed) -> Vec<v1::Notice> {
        let (mut notices, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = self
                .calling("the notices", async || {
                    let request = v1::ListNoticesRequest {
                        agency_code: self.agency.into(),
                        cursor: cursor.clone(),
                        page_size: 1000,
                    };
                    self.caller
                        .desk()
                        .list_notices(request)
                        .await
                        .map(tonic::Response::into_inner)
                })
                .await;
            if page.notices.is_empty() {
                return notices;
            }
            cursor = page.next_cursor;
            notices.extend(
                page.notices
                    .into_iter()
                    .filter(|one| one.dossier_code == dossier.code),
            );
        }
    }

    /// Calls until there is an answer; a broker that is away or busy is called again.
    async fn calling<T>(&self, what: &str, call: impl AsyncFn() -> Result<T, Status>) -> T {
        until(what, || async {
            match call().await {
                Ok(answer) => Some(answer),
                Err(status) if may_pass(&status) => None,
                Err(status) => panic!("waited for {what}: {status:?}"),
            }
        })
        .await
    }
}

/// Whether the same call can succeed later.
fn may_pass(status: &Status) -> bool {
    use Code::{Aborted, Cancelled, Internal, ResourceExhausted, Unavailable, Unknown};
    matches!(
        status.code(),
        Unavailable | ResourceExhausted | Aborted | Cancelled | Internal | Unknown
    )
}
