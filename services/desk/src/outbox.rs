//! Acts on their way: kept, brought to the broker in the order of their dossier, and answered.

use crate::{
    act::{Act, Answer, Request},
    desk::{Desk, SubmitError, check_key},
    line::{CallError, Refused},
    store::{Kept, KeptAct, StoreError},
};
use node::{
    fault::Fault,
    traces::{self, Kind},
};
use std::time::Duration;
use tokio::time::{Instant, sleep, sleep_until};

/// One attempt to bring an act.
pub(crate) enum Brought {
    Answered(Answer),
    Refused(Refused),
    /// Why not, and after how long to try again if the broker said.
    NotYet(String, Option<Duration>),
    /// It, or an act before it, was done once, and a restored broker does not have again yet what it
    /// rests on.
    TooEarly(Refused),
}

impl Desk {
    /// Keeps an act durably, brings it to the broker, and gives its answer. Acts for one dossier are
    /// brought in the order in which they were kept. Tries for `patience`; what is not answered by
    /// then is brought while the desk runs.
    ///
    /// # Errors
    /// [`SubmitError::Refused`] with every field that is wrong; [`SubmitError::NotYet`] when the
    /// broker could not be reached in time. The same act again is done once.
    pub async fn act(&self, act: Act, patience: Duration) -> Result<Answer, SubmitError> {
        let deadline = Instant::now() + patience;
        let id = act.request_id().to_owned();
        check_key(&id)?;
        let (config, store) = (&self.inner.config, &self.inner.store);
        loop {
            let bytes_max = config.limits.document_bytes_max;
            let prepared = act.prepare(&config.agency_code, store.documents(), bytes_max);
            let (request, documents) = prepared.await?;
            match store.keep_act(&request, documents).await? {
                Kept::Here => break,
                Kept::KeyReused => return Err(SubmitError::KeyReused(id)),
                Kept::PaperGone => {}
            }
        }
        let mut failures = 0;
        loop {
            let not_yet = |why: String| SubmitError::NotYet {
                submit_key: id.clone(),
                dossier_code: None,
                why,
            };
            let brought = tokio::select! {
                // On the heap: what is within reaches down to the broker's channel.
                brought = Box::pin(self.bring_act(&id)) => brought?,
                () = sleep_until(deadline) => {
                    self.inner.waiting.notify_one();
                    return Err(not_yet("the broker did not answer in time".into()));
                }
            };
            let (why, after) = match brought {
                Brought::Answered(answer) => return Ok(answer),
                Brought::Refused(refused) => return Err(SubmitError::Refused(refused)),
                Brought::NotYet(why, after) => (why, after),
                Brought::TooEarly(refused) => (refused.to_string(), None),
            };
            failures += 1;
            let pause = after.unwrap_or(config.times.pause(failures));
            if Instant::now() + pause >= deadline {
                self.inner.waiting.notify_one();
                return Err(not_yet(why));
            }
            sleep(pause).await;
        }
    }

    /// Brings an act, after those for its dossier that were kept before it.
    async fn bring_act(&self, request_id: &str) -> Result<Brought, StoreError> {
        let Some(KeptAct {
            request,
            waits,
            response,
        }) = self.inner.store.act(request_id).await?
        else {
            return Ok(Brought::NotYet("it is not kept here".into(), None));
        };
        if let (false, Some(response)) = (waits, response) {
            return answered(&request, &response);
        }
        let brought = self.bring_acts(request.dossier_code()).await?;
        let own = brought.into_iter().find(|(id, _)| id == request_id);
        match own {
            Some((_, brought)) => Ok(brought),
            // Somebody else brought it meanwhile, or one before it is not through yet.
            None => match self.inner.store.act(request_id).await? {
                Some(KeptAct {
                    request,
                    waits: false,
                    response: Some(response),
                }) => answered(&request, &response),
                _ => Ok(Brought::NotYet("an act before it waits".into(), None)),
            },
        }
    }

    /// Brings what waits for a dossier, in its order, until one cannot be brought now.
    pub(crate) async fn bring_acts(
        &self,
        dossier_code: &str,
    ) -> Result<Vec<(String, Brought)>, StoreError> {
        // No submit key has a tab in it.
        let key = format!("acts\t{dossier_code}");
        let store = &self.inner.store;
        let bringing = async {
            let mut done = Vec::new();
            // What a restored broker did of this dossier is still being done again.
            let mut is_restored = false;
            if let Some(submit_key) = store.waiting_under(dossier_code).await? {
                // The dossier itself comes first.
                Box::pin(self.send(&submit_key)).await?;
            }
            for act in store.acts_waiting(dossier_code).await? {
                let KeptAct {
                    request, response, ..
                } = act;
                let id = request.request_id().to_owned();
                let was_done = is_restored || response.is_some();
                let brought = Box::pin(self.bring_one(request, was_done)).await?;
                let stuck = matches!(brought, Brought::NotYet(..));
                is_restored |= matches!(brought, Brought::TooEarly(..));
                done.push((id, brought));
                if stuck {
                    break;
                }
            }
            Ok(done)
        };
        self.in_turn(&key, bringing).await
    }

    /// Brings one act; `was_done` when the broker had answered it, or one before it, before.
    async fn bring_one(&self, request: Request, was_done: bool) -> Result<Brought, StoreError> {
        let (store, line) = (&self.inner.store, &self.inner.line);
        let (id, code) = (
            request.request_id().to_owned(),
            request.dossier_code().to_owned(),
        );
        let mut span = self.inner.tracer.span("act", Kind::Client, None);
        span.note("dossier_code", &code);
        span.note("act", request.word());
        let calling = async {
            self.upload(request.evidence()).await?;
            line.call(request.clone().call(line.client.clone())).await
        };
        let called = traces::within(&span, calling).await;
        match &called {
            Ok(_) => {}
            Err(CallError::Refused(refused)) => span.failed(&refused.reason),
            Err(CallError::Away(_)) => span.failed("AWAY"),
        }
        drop(span);
        match called {
            Ok(response) => {
                store.act_done(&id, response.clone()).await?;
                tracing::info!(dossier_code = code, act = request.word(), "act done");
                answered(&request, &response)
            }
            Err(CallError::Refused(refused)) if refused.is_of_identity() => {
                tracing::error!(
                    reason = refused.reason,
                    message = refused.en,
                    "the broker does not let this desk in: acts wait until that is mended"
                );
                Ok(Brought::NotYet(refused.to_string(), None))
            }
            Err(error) if error.is_unknown() && self.is_lost(&code, &error).await? => {
                // A broker that was restored from a copy gets the dossier again first.
                Ok(Brought::NotYet(
                    "the broker has lost the dossier".into(),
                    None,
                ))
            }
            Err(CallError::Refused(refused)) if was_done && store.is_open(&code).await? => {
                // What it rests on comes again from departments, in their own time.
                tracing::warn!(
                    dossier_code = code,
                    act = request.word(),
                    reason = refused.reason,
                    "the broker refused an act of a dossier whose acts it had recorded before; it is brought until the dossier closes"
                );
                Ok(Brought::TooEarly(refused))
            }
            Err(CallError::Refused(refused)) => {
                tracing::warn!(
                    dossier_code = code,
                    act = request.word(),
                    reason = refused.reason,
                    "the broker refused an act"
                );
                store.act_refused(&id, &refused.reason).await?;
                Ok(Brought::Refused(refused))
            }
            Err(CallError::Away(status)) => {
                tracing::debug!(dossier_code = code, act = request.word(), %status, "not done yet");
                let after = Fault::retry_after_of(&status);
                Ok(Brought::NotYet(status.message().into(), after))
            }
        }
    }

    /// Whether a dossier that the broker must know was unknown to it: else it refused the act alone.
    async fn is_lost(&self, code: &str, refused: &CallError) -> Result<bool, StoreError> {
        if !self.inner.store.is_open(code).await? {
            return Ok(false);
        }
        // It may have been brought again since, so that asking now would say nothing of then.
        Ok(refused.is_unknown_dossier()
            || self
                .track(code)
                .await
                .is_err_and(|error| error.is_unknown()))
    }
}

fn answered(request: &Request, response: &[u8]) -> Result<Brought, StoreError> {
    let answer = request.answer(response);
    let answer = answer.map_err(|source| StoreError::Row {
        table: "act",
        source,
    })?;
    Ok(Brought::Answered(answer))
}
