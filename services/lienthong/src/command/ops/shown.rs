//! What is shown: once, or again whenever something changes, until Ctrl-C.

use super::{ending::Ending, line::Line};
use crate::screen::{json, tell};
use clap::Args;
use contract::v1::{WatchDossiersRequest, WatchDossiersResponse};
use serde_json::Value;
use std::time::Duration;
use terminal::Term;
use tonic::{Code, Status};

/// Between two attempts to hear of a broker that is away.
const AGAIN: Duration = Duration::from_secs(1);
/// Between two looks at what changes all the time, at least.
const APART: Duration = Duration::from_millis(500);

#[derive(Debug, Args)]
pub(super) struct WatchArgs {
    /// Show it again whenever something changes; Ctrl-C ends.
    #[arg(long)]
    watch: bool,
}

/// What a command shows.
pub(super) struct Shown {
    pub(super) text: String,
    pub(super) json: Value,
    /// Whether there is anything of it.
    pub(super) any: bool,
}

impl Shown {
    fn print(&self, as_json: bool) -> anyhow::Result<Ending> {
        match as_json {
            true => json::print(&self.json)?,
            false => tell!("{}", self.text.trim_end()),
        }
        Ok(Ending::found(self.any))
    }
}

impl WatchArgs {
    /// Shows what `look` finds: once, or whenever something changes.
    pub(super) async fn show(
        &self,
        line: &Line,
        json: bool,
        mut look: impl AsyncFnMut() -> anyhow::Result<Shown>,
    ) -> anyhow::Result<Ending> {
        if !self.watch {
            return look().await?.print(json);
        }
        tokio::select! {
            ended = watched(line, json, look) => ended,
            _ = tokio::signal::ctrl_c() => Ok(Ending::Fine),
        }
    }
}

async fn watched(
    line: &Line,
    json: bool,
    mut look: impl AsyncFnMut() -> anyhow::Result<Shown>,
) -> anyhow::Result<Ending> {
    let terminal = Term::stdout();
    let mut last = String::new();
    // Heard from before the first look on, so that nothing is missed between the two.
    let mut news = News::new(line.clone());
    let _ = news.listen().await;
    loop {
        match look().await {
            Ok(shown) => {
                let now = if json {
                    shown.json.to_string()
                } else {
                    shown.text
                };
                if now != last {
                    if !json && terminal.is_term() {
                        terminal.clear_screen()?;
                    }
                    tell!("{}", now.trim_end());
                    last = now;
                }
            }
            Err(error) if super::ending_of(&error) == Ending::BrokerAway => {
                eprintln!("the broker is away; trying again");
                tokio::time::sleep(AGAIN).await;
            }
            Err(error) => return Err(error),
        }
        tokio::time::sleep(APART).await;
        news.next().await?;
    }
}

/// Hears that something changed, also over a broker that is away for a while.
pub(super) struct News {
    line: Line,
    cursor: String,
    /// It was heard before: what came since then is not known.
    was_heard: bool,
    stream: Option<tonic::Streaming<WatchDossiersResponse>>,
}

impl News {
    pub(super) fn new(line: Line) -> Self {
        Self {
            line,
            cursor: String::new(),
            was_heard: false,
            stream: None,
        }
    }

    /// Until something changed; what that is.
    pub(super) async fn next(&mut self) -> anyhow::Result<WatchDossiersResponse> {
        loop {
            let heard = match &mut self.stream {
                Some(stream) => stream.message().await,
                None => match self.listen().await {
                    Ok(()) if !self.was_heard => continue,
                    Ok(()) => {
                        return Ok(WatchDossiersResponse {
                            more: true,
                            ..Default::default()
                        });
                    }
                    Err(status) => Err(status),
                },
            };
            match heard {
                Ok(Some(message)) => {
                    self.was_heard = true;
                    self.cursor.clone_from(&message.cursor);
                    let quiet = message.dossiers.is_empty()
                        && !(message.more || message.incidents || message.departments);
                    if !quiet {
                        return Ok(message);
                    }
                }
                Ok(None) => self.stream = None,
                Err(status) => {
                    self.stream = None;
                    if ends(&status) {
                        return Err(status.into());
                    }
                    // Its cursor may be of before a restore.
                    if status.code() == Code::InvalidArgument {
                        self.cursor.clear();
                    }
                    tokio::time::sleep(AGAIN).await;
                }
            }
        }
    }

    async fn listen(&mut self) -> Result<(), Status> {
        let cursor = self.cursor.clone();
        let stream = self.line.watch_dossiers(WatchDossiersRequest { cursor });
        self.stream = Some(stream.await?.into_inner());
        Ok(())
    }
}

fn ends(status: &Status) -> bool {
    matches!(
        status.code(),
        Code::PermissionDenied | Code::Unauthenticated | Code::Unimplemented
    )
}
