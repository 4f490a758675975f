//! Batches of a log becoming the next version, whoever wrote them.

use std::path::Path;

use super::{Builder, Change, Manifest, Version};
use crate::{
    codec::Reader,
    delta::Delta,
    error::{Error, Result},
    id::Position,
    node::SegmentFolder,
};

/// Applies batches, one after the other, to a version.
#[derive(Debug)]
pub(crate) struct Replay<'a> {
    builder: Builder,
    folder: &'a SegmentFolder,
    /// Where the batches are from, for errors that say so.
    path: &'a Path,
    transactions: u64,
    /// Why what was built is half changed, and of no use.
    failed: Option<Error>,
}

impl<'a> Replay<'a> {
    /// Begins at a version, with the folder of the segments that batches may name.
    pub(crate) fn new(base: &Version, folder: &'a SegmentFolder, path: &'a Path) -> Self {
        let builder = Builder::new(base, base.position());
        Self { builder, folder, path, transactions: 0, failed: None }
    }

    /// Begins anew with what a checkpoint holds. Nothing must have been applied before.
    pub(crate) fn restart(&mut self, manifest: &Manifest) -> Result<()> {
        let (forest, segments) = manifest.open(self.folder)?;
        self.builder.restart((manifest.position(), manifest.next_store), forest, segments)
    }

    /// Applies the batch at a position.
    ///
    /// Fails with `Corrupt` if it cannot be one; after any failure there is no next version.
    pub(crate) fn batch(&mut self, position: Position, body: &[u8]) -> Result<()> {
        self.builder.advance(position);
        self.apply(position, body).inspect_err(|error| self.failed = Some(error.clone()))
    }

    fn apply(&mut self, position: Position, body: &[u8]) -> Result<()> {
        let mut reader = Reader::new(body);
        while !reader.is_empty() {
            let delta = Delta::decode(&mut reader).map_err(|error| {
                let reason = format!("batch {position} holds {error}");
                Error::Corrupt { path: self.path.to_owned(), offset: 0, reason }
            })?;
            self.builder.apply(&delta, self.folder)?;
            self.transactions += 1;
        }
        Ok(())
    }

    /// Whether something could not be applied.
    pub(crate) fn has_failed(&self) -> bool {
        self.failed.is_some()
    }

    /// Gives up what was built.
    pub(crate) fn retract(self) {
        if self.failed.is_none() {
            self.builder.retract();
        }
    }

    /// How many transactions were applied.
    pub(crate) fn transactions(&self) -> u64 {
        self.transactions
    }

    /// The version at a position up to which everything was applied, and what it does away with.
    pub(crate) fn finish(mut self, position: Position) -> Result<(Version, Change)> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        self.builder.advance(position);
        Ok(self.builder.finish())
    }
}
