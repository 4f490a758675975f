//! What a crew has left that lost its power: all of its processes, and whoever knew what they said.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use super::{Post, WRITERS, folder};
use crate::{Outcome, ledger, write};

/// What is known of it.
#[derive(Clone, Copy, Debug, Default)]
pub struct Past {
    /// How many rows each writer was told that it has, at least.
    pub rows: [u64; WRITERS],
    /// How many processes died.
    pub deaths: usize,
}

impl Past {
    /// Prepares the folder, or checks that all is there that was acknowledged, as all posts see it.
    /// Says how many rows there are. Lists go, as nobody remembers who made them.
    pub(super) fn revive(&self, posts: &[Post]) -> Outcome<[u64; WRITERS]> {
        let folders: BTreeSet<&PathBuf> = posts.iter().map(|post| &post.folder).collect();
        let came = folders.into_iter().map(|folder| self.look_at(folder));
        let came = came.collect::<Outcome<Vec<_>>>()?;
        assert!(came.windows(2).all(|pair| pair[0] == pair[1]), "{came:?} differ");
        Ok(came[0])
    }

    fn look_at(&self, path: &Path) -> Outcome<[u64; WRITERS]> {
        let db = folder::open(path, "")?;
        let stores = db.snapshot()?.stores()?;
        if stores.is_empty() {
            ledger::prepare(&db, WRITERS)?;
        }
        let came = ledger::verify(&db, &self.rows.map(|rows| rows..=u64::MAX))?;
        write(&db, |transaction| {
            let lists = stores.iter().filter(|store| store.name.starts_with("lists "));
            lists.clone().try_for_each(|store| transaction.drop_store(&store.name))
        })?;
        db.close()?;
        Ok(came)
    }
}
