//! A bench department with the inbox and outbox that departments run: the line that measures those.

use super::office::SharedOffice;
use crate::bench::control::now_ns;
use ::department::{Answer, Config, Given, Handler, HandlerError, Said, Work};
use anyhow::Context as _;
use contract::v1::Task;
use node::shutdown::Shutdown;
use std::sync::Arc;
use tokio::net::TcpListener;

/// Runs it until the shutdown.
pub(super) async fn run(
    config: Config,
    office: SharedOffice,
    shutdown: Shutdown,
) -> anyhow::Result<()> {
    let listener = TcpListener::bind(config.listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {}", config.listen))?;
    let handler = Arc::new(AtOnce { office });
    Ok(::department::run(config, listener, shutdown, handler).await?)
}

/// Answers each round at once.
struct AtOnce {
    office: SharedOffice,
}

#[async_trait::async_trait]
impl Handler for AtOnce {
    async fn handle(&self, work: Work) -> Result<Vec<Answer>, HandlerError> {
        let handover = work.handover();
        if handover.task() != Task::Work {
            return Ok(Vec::new());
        }
        self.office.count_round(handover);
        let evidence = self.office.gives(&handover.step_id, now_ns());
        let given = evidence.into_iter().map(|one| Given {
            name: one.name,
            schema_id: one.schema_id,
            data: one.data,
            documents: Vec::new(),
            subject_party_id: one.subject_party_id,
        });
        let said = Said::Completed {
            evidence: given.collect(),
            note: String::new(),
        };
        self.office.finish(&handover.step_id);
        Ok(vec![said.into()])
    }
}
