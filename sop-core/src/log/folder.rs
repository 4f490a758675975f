//! The folder of a log, and its files as they are found there.

use std::{collections::BTreeMap, path::PathBuf, sync::Arc};

use super::{
    LogOptions,
    file::{
        DATABASE_AT, FORMAT, FORMAT_AT, FileHeader, HEADER_LEN, HEADER_SIZE, HeaderFlaw, Name,
        SEQUENCE_AT,
    },
};
use crate::{
    Error, Result,
    disk::{Access, Disk, File, failed},
};

/// Where a log lives, and whose it is.
#[derive(Clone, Debug)]
pub(super) struct Folder {
    pub(super) disk: Arc<dyn Disk>,
    pub(super) dir: PathBuf,
    pub(super) database: [u8; 16],
    pub(super) options: LogOptions,
}

/// What the folder holds, by number, with the lengths in bytes.
#[derive(Debug, Default)]
pub(super) struct Contents {
    pub(super) numbered: BTreeMap<u64, u64>,
    pub(super) spares: BTreeMap<u64, u64>,
}

/// An open file of the log with a header that can be relied on.
#[derive(Debug)]
pub(super) struct LogFile {
    pub(super) path: PathBuf,
    pub(super) file: Arc<dyn File>,
    pub(super) len: u64,
    pub(super) header: FileHeader,
}

impl Folder {
    pub(super) fn new(
        disk: Arc<dyn Disk>,
        dir: PathBuf,
        database: [u8; 16],
        options: LogOptions,
    ) -> Self {
        Self { disk, dir, database, options }
    }

    pub(super) fn path(&self, name: Name) -> PathBuf {
        self.dir.join(name.to_string())
    }

    /// Lists the folder. What has a foreign name is left alone.
    pub(super) fn contents(&self) -> Result<Contents> {
        let mut contents = Contents::default();
        let entries = self.disk.list(&self.dir).map_err(failed("list", &self.dir))?;
        for entry in entries.into_iter().filter(|entry| !entry.is_dir) {
            match Name::parse(&entry.name) {
                Some(Name::Numbered(sequence)) => _ = contents.numbered.insert(sequence, entry.len),
                Some(Name::Spare(number)) => _ = contents.spares.insert(number, entry.len),
                None => {}
            }
        }
        Ok(contents)
    }

    /// Makes the names in the folder durable.
    pub(super) fn sync(&self) -> Result<()> {
        self.disk.sync_dir(&self.dir).map_err(failed("sync", &self.dir))
    }

    pub(super) fn remove(&self, name: Name) -> Result<()> {
        let path = self.path(name);
        self.disk.remove(&path).map_err(failed("remove", &path))
    }

    /// Opens a file of the log for reading and writing.
    pub(super) fn open(&self, sequence: u64) -> Result<LogFile> {
        let path = self.path(Name::Numbered(sequence));
        let file = self.disk.open(&path, Access::Write).map_err(failed("open", &path))?;
        let len = file.len().map_err(failed("read", &path))?;
        let corrupt =
            |offset, reason: String| Err(Error::Corrupt { path: path.clone(), offset, reason });
        if len < HEADER_LEN {
            return corrupt(len, "it ends within its header".into());
        }
        let mut bytes = [0; HEADER_SIZE];
        file.read_exact_at(&mut bytes, 0).map_err(failed("read", &path))?;
        let header = match FileHeader::decode(&bytes) {
            Ok(header) => header,
            Err(HeaderFlaw::Foreign) => return corrupt(0, "it is not a log file".into()),
            Err(HeaderFlaw::Checksum) => {
                return corrupt(FORMAT_AT, "its header does not match its checksum".into());
            }
            Err(HeaderFlaw::Format(found)) => {
                return Err(Error::UnsupportedFormat { path, found, supported: FORMAT });
            }
        };
        if header.database != self.database {
            return corrupt(DATABASE_AT, "it belongs to another database".into());
        }
        if header.sequence != sequence {
            return corrupt(SEQUENCE_AT, format!("it is number {:x} of the log", header.sequence));
        }
        if len < header.len {
            return corrupt(len, format!("it ends here, but was begun with {} bytes", header.len));
        }
        Ok(LogFile { path, file, len, header })
    }
}
