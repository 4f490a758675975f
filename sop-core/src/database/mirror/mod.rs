//! A database in two folders: how they come together, and what its user can do with them.
//!
//! The engine sees one folder, on a disk that keeps it twice ([`crate::disk::mirrored`]). Here is
//! what only somebody can decide who knows what a database is: which of two folders has everything
//! when it is opened ([`verdict`]), and whether what is in them is right ([`scrub`]).

mod found;
mod open;
mod scrub;
mod verdict;

use std::sync::Arc;

use super::{Core, Database, folder};
use crate::{
    disk::{
        LockKind,
        mirrored::{self, MirrorProgress, MirrorStatus, Pair, Trust},
        whole,
    },
    error::{Error, Result},
    sync::Mutex,
};

pub(super) use open::{Mirror, check_alone, open};
pub use scrub::ScrubReport;

/// The two folders of an open database.
#[derive(Debug)]
pub(super) struct Handle {
    pair: Arc<Pair>,
    /// Held while they are compared or rebuilt: by one at a time.
    busy: Mutex<()>,
}

impl Handle {
    pub(super) fn new(pair: Arc<Pair>) -> Self {
        Self { pair, busy: Mutex::new(()) }
    }
}

impl Database {
    /// How the two folders of a database are that was opened with
    /// [`Builder::mirror`](crate::Builder::mirror); none if it was not.
    ///
    /// ```
    /// use sop_core::Database;
    ///
    /// # let folder = tempfile::tempdir().expect("a temporary folder");
    /// # let [path, mirror] = ["db", "mirror"].map(|name| folder.path().join(name));
    /// let db = Database::builder().mirror(&mirror).open(&path)?;
    /// assert!(db.mirror().is_some_and(|status| status.is_whole()));
    /// # Ok::<_, sop_core::Error>(())
    /// ```
    pub fn mirror(&self) -> Option<MirrorStatus> {
        self.shared.core.mirror.as_ref().map(|mirror| mirror.pair.status())
    }

    /// Makes that of the two folders anew that has not everything, beside whatever goes on, and waits
    /// for it. Nothing to do if both have everything.
    ///
    /// When the database is opened and finds a folder that has fallen behind, it does so by itself in
    /// the background; not for a folder that is not there at all, as its disk may only not be
    /// mounted, and not again for one that was lost since: that is for whoever knows that its disk
    /// is in order.
    ///
    /// What remains is read and checked first: what is damaged there may still be right in the lost
    /// folder, and is taken from there. Costs reading both folders, one of them twice, and writing what
    /// differs. At the end writers wait for as long as
    /// it takes to compare the log. Fails with [`Error::Invalid`] if the database was opened without
    /// a mirror, with [`Error::Closed`] if it is closed meanwhile, with [`Error::InUse`] if somebody
    /// else has the folder open, and with [`Error::Io`] or [`Error::DiskFull`] if the folder cannot
    /// be written; it is left unfinished then, and the database goes on without it.
    pub fn rebuild_mirror(&self) -> Result<()> {
        self.rebuild_mirror_with(&mut |_| {})
    }

    /// The same, and says after each piece how far it is.
    pub fn rebuild_mirror_with(&self, progress: &mut dyn FnMut(MirrorProgress)) -> Result<()> {
        let core = &self.shared.core;
        core.check_open()?;
        let rebuilt = core.rebuild_mirror(&mut |so_far| {
            progress(so_far);
            core.check_open().is_ok()
        })?;
        if rebuilt { Ok(()) } else { Err(Error::Closed) }
    }

    /// Compares the two folders of a mirrored database, beside whatever goes on: a checkpoint is
    /// written; every node and value of the newest state is read from both and checked against its
    /// checksum; then the rest is compared. What is damaged in one folder is put right from the other.
    ///
    /// The database does so by itself, see
    /// [`Options::scrub_interval`](crate::Options::scrub_interval). Costs reading both folders; at the
    /// end writers wait for as long as it takes to compare the log. Nothing is compared if only one
    /// folder has everything. Fails with [`Error::Invalid`] if the database was opened without a
    /// mirror, and with [`Error::Corrupt`] if the log is damaged in both folders.
    pub fn scrub_mirror(&self) -> Result<ScrubReport> {
        self.scrub_mirror_with(&mut |_| {})
    }

    /// The same, and says after each node and value how far it is.
    pub fn scrub_mirror_with(
        &self,
        progress: &mut dyn FnMut(MirrorProgress),
    ) -> Result<ScrubReport> {
        let core = &self.shared.core;
        core.check_open()?;
        core.scrub_mirror(&mut |so_far| {
            progress(so_far);
            core.check_open().is_ok()
        })
    }
}

impl Core {
    fn handle(&self) -> Result<&Handle> {
        self.mirror.as_ref().ok_or_else(|| {
            let message = "the database has no mirror; open it with `Builder::mirror`";
            Error::Invalid(message.to_owned())
        })
    }

    /// Rebuilds the folder that has not everything, as long as `goes_on`; whether it has then.
    pub(super) fn rebuild_mirror(
        &self,
        goes_on: &mut dyn FnMut(MirrorProgress) -> bool,
    ) -> Result<bool> {
        let mirror = self.handle()?;
        let Handle { pair, busy } = mirror;
        let _busy = busy.lock();
        let Some(side) = pair.lost() else { return Ok(true) };
        if !self.check_survivor(mirror, goes_on)? {
            return Ok(false);
        }
        let lock = if pair.is_locked(side) {
            None
        } else {
            whole::create_dir(&**pair.disk(), pair.root(side))?;
            Some(folder::take_lock(pair.disk(), pair.root(side), LockKind::Exclusive)?)
        };
        mirrored::rebuild(pair, lock, Trust::Nothing, goes_on)
    }

    /// Compares both folders, as long as `goes_on`.
    pub(super) fn scrub_mirror(
        &self,
        goes_on: &mut dyn FnMut(MirrorProgress) -> bool,
    ) -> Result<ScrubReport> {
        let mirror = self.handle()?;
        let _busy = mirror.busy.lock();
        self.scrub(mirror, goes_on)
    }
}
