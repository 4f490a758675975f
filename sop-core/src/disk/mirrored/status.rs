//! How the two folders of a mirrored database are, for its user.

use std::path::PathBuf;

/// How the two folders of a mirrored database are; from
/// [`Database::mirror`](crate::Database::mirror).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MirrorStatus {
    /// The folder that the database was opened by, and its mirror.
    pub folders: [MirrorFolder; 2],
    /// How far the lost one is rebuilt, while it is.
    pub rebuilding: Option<MirrorProgress>,
    /// How many damaged places were put right from the other folder since the database was opened.
    pub mended: u64,
}

impl MirrorStatus {
    /// Whether both folders have everything.
    pub fn is_whole(&self) -> bool {
        self.folders.iter().all(|folder| folder.lost.is_none())
    }
}

/// One of the two folders of a mirrored database.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct MirrorFolder {
    /// Where it is.
    pub path: PathBuf,
    /// Why it has not everything that was committed; none if it has. It is left alone until it is
    /// rebuilt.
    pub lost: Option<String>,
}

/// How far the rebuilding of a folder, or the comparing of both, is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct MirrorProgress {
    /// Bytes that are done.
    pub done: u64,
    /// Bytes there are to be done, as far as is known; grows with what is written meanwhile.
    pub total: u64,
}
