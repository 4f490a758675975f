//! Where content of any length is kept, one adapter each: SOP, files, and SQLite.

mod file;
mod sop;
mod sqlite;

pub(crate) use self::{file::Files, sop::Sop, sqlite::Sqlite};

use crate::{Result, engines::Settings};
use std::{
    fs::{File, OpenOptions},
    io::{self, Read, Write},
    path::Path,
};

/// Bytes that are handed on at a time.
pub(crate) const STEP: usize = 1 << 20;

/// Content under names. Everything is durable when a call returns.
pub(crate) trait Contents: Sized {
    /// What it runs with.
    fn settings() -> Settings;

    /// An empty one, or that of an earlier call.
    fn open(folder: &Path) -> Result<Self>;

    /// Keeps `len` bytes of a source under a new name, as one transaction where there are such.
    fn upload(&mut self, name: &str, len: u64, source: &mut dyn Read) -> Result<()>;

    /// Writes all of the content of a name to a sink.
    fn download(&mut self, name: &str, sink: &mut dyn Write) -> Result<()>;

    /// Writes the same bytes over those at each of these offsets, as one transaction where there are
    /// such.
    fn overwrite(&mut self, name: &str, offsets: &[u64], bytes: &[u8]) -> Result<()>;

    /// Fills a buffer with the bytes at an offset.
    fn read_at(&mut self, name: &str, offset: u64, buf: &mut [u8]) -> Result<()>;
}

/// Opens a file for reading.
pub(crate) fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).open(path)
}

/// Makes a synced file, in a synced folder, of what `write` gives it.
pub(crate) fn make(path: &Path, write: impl FnOnce(&mut dyn Write) -> Result<()>) -> Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    write(&mut file)?;
    file.sync_all()?;
    Ok(open(path.parent().ok_or("a file is in a folder")?)?.sync_all()?)
}

/// Hands on all that a source gives, a step at a time; how many bytes.
pub(crate) fn hand_on(source: &mut dyn Read, sink: &mut dyn Write) -> Result<u64> {
    let (mut buf, mut total) = (vec![0; STEP], 0);
    loop {
        let len = fill(source, &mut buf)?;
        if len == 0 {
            return Ok(total);
        }
        sink.write_all(&buf[..len])?;
        total += len as u64;
    }
}

/// Fills a buffer as far as a source can.
fn fill(source: &mut dyn Read, buf: &mut [u8]) -> Result<usize> {
    let mut len = 0;
    while len < buf.len() {
        match source.read(&mut buf[len..])? {
            0 => break,
            more => len += more,
        }
    }
    Ok(len)
}
