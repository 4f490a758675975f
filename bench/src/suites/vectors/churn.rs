//! What becomes of the answers when half of the rows are removed and inserted again.

use super::{Round, count, search::Reached};
use crate::{
    Result,
    frame::{Quality, Unit},
    vectors::{Item, Scope, Truth, Vectors as Index},
};

/// Rows of each transaction.
const BATCH: usize = 1_000;

impl Round<'_> {
    /// Removes a random half of the rows and inserts it again in another order, and records how much
    /// better or worse the answers to the same questions are with the same effort.
    pub(super) fn churn<V: Index>(
        &self,
        store: &V,
        scope: &Scope,
        items: &[Item<'_>],
        before: Reached,
    ) -> Result<()> {
        let mut random = self.random();
        let mut half = items.to_vec();
        random.shuffle(&mut half);
        half.truncate(items.len() / 2);
        for batch in half.chunks(BATCH) {
            let ids: Vec<u32> = batch.iter().map(|item| item.row.id).collect();
            if !store.remove(&ids)? {
                return self.recorder.skip("churn", "it cannot remove");
            }
        }
        count(store, items.len() - half.len())?;
        random.shuffle(&mut half);
        half.chunks(BATCH).try_for_each(|batch| store.insert(batch))?;
        count(store, items.len())?;

        let truth = Truth::new(self.catalogue, |row| scope.holds(row));
        let recall = self.recall(store, scope, &truth, before.effort)?;
        let figure = (Unit::Change, recall - before.recall);
        let quality = Quality { recall, setting: V::effort(before.effort) };
        self.recorder.quality("churn", 1, figure, None, quality)
    }
}
