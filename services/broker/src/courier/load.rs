//! The load: what a courier has on one stream, offered and not yet settled.

use super::{
    list::{Key, List},
    outcome::{Done, Round},
    telling::Telling,
};
use dossier::name::AgencyCode;
use futures_util::{future::BoxFuture, stream::FuturesUnordered};
use node::traces::Span;
use std::collections::{HashMap, HashSet};

/// What a courier has on one stream.
pub(super) struct Load {
    pub(super) list: List,
    pub(super) under_way: HashMap<String, UnderWay>,
    pub(super) keys: HashSet<Key>,
    pub(super) settling: FuturesUnordered<BoxFuture<'static, Done>>,
    /// Of the rounds that are under way, where spans are made.
    pub(super) spans: HashMap<String, Span>,
}

/// What is on its way to the department.
#[derive(Debug, Clone)]
pub(super) enum UnderWay {
    Round(Round),
    Notice(Telling),
}

impl UnderWay {
    pub(super) fn key(&self) -> &Key {
        match self {
            Self::Round(round) => &round.key,
            Self::Notice(telling) => &telling.key,
        }
    }
}

impl Load {
    pub(super) fn new(agency: AgencyCode, window_items_max: u32) -> Self {
        Self {
            list: List::new(agency, window_items_max as usize),
            under_way: HashMap::new(),
            keys: HashSet::new(),
            settling: FuturesUnordered::new(),
            spans: HashMap::new(),
        }
    }

    pub(super) fn begin(&mut self, item_id: String, under_way: UnderWay) {
        self.keys.insert(under_way.key().clone());
        self.under_way.insert(item_id, under_way);
    }

    pub(super) fn done(&mut self, done: Done) {
        self.under_way.remove(&done.item_id);
        self.keys.remove(&done.key);
        if let Some((until, is_kept)) = done.rest {
            self.list.rest(done.key, until, is_kept);
        }
    }
}
