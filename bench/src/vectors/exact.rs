//! Products with all rows of a scope, which lie behind each other in memory: what an index is up
//! against. Nothing is written to the disk.

use super::{
    DIMENSIONS, Item, K, Layout, NOT_MEASURED, Row, Scope, Vectors, kernel, nearest::Nearest,
};
use crate::{Result, engines::Settings};
use std::{
    collections::BTreeSet,
    path::Path,
    sync::{PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

/// Rows without order.
#[derive(Debug, Default)]
pub(crate) struct Block {
    rows: Vec<Row>,
    vectors: Vec<f32>,
}

impl Block {
    fn push(&mut self, row: &Row, vector: &[f32]) {
        self.rows.push(row.clone());
        self.vectors.extend(vector);
    }

    fn pairs(&self) -> impl Iterator<Item = (&Row, &[f32])> {
        self.rows.iter().zip(self.vectors.chunks_exact(DIMENSIONS))
    }

    fn search(&self, query: &[f32]) -> Vec<u32> {
        let mut nearest = Nearest::new(K);
        kernel::dots(query, &self.vectors, |index, dot| nearest.offer(dot, || self.rows[index].id));
        nearest.ids()
    }
}

/// All rows.
#[derive(Debug, Default)]
pub(crate) struct Exact(RwLock<Block>);

impl Exact {
    fn read(&self) -> RwLockReadGuard<'_, Block> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Block> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Vectors for Exact {
    /// The rows of a scope side by side; nothing where all are searched.
    type Prepared = Option<Block>;

    const EFFORTS: &'static [u32] = &[0];
    const IS_DURABLE: bool = false;

    fn settings() -> Settings {
        Settings {
            name: "exact products in memory".to_owned(),
            options: "f32 with the processor's instructions (pulp), the rows of each scope copied \
                      side by side before they are searched",
            durable: "in memory only, nothing is durable: `_volatile`",
            relaxed: NOT_MEASURED,
        }
    }

    fn effort(_: u32) -> String {
        "exact".to_owned()
    }

    fn open(_: &Path, _: Layout, _: u64) -> Result<Self> {
        Ok(Self::default())
    }

    fn build(&self, items: &[Item<'_>]) -> Result<()> {
        self.insert(items)
    }

    fn prepare(&self, scope: &Scope) -> Result<Option<Block>> {
        if scope.tenant.is_none() && scope.dates.is_none() {
            return Ok(None);
        }
        let mut block = Block::default();
        let all = self.read();
        for (row, vector) in all.pairs().filter(|(row, _)| scope.holds(row)) {
            block.push(row, vector);
        }
        Ok(Some(block))
    }

    fn search(&self, scope: &Option<Block>, query: &[f32], _: u32) -> Result<Vec<u32>> {
        Ok(scope.as_ref().map_or_else(|| self.read().search(query), |block| block.search(query)))
    }

    fn insert(&self, items: &[Item<'_>]) -> Result<()> {
        let mut all = self.write();
        for item in items {
            all.push(item.row, item.vector);
        }
        Ok(())
    }

    fn remove(&self, ids: &[u32]) -> Result<bool> {
        let ids: BTreeSet<u32> = ids.iter().copied().collect();
        let mut all = self.write();
        let mut left = Block::default();
        for (row, vector) in all.pairs().filter(|(row, _)| !ids.contains(&row.id)) {
            left.push(row, vector);
        }
        *all = left;
        Ok(true)
    }

    fn len(&self) -> Result<usize> {
        Ok(self.read().rows.len())
    }
}
