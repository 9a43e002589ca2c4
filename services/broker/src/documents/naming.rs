//! Which documents are just being named, so that no sweep takes one away between the check and the
//! commit.
//!
//! A naming pins the document before it looks whose it is, and lets go after its commit can be
//! read. A sweep marks the document as leaving, which fails while it is pinned, and only then asks
//! the store whether it was named. So either the sweep sees the pin, or it sees the commit, or the
//! naming sees that the document is leaving; clocks do not matter.

use dossier::name::Digest;
use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

#[derive(Default)]
pub(super) struct Naming {
    marks: Arc<Mutex<Marks>>,
}

#[derive(Default)]
struct Marks {
    pinned: HashMap<Digest, usize>,
    leaving: HashSet<Digest>,
}

/// Keeps a document while it is being named. Let it go when the commit can be read.
pub struct Pin {
    marks: Arc<Mutex<Marks>>,
    digest: Digest,
}

/// Keeps a document from being named while it leaves.
pub(super) struct Leaving {
    marks: Arc<Mutex<Marks>>,
    digest: Digest,
}

impl Naming {
    /// Nothing when the document is leaving.
    pub(super) fn pin(&self, digest: Digest) -> Option<Pin> {
        let mut marks = lock(&self.marks);
        if marks.leaving.contains(&digest) {
            return None;
        }
        *marks.pinned.entry(digest).or_default() += 1;
        Some(Pin {
            marks: self.marks.clone(),
            digest,
        })
    }

    /// Nothing when somebody is naming the document.
    pub(super) fn leave(&self, digest: Digest) -> Option<Leaving> {
        let mut marks = lock(&self.marks);
        if marks.pinned.contains_key(&digest) || !marks.leaving.insert(digest) {
            return None;
        }
        Some(Leaving {
            marks: self.marks.clone(),
            digest,
        })
    }
}

impl Drop for Pin {
    fn drop(&mut self) {
        let mut marks = lock(&self.marks);
        if let Some(pins) = marks.pinned.get_mut(&self.digest) {
            *pins -= 1;
            if *pins == 0 {
                marks.pinned.remove(&self.digest);
            }
        }
    }
}

impl Drop for Leaving {
    fn drop(&mut self) {
        lock(&self.marks).leaving.remove(&self.digest);
    }
}

impl std::fmt::Debug for Pin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Pin({:?})", self.digest)
    }
}

fn lock(marks: &Mutex<Marks>) -> MutexGuard<'_, Marks> {
    // Every change of the marks is one step, so that a panic elsewhere leaves them whole.
    marks.lock().unwrap_or_else(PoisonError::into_inner)
}
