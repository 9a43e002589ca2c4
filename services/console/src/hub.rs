//! Changes as the broker tells them: one stream an operator, however many pages are open.

use crate::{
    line::{Caller, Line},
    trouble::{Kind, Trouble},
};
use contract::v1::{WatchDossiersRequest, WatchDossiersResponse};
use dashmap::DashMap;
use std::{collections::BTreeSet, sync::Arc, time::Duration};
use tokio::{
    sync::broadcast,
    time::{Instant, sleep, timeout},
};

/// Changes that a page may be behind; of one that is more, the page looks at everything again.
const BEHIND_MAX: usize = 64;
/// How long the broker may be silent: it speaks every 15 s at least.
const SILENCE_MAX: Duration = Duration::from_secs(40);
/// The pause before the stream is opened again, and what it grows to.
const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// The pause where the broker does not serve the stream or does not grant it.
const PAUSE_REFUSED: Duration = Duration::from_secs(30);

/// Something that pages show has changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Change {
    /// Incidents opened or closed.
    pub(crate) incidents: bool,
    /// A department's connection or suspension changed.
    pub(crate) departments: bool,
    /// Dossiers changed.
    pub(crate) dossiers: bool,
    /// Which, by their codes; all may have when `everything` is set.
    pub(crate) codes: BTreeSet<String>,
    /// Whatever is shown may have changed.
    pub(crate) everything: bool,
    /// The line to the broker came or went.
    pub(crate) link: bool,
}

/// The streams. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Hub {
    line: Line,
    topics: Arc<DashMap<String, broadcast::Sender<Change>>>,
}

impl Change {
    /// Whatever is shown may have changed.
    pub(crate) fn everything() -> Self {
        Self {
            everything: true,
            ..Self::default()
        }
    }

    fn link() -> Self {
        Self {
            link: true,
            ..Self::everything()
        }
    }

    /// Both together.
    pub(crate) fn join(&mut self, other: Self) {
        self.incidents |= other.incidents;
        self.departments |= other.departments;
        self.dossiers |= other.dossiers;
        self.everything |= other.everything;
        self.link |= other.link;
        self.codes.extend(other.codes);
    }

    pub(crate) fn is_nothing(&self) -> bool {
        *self == Self::default()
    }
}

impl From<WatchDossiersResponse> for Change {
    fn from(told: WatchDossiersResponse) -> Self {
        Self {
            incidents: told.incidents,
            departments: told.departments,
            dossiers: told.more || !told.dossiers.is_empty(),
            everything: told.more,
            link: false,
            codes: told
                .dossiers
                .into_iter()
                .map(|row| row.dossier_code)
                .collect(),
        }
    }
}

impl Hub {
    pub(crate) fn new(line: Line) -> Self {
        Self {
            line,
            topics: Arc::default(),
        }
    }

    /// Hears the changes that this operator may see. The stream is opened for the first who listens and
    /// closed after the last.
    pub(crate) fn listen(&self, operator: &str) -> Option<broadcast::Receiver<Change>> {
        let caller = self.line.speak_for(operator)?;
        let entry = self.topics.entry(operator.to_owned());
        let topic = entry.or_insert_with(|| {
            let sender = broadcast::Sender::new(BEHIND_MAX);
            tokio::spawn(follow(self.clone(), operator.to_owned(), caller));
            sender
        });
        Some(topic.subscribe())
    }

    /// Tells a change; false when nobody listens, and then the topic is gone.
    fn tell(&self, operator: &str, change: Change) -> bool {
        let told = self
            .topics
            .get(operator)
            .is_some_and(|topic| topic.send(change).is_ok());
        // Between the two somebody may have begun to listen: then it stays.
        told || self
            .topics
            .remove_if(operator, |_, topic| topic.receiver_count() == 0)
            .is_none()
    }
}

async fn follow(hub: Hub, operator: String, caller: Caller) {
    let mut pause = PAUSE_MIN;
    loop {
        let begun = Instant::now();
        let trouble = match watch(&hub, &operator, &caller).await {
            Ok(()) => return,
            Err(trouble) => trouble,
        };
        let link = hub.line.link();
        let was_there = link.lost_since().is_none();
        match trouble.kind {
            Kind::NotServed | Kind::NotGranted => pause = PAUSE_REFUSED,
            _ => {
                link.is_away();
                if begun.elapsed() > PAUSE_MAX {
                    pause = PAUSE_MIN;
                }
            }
        }
        if was_there {
            tracing::warn!(operator, reason = trouble.reason, kind = ?trouble.kind, "changes are not heard");
        }
        if !hub.tell(&operator, Change::link()) {
            return;
        }
        sleep(pause).await;
        pause = (pause * 2).min(PAUSE_MAX.max(pause));
    }
}

/// Tells changes until nobody listens or the stream ends.
async fn watch(hub: &Hub, operator: &str, caller: &Caller) -> Result<(), Trouble> {
    let mut stream = caller
        .watch_dossiers(WatchDossiersRequest::default())
        .await?;
    // What happened while nobody watched.
    if !hub.tell(operator, Change::link()) {
        return Ok(());
    }
    loop {
        let told = timeout(SILENCE_MAX, stream.message())
            .await
            .map_err(|_| Trouble::silent())?
            .map_err(Trouble::from)?
            .ok_or_else(Trouble::silent)?;
        hub.line.link().is_there();
        if !hub.tell(operator, told.into()) {
            return Ok(());
        }
    }
}
