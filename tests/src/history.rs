//! Histories of transactions, and whether their isolation held.
//!
//! Every transaction reads lists and appends its own number to some. Since a list only grows, each
//! read says which writes came before it, and the lists at the end say in which order all of them
//! came. So every dependency between two transactions is known, and isolation is a question about
//! cycles in a graph (Adya's definition; Elle decides by the same idea):
//!
//! - `a` before `b` by *write*: `b` is right after `a` in a list;
//! - by *read*: `b` read a list that ends with `a`;
//! - by *overwrite*: `a` read a list that `b` was the first to extend.
//!
//! A history is serializable if no cycle exists. Snapshot isolation allows only cycles with two
//! overwrites in a row.

use std::collections::{BTreeMap, BTreeSet};

/// A transaction that committed.
#[derive(Clone, Debug)]
pub struct Observed {
    /// Its number, which no other transaction has.
    pub id: u64,
    /// The lists that it read before it changed them: which, and what was in them.
    pub reads: Vec<(usize, Vec<u64>)>,
    /// The lists that it appended its number to.
    pub appends: BTreeSet<usize>,
}

type Edges = BTreeSet<(u64, u64)>;

/// The dependencies of a history.
#[derive(Debug, Default)]
pub struct Dependencies {
    /// By write and by read.
    direct: Edges,
    /// By overwrite.
    overwrites: Edges,
}

impl Dependencies {
    /// Finds them, given the lists at the end.
    ///
    /// # Errors
    /// If the history makes no sense under any isolation: a commit is lost or doubled, a read saw
    /// what was never committed, or saw a list in an order that it never had.
    pub fn of(history: &[Observed], lists: &[Vec<u64>]) -> Result<Self, String> {
        check_appends(history, lists)?;
        let mut found = Self::default();
        for list in lists {
            found.direct.extend(list.windows(2).map(|pair| (pair[0], pair[1])));
        }
        for transaction in history {
            for (which, seen) in &transaction.reads {
                found.add_read(transaction.id, seen, &lists[*which])?;
            }
        }
        Ok(found)
    }

    fn add_read(&mut self, reader: u64, seen: &[u64], list: &[u64]) -> Result<(), String> {
        if !list.starts_with(seen) {
            return Err(format!("{reader} read {seen:?} of what became {list:?}"));
        }
        self.direct.extend(seen.last().map(|writer| (*writer, reader)));
        let next = list.get(seen.len()).filter(|writer| **writer != reader);
        self.overwrites.extend(next.map(|writer| (reader, *writer)));
        Ok(())
    }

    /// The transactions on cycles that no serial order allows. Empty if there are none.
    pub fn cycles(&self) -> BTreeSet<u64> {
        on_cycles(self.direct.union(&self.overwrites).copied().collect())
    }

    /// The transactions on cycles that snapshot isolation does not allow either.
    pub fn cycles_under_snapshot_isolation(&self) -> BTreeSet<u64> {
        let mut edges = self.direct.clone();
        for (a, b) in &self.direct {
            let overwritten = self.overwrites.range((*b, 0)..=(*b, u64::MAX));
            edges.extend(overwritten.map(|(_, c)| (*a, *c)));
        }
        on_cycles(edges)
    }
}

/// Every append of a committed transaction is in its list once, and nothing else is.
fn check_appends(history: &[Observed], lists: &[Vec<u64>]) -> Result<(), String> {
    for (which, list) in lists.iter().enumerate() {
        let appended = history.iter().filter(|t| t.appends.contains(&which)).map(|t| t.id);
        let appended: BTreeSet<u64> = appended.collect();
        let present: BTreeSet<u64> = list.iter().copied().collect();
        if present.len() != list.len() {
            return Err(format!("list {which} has a transaction twice: {list:?}"));
        }
        let lost: Vec<_> = appended.difference(&present).collect();
        let surplus: Vec<_> = present.difference(&appended).collect();
        if !lost.is_empty() || !surplus.is_empty() {
            return Err(format!("list {which} lacks {lost:?} and has {surplus:?} too many"));
        }
    }
    Ok(())
}

/// What is left after taking away, again and again, all that nothing leads to or from.
fn on_cycles(mut edges: Edges) -> BTreeSet<u64> {
    loop {
        let mut ends: BTreeMap<u64, (bool, bool)> = BTreeMap::new();
        for (from, to) in &edges {
            ends.entry(*from).or_default().0 = true;
            ends.entry(*to).or_default().1 = true;
        }
        let before = edges.len();
        edges.retain(|(from, to)| ends[from].1 && ends[to].0);
        if edges.len() == before {
            return edges.into_iter().flat_map(|(from, to)| [from, to]).collect();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observed(id: u64, reads: &[(usize, &[u64])], appends: &[usize]) -> Observed {
        let reads = reads.iter().map(|(which, seen)| (*which, seen.to_vec())).collect();
        Observed { id, reads, appends: appends.iter().copied().collect() }
    }

    /// Whether there are cycles, and whether there are such under snapshot isolation.
    fn cycles(history: &[Observed], lists: &[&[u64]]) -> Result<(bool, bool), String> {
        let lists: Vec<_> = lists.iter().map(|list| list.to_vec()).collect();
        let found = Dependencies::of(history, &lists)?;
        Ok((!found.cycles().is_empty(), !found.cycles_under_snapshot_isolation().is_empty()))
    }

    #[test]
    fn a_serial_history_has_no_cycles() {
        let history = [
            observed(1, &[(0, &[])], &[0]),
            observed(2, &[(0, &[1]), (1, &[])], &[0, 1]),
            observed(3, &[(0, &[1, 2]), (1, &[2])], &[]),
        ];
        assert_eq!(cycles(&history, &[&[1, 2], &[2]]), Ok((false, false)));
    }

    #[test]
    fn write_skew_is_a_cycle_that_snapshot_isolation_allows() {
        let history =
            [observed(1, &[(0, &[]), (1, &[])], &[0]), observed(2, &[(0, &[]), (1, &[])], &[1])];
        assert_eq!(cycles(&history, &[&[1], &[2]]), Ok((true, false)));
    }

    #[test]
    fn read_skew_is_a_cycle_that_nothing_allows() {
        let history = [observed(1, &[], &[0, 1]), observed(2, &[(0, &[]), (1, &[1])], &[])];
        assert_eq!(cycles(&history, &[&[1], &[1]]), Ok((true, true)));
    }

    #[test]
    fn a_lost_update_is_a_cycle_that_nothing_allows() {
        let history = [observed(1, &[(0, &[])], &[0]), observed(2, &[(0, &[])], &[0])];
        assert_eq!(cycles(&history, &[&[1, 2]]), Ok((true, true)));
    }

    #[test]
    fn a_read_only_anomaly_is_a_cycle_that_snapshot_isolation_allows() {
        let history = [
            observed(1, &[(0, &[]), (1, &[])], &[0]),
            observed(2, &[(1, &[])], &[1]),
            observed(3, &[(0, &[]), (1, &[2])], &[]),
        ];
        assert_eq!(cycles(&history, &[&[1], &[2]]), Ok((true, false)));
    }

    #[test]
    fn lost_doubled_aborted_and_reordered_writes_make_no_sense() {
        let once = [observed(1, &[], &[0])];
        assert!(cycles(&once, &[&[]]).is_err(), "lost");
        assert!(cycles(&once, &[&[1, 1]]).is_err(), "doubled");
        assert!(cycles(&once, &[&[1, 2]]).is_err(), "never committed");
        let dirty = [observed(1, &[], &[0]), observed(2, &[(0, &[9])], &[])];
        assert!(cycles(&dirty, &[&[1]]).is_err(), "read of what was never committed");
    }
}
