//! Syncing without holding the log.
//!
//! What is to be synced is noted while the log is held, synced while others append, and noted as
//! durable when the log is held again. All syncs of a log pass through one [`Gate`], so that of two
//! at once the second one learns if the first one failed: the system tells a failure to write
//! only once, and a sync that succeeds after it proves nothing.

use std::{path::PathBuf, sync::Arc};

use crate::{
    Error, Result,
    disk::{File, failed},
    guard::{self, Guard},
    id::Position,
    sync::Mutex,
};

/// Lets one sync pass at a time, and none after one that failed.
#[derive(Debug, Default)]
pub(super) struct Gate {
    failed: Mutex<Option<Error>>,
}

impl Gate {
    fn pass(&self, sync: impl FnOnce() -> Result<()>) -> Result<()> {
        let mut failed = self.failed.lock();
        if let Some(error) = &*failed {
            return Err(error.clone());
        }
        sync().inspect_err(|error| {
            if guard::stands(Guard::Poison) {
                *failed = Some(error.clone());
            }
        })
    }
}

/// Frames that are in the log's files and perhaps not on the disk yet.
#[derive(Debug)]
#[must_use = "nothing is durable before it is synced"]
pub(crate) struct Unsynced {
    pub(super) gate: Arc<Gate>,
    /// The files with frames that are not durable yet, oldest first.
    pub(super) files: Vec<(PathBuf, Arc<dyn File>)>,
    /// The position of the newest of these frames.
    pub(super) upto: Position,
}

impl Unsynced {
    /// Makes these frames durable, and those that others append meanwhile or not.
    pub(crate) fn sync(&self) -> Result<()> {
        self.gate.pass(|| {
            if !guard::stands(Guard::LogSync) {
                return Ok(());
            }
            let mut files = self.files.iter();
            files.try_for_each(|(path, file)| file.sync_data().map_err(failed("sync", path)))
        })
    }
}
