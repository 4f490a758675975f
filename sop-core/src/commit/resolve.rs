//! What became of a commit whose outcome was left open.

use super::Pipeline;
use crate::{
    error::{Error, Result},
    id::CommitId,
    log::{Rim, shared::Fate},
};

/// What became of a commit whose outcome was left open; see
/// [`Database::resolve`](crate::Database::resolve).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Resolution {
    /// It took effect, all of it.
    Committed {
        /// Its log position.
        position: u64,
    },
    /// It did not, and never will: the same work can be done again.
    NotCommitted,
    /// Nobody knows any more. Whoever was to commit it has ended more than a million batches ago, or
    /// has left very many outcomes open since; or the database was restored from a backup since.
    Forgotten,
}

impl Pipeline {
    /// What became of a commit.
    ///
    /// It has a position of its own, at which it took effect or never will. As soon as that is taken,
    /// the table of members says by whom. Until then a request of its author may still be on its way,
    /// so if nobody has taken the position, this does.
    pub(crate) fn resolve(&self, commit: &CommitId) -> Result<Resolution> {
        if self.shared.is_none() {
            let message = "a commit of a folder of one process is seen when that is reopened";
            return Err(Error::Invalid(message.into()));
        }
        let mut fate = None;
        while fate.is_none() {
            self.announce(&mut |log| {
                if log.slots().database != commit.database {
                    return Err(Error::Invalid("a commit of another database".into()));
                }
                fate = log.fate(commit);
                match fate {
                    Some(_) => Ok(None),
                    None if log.position().next().0 < commit.position => {
                        Err(Error::Invalid("a commit that this database is yet to have".into()))
                    }
                    None => log.fill().map(Some),
                }
            })?;
        }
        Ok(match fate {
            Some(Fate::Committed) => Resolution::Committed { position: commit.position },
            Some(Fate::NotCommitted) => Resolution::NotCommitted,
            Some(Fate::Unknown) | None => Resolution::Forgotten,
        })
    }
}
