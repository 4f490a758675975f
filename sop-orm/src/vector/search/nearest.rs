//! The nearest records of those that were measured.

use std::{cmp::Ordering, collections::BinaryHeap};

/// A record and how far it is.
#[derive(Clone, Debug, PartialEq)]
pub(in crate::vector) struct Found {
    pub(in crate::vector) distance: f32,
    pub(in crate::vector) key: Vec<u8>,
}

impl Eq for Found {}

impl PartialOrd for Found {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Found {
    fn cmp(&self, other: &Self) -> Ordering {
        let by_distance = self.distance.total_cmp(&other.distance);
        by_distance.then_with(|| self.key.cmp(&other.key))
    }
}

/// The `k` nearest so far.
#[derive(Debug)]
pub(super) struct Nearest {
    k: usize,
    farthest_first: BinaryHeap<Found>,
}

impl Nearest {
    pub(super) fn new(k: usize) -> Self {
        Self { k, farthest_first: BinaryHeap::new() }
    }

    pub(super) fn insert(&mut self, found: Found) {
        self.farthest_first.push(found);
        if self.farthest_first.len() > self.k {
            self.farthest_first.pop();
        }
    }

    /// The distance of the farthest one, once there are `k`.
    pub(super) fn worst(&self) -> Option<f32> {
        if self.farthest_first.len() < self.k {
            return None;
        }
        self.farthest_first.peek().map(|found| found.distance)
    }

    /// All of them, the nearest first.
    pub(super) fn into_sorted(self) -> Vec<Found> {
        self.farthest_first.into_sorted_vec()
    }
}
