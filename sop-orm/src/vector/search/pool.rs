//! The candidates that may be nearest, a bounded number at a time.

use std::{
    cmp::Ordering,
    mem,
    ops::{Range, RangeInclusive},
};

use super::{gap::Gap, nearest::Nearest};

/// From where to where a record may be.
pub(super) type Reach = RangeInclusive<f32>;

/// A record that may be among the nearest.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Candidate<K = Vec<u8>> {
    /// It is hardly nearer than this.
    pub(super) bound: f32,
    pub(super) key: K,
    /// Whether it was found in a cell.
    pub(super) settled: bool,
}

/// The candidates with the least bounds beyond those that were taken before. What finds no room, or is
/// farther at best than enough others are at worst, is found again in another round.
#[derive(Debug)]
pub(super) struct Pool {
    candidates: Vec<Candidate<Range<usize>>>,
    keys: Vec<u8>,
    capacity: usize,
    /// Above it nothing is kept any more.
    threshold: f32,
    /// The least bound of what was not kept.
    rest: Option<f32>,
    /// The least distances that candidates have at worst, as many as are enough.
    worst: Option<Nearest<Gap>>,
    /// Up to here all were taken in earlier rounds.
    taken: Option<Candidate>,
}

impl Pool {
    /// A pool of so many candidates, and fewer if so many others as are `enough` are nearer in any case.
    pub(super) fn new(capacity: usize, enough: Option<usize>) -> Self {
        Self {
            candidates: Vec::new(),
            keys: Vec::new(),
            capacity: capacity.max(1),
            threshold: f32::INFINITY,
            rest: None,
            worst: enough.map(Nearest::new),
            taken: None,
        }
    }

    /// Whether there may be room for a candidate; if not, there is something for another round.
    #[inline]
    pub(super) fn wants(&mut self, bound: f32) -> bool {
        if bound > self.threshold {
            self.leave(bound);
            return false;
        }
        true
    }

    #[inline]
    fn leave(&mut self, bound: f32) {
        self.rest = Some(self.rest.map_or(bound, |rest| rest.min(bound)));
    }

    /// Takes a candidate in, if there may be room for it.
    pub(super) fn offer(&mut self, reach: Reach, key: &[u8], settled: bool) {
        let (bound, worst) = reach.into_inner();
        if self.wants(bound) && !self.was_taken(bound, key, settled) {
            self.keep(bound, key, settled);
            self.lower(worst);
        }
    }

    /// Lowers the threshold to where there are enough candidates, with one that is so far at worst.
    fn lower(&mut self, worst: f32) {
        let Some(all) = &mut self.worst else { return };
        all.insert(Gap(worst.into()));
        if let Some(Gap(enough)) = all.worst() {
            #[expect(clippy::cast_possible_truncation, reason = "it was an f32")]
            let enough = *enough as f32;
            self.threshold = self.threshold.min(enough);
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
        let bound = last.bound;
        candidates.truncate(self.capacity);
        let old = mem::take(keys);
        for Candidate { key, .. } in candidates {
            let start = keys.len();
            keys.extend_from_slice(old.get(key.clone()).unwrap_or_default());
            *key = start..keys.len();
        }
        self.threshold = self.threshold.min(bound);
        self.leave(bound);
    }

    /// Leaves out what was kept before the threshold was lowered. What is kept goes before all that
    /// is not.
    fn cut(&mut self) {
        let threshold = self.threshold;
        let beyond = |candidate: &Candidate<_>| candidate.bound > threshold;
        let rest = self.candidates.iter().filter(|one| beyond(one)).map(|one| one.bound);
        let rest = rest.min_by(f32::total_cmp);
        self.candidates.retain(|one| !beyond(one));
        if let Some(rest) = rest {
            self.leave(rest);
        }
    }

    fn sort(&mut self) {
        let Self { candidates, keys, .. } = self;
        candidates.sort_unstable_by(|one, other| order(keys, one, other));
    }

    /// Puts the candidates in their order, with the least ones last, to be popped.
    pub(super) fn close(&mut self) {
        self.shrink();
        self.cut();
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

    /// How near something that was not kept may be at best, if there is anything.
    pub(super) fn rest(&self) -> Option<f32> {
        self.rest
    }

    /// Makes room for another round, larger than the last one, in which nothing is enough.
    pub(super) fn reopen(&mut self) {
        let taken = self.taken.take();
        *self = Self { taken, ..Self::new(self.capacity.saturating_mul(4), None) };
    }

    /// Forgets everything, for candidates that are all new.
    pub(super) fn restart(&mut self, enough: Option<usize>) {
        *self = Self::new(self.capacity, enough);
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
    fn drained(bounds: &[f32], mut pool: Pool) -> Vec<(f32, Vec<u8>)> {
        let mut all = Vec::new();
        loop {
            for (at, bound) in bounds.iter().enumerate() {
                let (at, off) = (u8::try_from(at).unwrap(), u8::try_from(at % 7).unwrap());
                pool.offer(*bound..=*bound + f32::from(off), &[at], false);
            }
            pool.close();
            let popped = std::iter::from_fn(|| pool.pop());
            all.extend(popped.map(|candidate| (candidate.bound, candidate.key)));
            if pool.rest().is_none() {
                return all;
            }
            pool.reopen();
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
            for enough in [None, Some(0), Some(1), Some(3), Some(20), Some(150), Some(1000)] {
                let drained = drained(&bounds, Pool::new(capacity, enough));
                assert_eq!(drained, expected, "room for {capacity}, {enough:?} are enough");
            }
        }
    }

    #[test]
    fn what_is_farther_than_enough_others_at_worst_is_not_kept() {
        let mut pool = Pool::new(10, Some(2));
        for (reach, key) in [(5.0..=9.0, b"a"), (1.0..=3.0, b"b"), (2.0..=4.0, b"c")] {
            pool.offer(reach, key, false);
        }
        assert!(pool.wants(4.0) && !pool.wants(4.5));
        pool.close();
        let keys: Vec<_> = std::iter::from_fn(|| pool.pop()).map(|one| one.key).collect();
        assert_eq!((keys, pool.rest()), (vec![b"b".to_vec(), b"c".to_vec()], Some(4.5)));
    }

    #[test]
    fn a_candidate_that_was_found_twice_comes_once() {
        let mut pool = Pool::new(10, None);
        for key in [b"a", b"b", b"a"] {
            pool.offer(1.0..=1.0, key, false);
        }
        pool.close();
        assert_eq!(std::iter::from_fn(|| pool.pop()).count(), 2);
    }

    #[test]
    fn what_a_cell_has_of_a_record_does_not_stand_for_what_is_in_none() {
        let mut pool = Pool::new(10, None);
        pool.offer(1.0..=1.0, b"a", true);
        pool.offer(1.0..=1.0, b"a", false);
        pool.close();
        let settled: Vec<bool> = std::iter::from_fn(|| pool.pop()).map(|one| one.settled).collect();
        assert_eq!(settled, [false, true]);
    }

    #[test]
    fn bounds_that_are_no_numbers_come_last() {
        let drained = drained(&[f32::NAN, 1.0], Pool::new(10, None));
        assert_eq!((drained.len(), drained[0].0.to_bits()), (2, 1.0_f32.to_bits()));
    }
}
