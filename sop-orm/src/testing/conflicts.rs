//! Conflicts that nobody caused.

use std::collections::BTreeSet;

use parking_lot::Mutex;
use sop_core::ConflictKind;

use crate::{
    db::Db,
    error::{Conflict, Error, Result},
};

/// The commits of a database that are to fail, by their numbers.
#[derive(Debug, Default)]
pub(crate) struct Planned(Mutex<State>);

#[derive(Debug, Default)]
struct State {
    commits: u64,
    failing: BTreeSet<u64>,
}

impl Planned {
    /// Counts a commit, and fails it if that was planned.
    pub(crate) fn at_commit(&self) -> Result<()> {
        let mut state = self.0.lock();
        state.commits += 1;
        let number = state.commits;
        if !state.failing.remove(&number) {
            return Ok(());
        }
        Err(Error::Conflict(Conflict {
            store: "sop.testing".to_owned(),
            index: None,
            type_name: None,
            key: Vec::new(),
            kind: ConflictKind::Write,
            prepared: None,
        }))
    }
}

/// Lets a commit fail once with [`Error::Conflict`], as if another session had been faster: the
/// next one if `commit` is 1, the one after it if it is 2. All commits of all sessions count, also
/// those that fail for another reason. May be called several times; 0 is no commit.
///
/// ```
/// # use sop_orm::{prelude::*, testing::conflict_at};
/// # #[derive(SopStore)]
/// # struct Counter { #[sop(key)] name: String, value: i64 }
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> Result<()> {
/// let db = Db::builder().store::<Counter>().ephemeral().await?;
/// conflict_at(&db, 1);
/// conflict_at(&db, 2);
/// let attempts = db
///     .run(async |s| {
///         s.of::<Counter>().upsert(Counter { name: "hits".into(), value: 1 }).await?;
///         Ok(s.attempt())
///     })
///     .await?;
/// assert_eq!(attempts, 3);
/// # Ok(())
/// # }
/// ```
pub fn conflict_at(db: &Db, commit: u64) {
    let mut state = db.planned().0.lock();
    let number = state.commits.saturating_add(commit);
    if commit > 0 {
        state.failing.insert(number);
    }
}
