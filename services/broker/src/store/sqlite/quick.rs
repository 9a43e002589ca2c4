//! A quick hash for the writer's memory, which is asked dozens of times a change. What it hashes is ours
//! or a digest: agencies, steps and dossiers, never what somebody outside could choose so as to collide.

use std::{
    collections::HashMap,
    hash::{BuildHasherDefault, Hasher},
};

/// A map with it.
pub(super) type QuickMap<K, V> = HashMap<K, V, BuildHasherDefault<Quick>>;

/// Bits of pi, odd: each step spreads what came before over all bits.
const SPREAD: u64 = 0x517c_c1b7_2722_0a95;

#[derive(Default)]
pub(super) struct Quick(u64);

impl Quick {
    fn add(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(SPREAD);
    }
}

impl Hasher for Quick {
    fn write(&mut self, bytes: &[u8]) {
        let (words, rest) = bytes.as_chunks::<8>();
        for word in words {
            self.add(u64::from_le_bytes(*word));
        }
        if !rest.is_empty() {
            let mut word = [0; 8];
            word[..rest.len()].copy_from_slice(rest);
            self.add(u64::from_le_bytes(word));
        }
    }

    fn write_u8(&mut self, byte: u8) {
        self.add(byte.into());
    }

    fn write_usize(&mut self, number: usize) {
        self.add(number as u64);
    }

    fn finish(&self) -> u64 {
        // The map takes its places from the low bits, and a product has its best ones on top.
        self.0.rotate_left(26)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{collections::HashSet, hash::BuildHasher};

    #[test]
    fn names_that_differ_little_fall_apart() {
        let hash = BuildHasherDefault::<Quick>::default();
        let names = (0..10_000).map(|number| format!("step_{number:03}"));
        let places: HashSet<u64> = names
            .map(|name| hash.hash_one(name.as_str()) % 65_536)
            .collect();
        assert!(places.len() > 8_500, "{} of 10,000", places.len());
    }
}
