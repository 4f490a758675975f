//! What all segments of a database have in common.

use std::{
    fmt, io,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{pages::Pages, segment::file_name, tenure::Tenure};
use crate::{
    disk::{self, Access, Disk, File},
    error::{Error, Result},
    id::SegmentId,
    sync::OnceLock,
};

/// How the segments of a folder are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    /// As memory that the system fills from the files. For folders that nobody else writes to: a
    /// file that is cut short while it is mapped ends the process.
    Mapped,
    /// By position, into memory of our own.
    Copied {
        /// Most bytes that are kept, what readers hold not counted.
        cache_bytes: u64,
    },
}

/// The folder of a database's segments, and the disk it is on.
pub(super) struct Home {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) folder: PathBuf,
    pub(super) database: [u8; 16],
    pub(super) tenure: Tenure,
    /// What was read, if segments are not mapped.
    pub(super) pages: Option<Arc<Pages>>,
    pub(super) keeper: OnceLock<Keeper>,
    /// Whether values that are streamed go past the system's cache.
    pub(super) direct: OnceLock<()>,
}

/// Who knows, in a folder whose files others remove, whether those of a checkpoint are kept.
pub(crate) type Keeper = Box<dyn Fn(u64) -> bool + Send + Sync>;

impl fmt::Debug for Home {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Home").field("folder", &self.folder).finish_non_exhaustive()
    }
}

impl Home {
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        folder: PathBuf,
        database: [u8; 16],
        reading: Reading,
    ) -> Self {
        let pages = match reading {
            Reading::Mapped => None,
            Reading::Copied { cache_bytes } => Some(Arc::new(Pages::new(cache_bytes))),
        };
        let (tenure, keeper, direct) = (Tenure::default(), OnceLock::new(), OnceLock::new());
        Self { disk, folder, database, tenure, pages, keeper, direct }
    }

    pub(super) fn path(&self, id: SegmentId) -> PathBuf {
        self.folder.join(file_name(id))
    }

    /// Begins a file that did not exist, for values that are streamed or for anything else.
    pub(super) fn create(&self, path: &Path, streamed: bool) -> Result<Arc<dyn File>> {
        let file = self.tenure.hold(|| {
            if streamed {
                self.open_streamed(path, Access::Create)
            } else {
                self.disk.open(path, Access::Create)
            }
        });
        file.ok_or(Error::Closed)?.map_err(disk::failed("create", path))
    }

    /// Opens a file for values that are streamed.
    pub(super) fn open_streamed(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        if self.direct.get().is_some() {
            self.disk.open_direct(path, access)
        } else {
            self.disk.open(path, access)
        }
    }

    /// Removes a file that nobody reads any more, unless the folder is ours no more. A failure is
    /// only noted: space is lost until the next opening, which removes what no manifest names.
    pub(super) fn remove(&self, path: &Path) {
        if let Err(error) = self.tenure.remove(&*self.disk, path) {
            tracing::warn!(path = %path.display(), %error, "cannot remove a segment");
        }
    }
}
