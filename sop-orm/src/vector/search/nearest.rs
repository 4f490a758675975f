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

/// The `k` nearest so far, of whatever is less the nearer it is.
#[derive(Debug)]
pub(super) struct Nearest<T> {
    k: usize,
    farthest_first: BinaryHeap<T>,
}

impl<T: Ord> Nearest<T> {
    pub(super) fn new(k: usize) -> Self {
        Self { k, farthest_first: BinaryHeap::new() }
    }

    #[inline]
    pub(super) fn insert(&mut self, found: T) {
        if self.farthest_first.len() < self.k {
            self.farthest_first.push(found);
        } else if let Some(mut farthest) = self.farthest_first.peek_mut()
            && found < *farthest
        {
            *farthest = found;
        }
    }

    /// The farthest one, once there are `k`.
    pub(super) fn worst(&self) -> Option<&T> {
        if self.farthest_first.len() < self.k { None } else { self.farthest_first.peek() }
    }

    /// Forgets all of them.
    pub(super) fn clear(&mut self) {
        self.farthest_first.clear();
    }

    /// All of them, the nearest first.
    pub(super) fn into_sorted(self) -> Vec<T> {
        self.farthest_first.into_sorted_vec()
    }
}
