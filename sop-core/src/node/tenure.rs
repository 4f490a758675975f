//! For how long the files of a folder are ours.

use std::{io, path::Path};

use crate::{disk::Disk, sync::RwLock};

/// Ours until it ends; shared by everybody who makes or removes files in a folder, some of whom
/// may live longer than the database.
#[derive(Debug, Default)]
pub(super) struct Tenure {
    ended: RwLock<bool>,
}

impl Tenure {
    /// Waits for what is being done to the folder; nothing is done afterwards.
    pub(super) fn end(&self) {
        *self.ended.write() = true;
    }

    /// Works on the folder, unless it is ours no more.
    pub(super) fn hold<T>(&self, work: impl FnOnce() -> T) -> Option<T> {
        let ended = self.ended.read();
        (!*ended).then(work)
    }

    /// Removes a file, unless the folder is ours no more.
    pub(super) fn remove(&self, disk: &dyn Disk, path: &Path) -> io::Result<()> {
        self.hold(|| disk.remove(path)).unwrap_or(Ok(()))
    }
}
