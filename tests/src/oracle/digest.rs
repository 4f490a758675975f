//! Digests of whole states: equal for equal ones, whoever has them and in whatever form.

use std::hash::{DefaultHasher, Hash, Hasher};

use sop_core::{Result, Snapshot};

use super::Model;

/// Takes in a state: stores in the order of their names, each with its entries in theirs.
#[derive(Debug, Default)]
pub struct Digest(DefaultHasher);

impl Digest {
    /// The next store.
    fn store(&mut self, name: &str) {
        (0_u8, name).hash(&mut self.0);
    }

    /// The next entry of it.
    fn entry(&mut self, key: &[u8], value: &[u8]) {
        (1_u8, key, value).hash(&mut self.0);
    }

    /// Of a model.
    pub fn of_model(model: &Model) -> u64 {
        let mut digest = Self::default();
        for (name, rows) in &model.stores {
            digest.store(name);
            for (key, value) in rows {
                digest.entry(key, value);
            }
        }
        digest.0.finish()
    }

    /// Of all that a snapshot sees.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn of_snapshot(snapshot: &Snapshot) -> Result<u64> {
        let mut digest = Self::default();
        let mut names: Vec<_> = snapshot.stores()?.into_iter().map(|info| info.name).collect();
        names.sort_unstable();
        for name in &names {
            digest.store(name);
            for entry in snapshot.store(name)?.iter()? {
                let (key, value) = entry?;
                digest.entry(&key, &value);
            }
        }
        Ok(digest.0.finish())
    }
}
