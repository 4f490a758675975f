//! Searches: how good and how fast at each effort.

use super::Round;
use crate::{
    Result,
    frame::{Quality, Unit},
    measure::{Cost, Stopwatch, as_f64, now},
    vectors::{Judged, Scope, Truth, Vectors as Index},
};
use std::thread;

/// An effort, and what part of the exact answers was found with it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reached {
    pub(super) effort: u32,
    pub(super) recall: f64,
}

impl Round<'_> {
    /// Raises the effort until the recall is good enough, and records how many questions a second
    /// are answered then. If it never is, the workload is called `_missed`.
    pub(super) fn search<V: Index>(&self, store: &V, scope: &Scope) -> Result<Reached> {
        let truth = Truth::new(self.catalogue, |row| scope.holds(row));
        let prepared = store.prepare(scope)?;
        let mut good = None;
        let mut best = None;
        for effort in V::EFFORTS {
            let (recall, cost) = self.answer(store, &prepared, &truth, *effort)?;
            let reached = Reached { effort: *effort, recall };
            if self.suite.curve {
                let name = format!("{}@{}", scope.name, V::effort(*effort));
                self.record::<V>(&name, 1, &cost, reached)?;
            }
            best = Some((reached, cost));
            if recall >= self.suite.recall && good.is_none() {
                good = best;
                if !self.suite.curve {
                    break;
                }
            }
        }
        let name =
            if good.is_some() { scope.name.clone() } else { format!("{}_missed", scope.name) };
        let (reached, cost) = good.or(best).ok_or("an index has no settings")?;
        for threads in self.suite.threads() {
            // A pass over all questions that took long enough needs not be done again.
            let cost = if threads == 1 && cost.wall >= self.suite.seconds {
                cost
            } else {
                self.repeat(store, &prepared, reached.effort, threads)?
            };
            self.record::<V>(&name, threads, &cost, reached)?;
        }
        Ok(reached)
    }

    /// What part of the exact answers a store finds with an effort.
    pub(super) fn recall<V: Index>(
        &self,
        store: &V,
        scope: &Scope,
        truth: &Truth<'_>,
        effort: u32,
    ) -> Result<f64> {
        let prepared = store.prepare(scope)?;
        Ok(self.answer(store, &prepared, truth, effort)?.0)
    }

    /// Answers all questions once; they are judged afterwards.
    fn answer<V: Index>(
        &self,
        store: &V,
        prepared: &V::Prepared,
        truth: &Truth<'_>,
        effort: u32,
    ) -> Result<(f64, Cost)> {
        let questions = self.catalogue.queries();
        let stopwatch = Stopwatch::start();
        let answers = questions.map(|query| store.search(prepared, query, effort));
        let answers = answers.collect::<Result<Vec<Vec<u32>>>>()?;
        let cost = stopwatch.stop(u64::try_from(answers.len())?);
        let mut all = Judged::default();
        for (question, answers) in answers.iter().enumerate() {
            all = all.and(truth.judge(question, answers)?);
        }
        Ok((all.recall(), cost))
    }

    /// Answers all questions again and again until the time is up, by so many threads.
    fn repeat<V: Index>(
        &self,
        store: &V,
        prepared: &V::Prepared,
        effort: u32,
        threads: usize,
    ) -> Result<Cost> {
        let end = now() + self.suite.seconds;
        let search = || -> Result<u64> {
            let mut count = 0;
            while count == 0 || now() < end {
                for query in self.catalogue.queries() {
                    std::hint::black_box(store.search(prepared, query, effort)?);
                    count += 1;
                }
            }
            Ok(count)
        };
        let stopwatch = Stopwatch::start();
        if threads == 1 {
            return Ok(stopwatch.stop(search()?));
        }
        let count = thread::scope(|scope| -> Result<u64> {
            let searching: Vec<_> = (0..threads).map(|_| scope.spawn(search)).collect();
            searching
                .into_iter()
                .try_fold(0, |sum, one| Ok(sum + one.join().map_err(|_| "a search panicked")??))
        })?;
        Ok(stopwatch.stop(count))
    }

    fn record<V: Index>(
        &self,
        workload: &str,
        threads: usize,
        cost: &Cost,
        reached: Reached,
    ) -> Result<()> {
        let quality = Quality { recall: reached.recall, setting: V::effort(reached.effort) };
        let figure = (Unit::Operations, as_f64(cost.ops) / cost.wall.as_secs_f64());
        self.recorder.quality(workload, threads, figure, Some(cost), quality)
    }
}
