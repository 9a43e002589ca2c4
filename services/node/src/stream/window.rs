//! How much may be under way at a time, and what is.

use std::collections::HashMap;

/// The items that were offered and not answered.
#[derive(Debug)]
pub(super) struct Window {
    items_max: usize,
    bytes_max: u64,
    bytes: u64,
    offered: u64,
    items: HashMap<String, Place>,
}

#[derive(Debug, Clone, Copy)]
struct Place {
    number: u64,
    bytes: u64,
}

/// Whether so much more fits. One item may always be under way, or a large one never would.
pub(super) fn fits(
    (items, items_max): (usize, usize),
    (bytes, bytes_max): (u64, u64),
    more_bytes: u64,
) -> bool {
    items == 0 || (items < items_max && bytes.saturating_add(more_bytes) <= bytes_max)
}

impl Window {
    pub(super) fn new(items_max: usize, bytes_max: u64) -> Self {
        Self {
            items_max,
            bytes_max,
            bytes: 0,
            offered: 0,
            items: HashMap::new(),
        }
    }

    pub(super) fn len(&self) -> usize {
        self.items.len()
    }

    pub(super) fn holds(&self, item_id: &str) -> bool {
        self.items.contains_key(item_id)
    }

    /// Whether another item may fit, if it is small.
    pub(super) fn has_room(&self) -> bool {
        fits(
            (self.items.len(), self.items_max),
            (self.bytes, self.bytes_max),
            1,
        )
    }

    /// Puts an item under way, if it fits.
    pub(super) fn put(&mut self, item_id: &str, bytes: u64) -> bool {
        if !fits(
            (self.items.len(), self.items_max),
            (self.bytes, self.bytes_max),
            bytes,
        ) {
            return false;
        }
        self.offered += 1;
        self.bytes += bytes;
        self.items.insert(
            item_id.to_owned(),
            Place {
                number: self.offered,
                bytes,
            },
        );
        true
    }

    /// Takes an item out; says whether it was in.
    pub(super) fn take(&mut self, item_id: &str) -> bool {
        let Some(place) = self.items.remove(item_id) else {
            return false;
        };
        self.bytes -= place.bytes;
        true
    }

    /// Takes everything out, in the order in which it was put in.
    pub(super) fn empty(&mut self) -> Vec<String> {
        self.bytes = 0;
        let mut items: Vec<_> = self.items.drain().collect();
        items.sort_by_key(|(_, place)| place.number);
        items.into_iter().map(|(item_id, _)| item_id).collect()
    }
}
