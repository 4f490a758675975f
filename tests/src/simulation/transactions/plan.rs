//! What kind of work the transactions of a run do: drawn first, so that seeds differ in kind and not
//! only in detail.

use std::time::Duration;

use fastrand::Rng;
use sop_core::{Durability, Isolation, StoreOptions, TransactionOptions};

use super::blobs::Blobs;
use crate::simulation::surroundings::{happens, pick, sometimes};

/// The knobs of the work.
#[derive(Clone, Debug)]
pub(in crate::simulation) struct Plan {
    pub(in crate::simulation) sessions: usize,
    /// The node size of each store, in bytes.
    pub(in crate::simulation) node_sizes: Vec<usize>,
    /// How many different keys there are in a store.
    pub(in crate::simulation) keys: u32,
    /// Whether some keys are much more in demand than others.
    pub(in crate::simulation) is_hot: bool,
    /// Bytes by which keys are longer than need be.
    pub(in crate::simulation) key_padding: usize,
    pub(in crate::simulation) value_len_max: usize,
    /// How many things a transaction does at most.
    pub(in crate::simulation) operations_max: u32,
    pub(super) blobs: Blobs,
    pub(in crate::simulation) mix: Mix,
    pub(in crate::simulation) rates: Rates,
}

/// How often a transaction does what, relative to each other.
#[derive(Clone, Debug)]
pub(in crate::simulation) struct Mix {
    pub(super) find: u32,
    pub(super) scan: u32,
    pub(super) write: u32,
    pub(super) remove: u32,
    pub(super) catalog: u32,
    /// Each of reading and writing blobs.
    pub(super) blob: u32,
}

impl Mix {
    /// All that reads.
    pub(in crate::simulation) fn reads(&self) -> u32 {
        self.find + self.scan + self.blob
    }

    /// All that writes.
    pub(in crate::simulation) fn writes(&self) -> u32 {
        self.write + self.remove + self.catalog + self.blob
    }
}

/// How often something is done, in parts of 1024.
#[derive(Clone, Debug)]
pub(in crate::simulation) struct Rates {
    /// Of transactions: those that only need to be isolated from others' writes to what they write.
    pub(in crate::simulation) snapshot_isolation: u32,
    /// Of transactions: those acknowledged before they are durable.
    pub(in crate::simulation) lazy: u32,
    /// Of commits: those that do not block.
    pub(in crate::simulation) unattended: u32,
    /// Of transactions: those that are given up.
    pub(in crate::simulation) rollback: u32,
    /// Of beginnings: long-lived snapshots.
    pub(in crate::simulation) reader: u32,
    /// Of commits: those of transactions that are only prepared; and how often one of these ends, of
    /// steps.
    pub(in crate::simulation) prepare: u32,
    pub(in crate::simulation) end_prepared: u32,
}

impl Plan {
    pub(in crate::simulation) fn draw(random: &mut Rng) -> Self {
        let stores = random.usize(1..=6);
        let node_size =
            |random: &mut Rng| pick(random, &[1 << 10, 1 << 10, 1_500, 4 << 10, 32 << 10]);
        Self {
            sessions: pick(random, &[2, 3, 4, 8, 16, 32]),
            node_sizes: (0..stores).map(|_| node_size(random)).collect(),
            keys: pick(random, &[4, 30, 300, 300, 2_000]),
            is_hot: random.bool(),
            key_padding: pick(random, &[0, 0, 0, 20, 200]),
            value_len_max: pick(random, &[12, 40, 40, 200, 1_000]),
            operations_max: pick(random, &[2, 4, 6, 12]),
            blobs: Blobs::draw(random),
            mix: Mix {
                find: random.u32(1..8),
                scan: random.u32(1..6),
                write: random.u32(4..12),
                remove: random.u32(1..5),
                catalog: pick(random, &[0, 0, 1, 1, 3]),
                blob: pick(random, &[0, 0, 0, 2, 10]),
            },
            rates: Rates::draw(random),
        }
    }

    /// A transaction's isolation and durability.
    pub(in crate::simulation) fn transaction(&self, random: &mut Rng) -> TransactionOptions {
        let is_lazy = happens(random, self.rates.lazy);
        let durability = match random.u8(..2) {
            _ if !is_lazy => Durability::Immediate,
            0 => Durability::Eventual,
            _ => Durability::Interval(Duration::from_millis(random.u64(..2_000))),
        };
        let is_loose = happens(random, self.rates.snapshot_isolation);
        let isolation = if is_loose { Isolation::Snapshot } else { Isolation::Serializable };
        TransactionOptions::default().isolation(isolation).durability(durability)
    }

    pub(in crate::simulation) fn store_options(&self, store: usize) -> StoreOptions {
        StoreOptions::default().node_size(self.node_sizes[store])
    }

    pub(in crate::simulation) fn any_store(&self, random: &mut Rng) -> usize {
        random.usize(..self.node_sizes.len())
    }

    pub(in crate::simulation) fn any_key(&self, random: &mut Rng) -> String {
        let any = random.u32(..self.keys);
        let number = if self.is_hot { any.min(random.u32(..self.keys)) / 2 } else { any };
        self.key(number)
    }

    pub(in crate::simulation) fn key(&self, number: u32) -> String {
        let padding = self.key_padding;
        format!("{number:05}{:padding$}", "")
    }

    /// The length of a value, in bytes.
    pub(in crate::simulation) fn value_len(&self, random: &mut Rng) -> usize {
        let is_large = random.u8(..40) == 0;
        random.usize(..=self.value_len_max) * if is_large { 12 } else { 1 }
    }
}

impl Rates {
    fn draw(random: &mut Rng) -> Self {
        Self {
            snapshot_isolation: sometimes(random, 1_024),
            lazy: sometimes(random, 1_024),
            unattended: sometimes(random, 1_024),
            rollback: random.u32(..100),
            reader: random.u32(..150),
            prepare: pick(random, &[0, 0, 60, 400]),
            end_prepared: pick(random, &[10, 60, 300]),
        }
    }
}
