//! Where a test's database lives, so that one test runs on every kind of disk.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use sop_core::{Builder, Database, Disk, MemoryDisk, Options, OsDisk, Result};
use tempfile::TempDir;

/// A place for one database, which can be opened again and again. Gone when it is dropped.
#[derive(Debug)]
pub struct Home {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    /// Removes the folder at the end. `None` in memory.
    folder: Option<Arc<TempDir>>,
    /// The size of the cache, if segments are read instead of mapped.
    cache_bytes: Option<u64>,
}

impl Home {
    /// In a temporary folder of the real disk. The database's own folder is still to be created.
    ///
    /// # Panics
    /// If the machine has no room for temporary files.
    pub fn on_disk() -> Self {
        let folder = TempDir::new().expect("tests need a temporary folder");
        let path = folder.path().join("db");
        Self { disk: Arc::new(OsDisk), path, folder: Some(Arc::new(folder)), cache_bytes: None }
    }

    /// On a disk in memory.
    pub fn in_memory() -> Self {
        Self::on(Arc::new(MemoryDisk::default()))
    }

    /// On any disk in memory, such as one with faults.
    pub fn on(disk: Arc<dyn Disk>) -> Self {
        Self { disk, path: PathBuf::from("db"), folder: None, cache_bytes: None }
    }

    /// The same, with segments that are read by way of a cache of so many bytes instead of mapped.
    #[must_use]
    pub fn unmapped(self, cache_bytes: u64) -> Self {
        Self { cache_bytes: Some(cache_bytes), ..self }
    }

    /// Whether it is on a disk in memory.
    pub fn is_in_memory(&self) -> bool {
        self.folder.is_none()
    }

    /// A place for another database, on the same disk.
    #[must_use]
    pub fn beside(&self, number: u64) -> Self {
        let path = self.path.with_file_name(format!("db {number}"));
        let (disk, folder) = (Arc::clone(&self.disk), self.folder.clone());
        Self { disk, path, folder, cache_bytes: self.cache_bytes }
    }

    /// The database's folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Opens the database with default options, creating it if it is not there.
    pub fn open(&self) -> Result<Database> {
        self.open_with(Options::default())
    }

    /// Opens the database with some options.
    pub fn open_with(&self, options: Options) -> Result<Database> {
        self.builder().options(self.reading(options)).open(&self.path)
    }

    fn reading(&self, options: Options) -> Options {
        match self.cache_bytes {
            Some(bytes) => options.unmapped(true).cache_bytes(bytes),
            None => options,
        }
    }

    fn builder(&self) -> Builder {
        Database::builder().disk(Arc::clone(&self.disk))
    }
}

/// Turns behaviours, functions from `&Home` to [`Outcome`](crate::Outcome), into two tests each:
/// on the real disk and in memory.
#[macro_export]
macro_rules! on_every_disk {
    ($($behaviour:ident),+ $(,)?) => {$(
        mod $behaviour {
            #[test]
            fn on_the_real_disk() -> $crate::Outcome {
                super::$behaviour(&$crate::Home::on_disk())
            }

            #[test]
            fn in_memory() -> $crate::Outcome {
                super::$behaviour(&$crate::Home::in_memory())
            }
        }
    )+};
}
