//! Inserts into a store that holds half of the rows: durable transactions of the other half.

use super::{Round, count, durable};
use crate::{
    Result,
    frame::{Quality, Unit},
    measure::{Stopwatch, as_f64, now},
    vectors::{Item, Layout, Scope, Truth, Vectors as Index},
};
use std::{
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

/// Workloads with the rows of a transaction, the sessions, and the part of the spare rows that each
/// may insert, of [`PARTS`].
const SHARES: [(&str, usize, usize, usize); 4] = [
    ("insert_1", 1, 1, 1),
    ("insert_16x1", 1, 16, 1),
    ("insert_100", 100, 1, 3),
    ("insert_1000", 1_000, 1, 6),
];
/// The one that is searched meanwhile, with what the others have left.
const WHILE: (&str, usize, usize, usize) = ("search_while_insert_100", 100, 1, 4);
/// What [`WHILE`] inserts.
const MEANWHILE: &str = "insert_100_while_search";
const PARTS: usize = 15;

/// What each workload inserts, with how many of the rows. The first half of the rows is there
/// before.
pub(super) fn shares(rows: usize) -> Vec<(&'static str, usize, usize, usize)> {
    let spare = rows - rows / 2;
    let share = |(name, batch, sessions, parts)| (name, batch, sessions, spare * parts / PARTS);
    SHARES.into_iter().chain([WHILE]).map(share).collect()
}

impl Round<'_> {
    /// Inserts the second half of the rows into a store of the first half.
    pub(super) fn inserts<V: Index>(&self, items: &[Item<'_>]) -> Result<()> {
        let (store, _) = self.open::<V>("inserts", Layout::Whole)?;
        let (first, mut spare) = items.split_at(items.len() / 2);
        store.build(first)?;
        let mut is_there = vec![false; items.len()];
        is_there[..first.len()].fill(true);
        for (name, batch, sessions, share) in shares(items.len()) {
            let (own, rest) = spare.split_at(share);
            spare = rest;
            let begun = items.len() - rest.len() - share;
            let inserted = if name == WHILE.0 {
                self.search_meanwhile(&store, own, batch, |inserted| {
                    is_there[begun..begun + inserted].fill(true);
                    is_there.clone()
                })?
            } else {
                self.insert(&store, name, own, (batch, sessions))?
            };
            is_there[begun..begun + inserted].fill(true);
            count(&store, is_there.iter().filter(|is_there| **is_there).count())?;
        }
        Ok(())
    }

    /// Inserts a share until it is used up or the time is; returns how many rows.
    fn insert<V: Index>(
        &self,
        store: &V,
        name: &str,
        items: &[Item<'_>],
        (batch, sessions): (usize, usize),
    ) -> Result<usize> {
        let end = now() + self.suite.seconds;
        let insert = |items: &[Item<'_>]| -> Result<usize> {
            let mut done = 0;
            for batch in items.chunks(batch) {
                store.insert(batch)?;
                done += batch.len();
                if sessions == 1 && now() >= end {
                    break;
                }
            }
            Ok(done)
        };
        let stopwatch = Stopwatch::start();
        let done = thread::scope(|scope| -> Result<usize> {
            if sessions == 1 {
                return insert(items);
            }
            let shares = items.chunks(items.len().div_ceil(sessions).max(1));
            let inserting: Vec<_> =
                shares.map(|share| scope.spawn(move || insert(share))).collect();
            inserting
                .into_iter()
                .try_fold(0, |sum, one| Ok(sum + one.join().map_err(|_| "a session panicked")??))
        })?;
        let cost = stopwatch.stop(u64::try_from(done)?);
        self.recorder.rate(&durable::<V>(name), sessions, Unit::Operations, &cost)?;
        Ok(done)
    }

    /// Inserts a share while another thread searches; what is found is judged among the rows that
    /// are there at the end. The effort is that which was good enough at the beginning.
    fn search_meanwhile<V: Index>(
        &self,
        store: &V,
        items: &[Item<'_>],
        batch: usize,
        mut after: impl FnMut(usize) -> Vec<bool>,
    ) -> Result<usize> {
        let whole = Scope::whole(self.catalogue.rows().len());
        let there = after(0);
        let effort = self.good_enough(store, &whole, &there)?;
        let prepared = store.prepare(&whole)?;
        let is_over = AtomicBool::new(false);
        let search = || -> Result<u64> {
            let mut count = 0;
            for query in self.catalogue.queries().cycle() {
                if is_over.load(Ordering::Acquire) {
                    break;
                }
                std::hint::black_box(store.search(&prepared, query, effort)?);
                count += 1;
            }
            Ok(count)
        };
        let end = now() + self.suite.seconds;
        let stopwatch = Stopwatch::start();
        let (inserted, searched) = thread::scope(|scope| {
            let searching = scope.spawn(search);
            let inserted = items.chunks(batch).try_fold(0, |done, batch| -> Result<usize> {
                if now() < end {
                    store.insert(batch)?;
                    return Ok(done + batch.len());
                }
                Ok(done)
            });
            is_over.store(true, Ordering::Release);
            (inserted, searching.join())
        });
        let (inserted, searched) = (inserted?, searched.map_err(|_| "a search panicked")??);
        if searched == 0 {
            self.recorder.skip(WHILE.0, "all was inserted before anything was found")?;
            return Ok(inserted);
        }
        let cost = stopwatch.stop(searched);
        let there = after(inserted);
        let truth = Truth::new(self.catalogue, |row| is_set(&there, row.id));
        let recall = self.recall(store, &whole, &truth, effort)?;
        let quality = Quality { recall, setting: V::effort(effort) };
        let name = durable::<V>(WHILE.0);
        self.recorder.quality(&name, 1, (Unit::Operations, cost.rate()), None, quality)?;
        let rate = as_f64(u64::try_from(inserted)?) / cost.wall.as_secs_f64();
        let figure = (Unit::Operations, rate);
        self.recorder.value(&durable::<V>(MEANWHILE), 1, figure, cost.others)?;
        Ok(inserted)
    }

    /// The least effort that finds enough among the rows that are there, or the greatest.
    fn good_enough<V: Index>(&self, store: &V, scope: &Scope, there: &[bool]) -> Result<u32> {
        let truth = Truth::new(self.catalogue, |row| is_set(there, row.id));
        let mut last = None;
        for effort in V::EFFORTS {
            last = Some(*effort);
            if self.recall(store, scope, &truth, *effort)? >= self.suite.recall {
                break;
            }
        }
        last.ok_or_else(|| "an index has no settings".into())
    }
}

fn is_set(there: &[bool], id: u32) -> bool {
    usize::try_from(id).ok().and_then(|id| there.get(id)).is_some_and(|is_there| *is_there)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_row_is_inserted_twice_and_none_is_kept_back() {
        for rows in [100, 30_000] {
            let shares: usize = shares(rows).into_iter().map(|(.., share)| share).sum();
            assert!(shares <= rows - rows / 2 && shares + PARTS > rows - rows / 2);
        }
        assert_eq!(shares(30_000)[2], ("insert_100", 100, 1, 3_000));
    }
}
