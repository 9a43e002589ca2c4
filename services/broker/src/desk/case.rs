//! A dossier with its history, as it is read for a view or for an act.

use super::unreadable;
use crate::{
    hot,
    registry::{Registry, Rulebook},
    store::{Loaded, Reader},
    wire,
};
use contract::v1;
use dossier::{
    Dossier, Entry,
    name::{Digest, DossierId},
};
use jiff::Timestamp;
use std::collections::HashMap;
use tonic::Status;

/// A dossier with its history and the rules that it follows.
pub(crate) struct Case {
    pub(crate) dossier: Dossier,
    pub(crate) entries: Vec<Entry>,
    pub(crate) rulebook: Rulebook,
    hashes: HashMap<u64, Digest>,
}

impl Case {
    /// Nothing when there is no such dossier.
    ///
    /// # Errors
    /// `STORAGE_UNAVAILABLE`, or `DOSSIER_QUARANTINED`.
    pub(crate) fn load(
        reader: &dyn Reader,
        registry: &Registry,
        id: &DossierId,
    ) -> Result<Option<Self>, Status> {
        let Some(loaded) = reader.load(id).map_err(|error| unreadable(&error))? else {
            return Ok(None);
        };
        let quarantined = |error: &dyn std::fmt::Display| {
            tracing::error!(dossier_id = %id, %error, "a dossier cannot be read");
            crate::failure::Failure::Quarantined.fault().into_status()
        };
        if let Some(why) = &loaded.row.quarantined {
            return Err(quarantined(why));
        }
        let (dossier, entries) = hot::replay(*id, &loaded).map_err(|error| quarantined(&error))?;
        let rulebook = registry
            .rules_of(&dossier)
            .ok_or_else(|| quarantined(&"a version that it follows is not kept"))?;
        Ok(Some(Self {
            dossier,
            entries,
            rulebook,
            hashes: hashes(&loaded),
        }))
    }

    /// The hash of the record of an event.
    pub(super) fn hash(&self, sequence: u64) -> Option<Digest> {
        self.hashes.get(&sequence).copied()
    }

    /// Where it stands.
    pub(crate) fn track(&self) -> v1::TrackResponse {
        let rules = self.rulebook.rules();
        let tracked = wire::Tracked {
            dossier: &self.dossier,
            entries: &self.entries,
            procedure: rules.procedure,
            calendar: rules.calendar,
            directory: rules.directory,
            now: Timestamp::now(),
        };
        wire::track(tracked, |sequence| self.hashes.get(&sequence).copied())
    }
}

fn hashes(loaded: &Loaded) -> HashMap<u64, Digest> {
    loaded
        .records
        .iter()
        .map(|kept| (kept.sequence, Digest::of(&kept.bytes)))
        .collect()
}
