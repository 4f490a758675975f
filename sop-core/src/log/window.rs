//! Reading a file in large pieces while looking at small ones.

use super::folder::LogFile;
use crate::{Result, disk::failed};

/// What is read at once, in bytes, unless more is asked for or the file ends before.
const PIECE: u64 = 256 << 10;

/// A part of a file, in memory, that moves to wherever something is asked for.
#[derive(Debug)]
pub(super) struct Window<'f> {
    file: &'f LogFile,
    start: u64,
    bytes: Vec<u8>,
}

impl<'f> Window<'f> {
    pub(super) fn new(file: &'f LogFile) -> Self {
        Self { file, start: 0, bytes: Vec::new() }
    }

    /// As many of the `len` bytes at `offset` as the file has.
    pub(super) fn get(&mut self, offset: u64, len: u64) -> Result<&[u8]> {
        let left = self.file.len.saturating_sub(offset);
        let len = len.min(left);
        let held = self.start..self.start + self.bytes.len() as u64;
        if !(held.start <= offset && offset + len <= held.end) {
            self.read(offset, len.max(PIECE).min(left))?;
        }
        let from = in_memory(offset - self.start);
        Ok(&self.bytes[from..from + in_memory(len)])
    }

    /// Moves to where the window covers these bytes, which the file has.
    fn read(&mut self, offset: u64, len: u64) -> Result<()> {
        self.bytes.clear();
        self.bytes.resize(in_memory(len), 0);
        self.start = offset;
        let read = self.file.file.read_exact_at(&mut self.bytes, offset);
        read.map_err(failed("read", &self.file.path))
    }
}

fn in_memory(len: u64) -> usize {
    usize::try_from(len).expect("invariant: a frame is shorter than the address space")
}
