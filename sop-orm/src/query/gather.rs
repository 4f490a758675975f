//! All primary keys that a condition selects, at once.

use super::{
    condition::{Condition, Leaf},
    merge::{Found, Ground, Source},
    span::Span,
    walk,
};
use crate::{db::registry::OpenStore, error::Result, session::Work};

/// The primary keys of all records that fulfil a condition. They are in memory together, so whoever
/// asks has counted before. From an index that is marked `each` a key may come several times.
pub(crate) fn primary_keys(
    condition: &Condition,
    work: &mut Work,
    store: &OpenStore,
) -> Result<Vec<Vec<u8>>> {
    if let Condition::Leaf(leaf) = condition {
        return of_leaf(leaf, work, store);
    }
    let mut source = Source::plan(condition, work, store)?;
    let (mut rest, mut keys) = (Span::default(), Vec::new());
    loop {
        let mut ground =
            Ground { work, store, reverse: false, budget: usize::MAX, entries: 0, rows: 0 };
        match source.seek(&mut ground, &rest)? {
            Found::Key(key, _) => {
                rest.cut_at(key.clone(), false);
                keys.push(key);
            }
            Found::End => return Ok(keys),
            Found::Pause => {}
        }
    }
}

fn of_leaf(leaf: &Leaf, work: &Work, store: &OpenStore) -> Result<Vec<Vec<u8>>> {
    let batch = walk::entries((work, store), leaf, &leaf.span, (usize::MAX, false))?;
    let shown = batch.primary_keys().filter(|(_, hidden)| !hidden);
    Ok(shown.map(|(key, _)| key.to_vec()).collect())
}
