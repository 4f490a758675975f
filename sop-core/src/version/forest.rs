//! The trees of one state, by store.

use crate::{id::StoreId, tree::Tree};

/// Trees by store, ascending. Plain data, copied with each batch: a few dozen bytes a store.
#[derive(Clone, Debug, Default)]
pub(crate) struct Forest {
    trees: Vec<(StoreId, Tree)>,
}

impl Forest {
    fn position(&self, store: StoreId) -> Result<usize, usize> {
        self.trees.binary_search_by_key(&store, |(id, _)| *id)
    }

    #[inline]
    pub(crate) fn get(&self, store: StoreId) -> Option<&Tree> {
        self.position(store).ok().map(|at| &self.trees[at].1)
    }

    pub(crate) fn set(&mut self, store: StoreId, tree: Tree) {
        match self.position(store) {
            Ok(at) => self.trees[at].1 = tree,
            Err(at) => self.trees.insert(at, (store, tree)),
        }
    }

    pub(crate) fn remove(&mut self, store: StoreId) {
        if let Ok(at) = self.position(store) {
            self.trees.remove(at);
        }
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (StoreId, &Tree)> {
        self.trees.iter().map(|(store, tree)| (*store, tree))
    }

    pub(crate) fn len(&self) -> usize {
        self.trees.len()
    }
}

impl FromIterator<(StoreId, Tree)> for Forest {
    fn from_iter<I: IntoIterator<Item = (StoreId, Tree)>>(trees: I) -> Self {
        let mut trees: Vec<_> = trees.into_iter().collect();
        trees.sort_by_key(|(store, _)| *store);
        Self { trees }
    }
}
