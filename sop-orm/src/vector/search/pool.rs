//! The candidates that may be nearest, a bounded number at a time.

use std::{cmp::Ordering, mem, ops::Range};

/// A record that may be among the nearest.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Candidate<K = Vec<u8>> {
    /// It is hardly nearer than this.
    pub(super) bound: f32,
    pub(super) key: K,
    /// Whether it was found in a cell.
    pub(super) settled: bool,
}

/// The candidates with the least bounds beyond those that were taken before. What finds no room is
/// found again in another round.
#[derive(Debug)]
pub(super) struct Pool {
    candidates: Vec<Candidate<Range<usize>>>,
    keys: Vec<u8>,
    capacity: usize,
    /// Above it nothing is kept any more.
    threshold: f32,
    /// Whether something had no room.
    dropped: bool,
    /// Up to here all were taken in earlier rounds.
    taken: Option<Candidate>,
}

impl Pool {
    pub(super) fn new(capacity: usize) -> Self {
        Self {
            candidates: Vec::new(),
            keys: Vec::new(),
            capacity: capacity.max(1),
            threshold: f32::INFINITY,
            dropped: false,
            taken: None,
        }
    }

    /// Whether there may be room for a candidate; if not, there is something for another round.
    #[inline]
    pub(super) fn wants(&mut self, bound: f32) -> bool {
        if bound > self.threshold {
            self.dropped = true;
            return false;
        }
        true
    }

    /// Takes a candidate in, if there may be room for it.
    pub(super) fn offer(&mut self, bound: f32, key: &[u8], settled: bool) {
        if self.wants(bound) && !self.was_taken(bound, key, settled) {
            self.keep(bound, key, settled);
        }
    }

    fn was_taken(&self, bound: f32, key: &[u8], settled: bool) -> bool {
        self.taken.as_ref().is_some_and(|last| {
            let by_key = || (key, settled).cmp(&(last.key.as_slice(), last.settled));
            bound.total_cmp(&last.bound).then_with(by_key) != Ordering::Greater
        })
    }

    fn keep(&mut self, bound: f32, key: &[u8], settled: bool) {
        let start = self.keys.len();
        self.keys.extend_from_slice(key);
        self.candidates.push(Candidate { bound, key: start..self.keys.len(), settled });
        if self.candidates.len() >= self.capacity.saturating_mul(2) {
            self.shrink();
        }
    }

    /// Leaves as many as there is room for, the least ones.
    fn shrink(&mut self) {
        if self.candidates.len() <= self.capacity {
            return;
        }
        let Self { candidates, keys, .. } = self;
        let last = self.capacity - 1;
        let (_, last, _) = candidates.select_nth_unstable_by(last, |a, b| order(keys, a, b));
        self.threshold = last.bound;
        self.dropped = true;
        candidates.truncate(self.capacity);
        let old = mem::take(keys);
        for Candidate { key, .. } in candidates {
            let start = keys.len();
            keys.extend_from_slice(old.get(key.clone()).unwrap_or_default());
            *key = start..keys.len();
        }
    }

    fn sort(&mut self) {
        let Self { candidates, keys, .. } = self;
        candidates.sort_unstable_by(|one, other| order(keys, one, other));
    }

    /// Puts the candidates in their order, with the least ones last, to be popped.
    pub(super) fn close(&mut self) {
        self.shrink();
        self.sort();
        self.candidates.reverse();
    }

    /// The next candidate, nearest first. Each comes once.
    pub(super) fn pop(&mut self) -> Option<Candidate> {
        loop {
            let Candidate { bound, key, settled } = self.candidates.pop()?;
            let key = self.keys.get(key).unwrap_or_default();
            if !self.was_taken(bound, key, settled) {
                let taken = Candidate { bound, key: key.to_vec(), settled };
                self.taken = Some(taken.clone());
                return Some(taken);
            }
        }
    }

    /// Makes room for another round, larger than the last one; whether there is anything to find.
    pub(super) fn reopen(&mut self) -> bool {
        let more = mem::take(&mut self.dropped);
        self.candidates.clear();
        self.keys.clear();
        self.threshold = f32::INFINITY;
        self.capacity = self.capacity.saturating_mul(4);
        more
    }

    /// Forgets everything, for candidates that are all new.
    pub(super) fn restart(&mut self) {
        *self = Self::new(self.capacity);
    }
}

/// How two candidates whose keys are among these follow on each other.
fn order(keys: &[u8], one: &Candidate<Range<usize>>, other: &Candidate<Range<usize>>) -> Ordering {
    let key = |range: &Range<usize>| keys.get(range.clone()).unwrap_or_default();
    let by_key = || (key(&one.key), one.settled).cmp(&(key(&other.key), other.settled));
    one.bound.total_cmp(&other.bound).then_with(by_key)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything a pool gives out, round after round.
    fn drained(bounds: &[f32], capacity: usize) -> Vec<(f32, Vec<u8>)> {
        let (mut pool, mut all) = (Pool::new(capacity), Vec::new());
        loop {
            for (at, bound) in bounds.iter().enumerate() {
                pool.offer(*bound, &[u8::try_from(at).unwrap()], false);
            }
            pool.close();
            let popped = std::iter::from_fn(|| pool.pop());
            all.extend(popped.map(|candidate| (candidate.bound, candidate.key)));
            if !pool.reopen() {
                return all;
            }
        }
    }

    #[test]
    fn all_candidates_come_once_and_in_order_however_little_room_there_is() {
        let bounds: Vec<f32> = (0..200_u8).map(|n| f32::from(n.wrapping_mul(37) % 50)).collect();
        let mut expected: Vec<_> = bounds
            .iter()
            .enumerate()
            .map(|(at, b)| (*b, vec![u8::try_from(at).unwrap()]))
            .collect();
        expected.sort_by(|one, other| one.0.total_cmp(&other.0).then(one.1.cmp(&other.1)));
        for capacity in [1, 2, 3, 7, 50, 199, 200, 1000] {
            assert_eq!(drained(&bounds, capacity), expected, "room for {capacity}");
        }
    }

    #[test]
    fn a_candidate_that_was_found_twice_comes_once() {
        let mut pool = Pool::new(10);
        for key in [b"a", b"b", b"a"] {
            pool.offer(1.0, key, false);
        }
        pool.close();
        assert_eq!(std::iter::from_fn(|| pool.pop()).count(), 2);
    }

    #[test]
    fn what_a_cell_has_of_a_record_does_not_stand_for_what_is_in_none() {
        let mut pool = Pool::new(10);
        pool.offer(1.0, b"a", true);
        pool.offer(1.0, b"a", false);
        pool.close();
        let settled: Vec<bool> = std::iter::from_fn(|| pool.pop()).map(|one| one.settled).collect();
        assert_eq!(settled, [false, true]);
    }

    #[test]
    fn bounds_that_are_no_numbers_come_last() {
        assert_eq!(drained(&[f32::NAN, 1.0], 10)[0].0.to_bits(), 1.0_f32.to_bits());
    }
}
