//! Which database it is, for those who have to know it again.

use std::sync::Arc;

use super::Database;
use crate::{clock::Clock, error::Result};

/// A database in one of its lives: it gets another incarnation when it is restored from a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct DatabaseId {
    pub(crate) database: [u8; 16],
    /// Zeros until it is restored.
    pub(crate) incarnation: [u8; 16],
}

impl Database {
    pub(crate) fn identity(&self) -> DatabaseId {
        let site = &self.shared.core.site;
        DatabaseId { database: site.database, incarnation: site.incarnation }
    }

    /// Where it gets the time and random numbers from.
    pub(crate) fn clock(&self) -> Result<&Arc<dyn Clock>> {
        Ok(self.shared.core.pipeline()?.clock())
    }
}
