//! Data that is not in memory: files dropped from the system's cache, and less memory than data.
//!
//! A limit needs a control group that somebody entitled to has prepared, see README.md: this program
//! only joins it. Whatever a process of the group reads from files is then part of the limit.

use crate::Result;
use rustix::fs::{Advice, fadvise, fsync};
use std::{
    fs::{self, OpenOptions},
    path::{Path, PathBuf},
    process,
};

/// Drops the files of a folder from the system's cache. They must not be mapped by anybody.
pub(crate) fn evict(folder: &Path) -> Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            evict(&path)?;
        } else if path.is_file() {
            let file = OpenOptions::new().read(true).open(path)?;
            // Pages that are not on the disk yet cannot be dropped.
            fsync(&file)?;
            fadvise(&file, 0, None, Advice::DontNeed)?;
        }
    }
    Ok(())
}

/// A control group whose memory is limited.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct MemoryGroup {
    folder: PathBuf,
    /// Bytes that its processes may use together, files that they read included.
    pub(crate) limit: u64,
}

impl MemoryGroup {
    /// Names the file of the limit in versions 2 and 1 of control groups.
    const LIMITS: [&str; 2] = ["memory.max", "memory.limit_in_bytes"];

    /// The group of a folder; fails if it has no limit.
    pub(crate) fn at(folder: &Path) -> Result<Self> {
        let limit = Self::LIMITS.iter().find_map(|name| fs::read_to_string(folder.join(name)).ok());
        let limit = limit.and_then(|limit| limit.trim().parse().ok());
        match limit {
            // Without a limit version 2 says `max`, and version 1 says almost 2^63.
            Some(limit) if limit < 1 << 62 => Ok(Self { folder: folder.to_owned(), limit }),
            _ => Err(format!("{} is no group with a limit of memory", folder.display()).into()),
        }
    }

    /// Moves this process into the group, for good.
    pub(crate) fn join(&self) -> Result<()> {
        Ok(fs::write(self.folder.join("cgroup.procs"), process::id().to_string())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_limit_is_read_in_both_versions_of_groups() {
        for (name, no_limit) in
            [("memory.max", "max"), ("memory.limit_in_bytes", "9223372036854771712")]
        {
            let folder = tempfile::tempdir().unwrap();
            assert!(MemoryGroup::at(folder.path()).is_err());
            fs::write(folder.path().join(name), "67108864\n").unwrap();
            assert_eq!(MemoryGroup::at(folder.path()).unwrap().limit, 64 << 20);
            fs::write(folder.path().join(name), no_limit).unwrap();
            assert!(MemoryGroup::at(folder.path()).is_err());
        }
    }

    #[test]
    fn evicting_leaves_the_files_as_they_are() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("inner");
        fs::create_dir(&path).unwrap();
        fs::write(path.join("file"), [7; 10_000]).unwrap();
        evict(folder.path()).unwrap();
        assert_eq!(fs::read(path.join("file")).unwrap(), [7; 10_000]);
    }
}
