//! What commits and checkpoints ask of a log, asked of one that many processes share.

use super::{Kind, SLOT_HEADER_LEN, SharedLog};
use crate::{
    error::Result,
    id::Position,
    log::{Appended, Bookmark, History, Rim, Unsynced},
};

impl Rim for SharedLog {
    fn shared(&mut self) -> Option<&mut SharedLog> {
        Some(self)
    }

    fn check(&self) -> Result<()> {
        self.broken.clone().map_or(Ok(()), Err)
    }

    fn header_len(&self) -> usize {
        SLOT_HEADER_LEN
    }

    /// Slots are files of their own, and fit or do not.
    fn reserve(&mut self, _body_len: usize) -> Result<()> {
        self.check()
    }

    /// Appends a batch that was validated on everything up to [`anchor`](Self::anchor).
    fn append(&mut self, record: &mut Vec<u8>) -> Result<Appended> {
        self.put(Kind::Batch, std::mem::take(record))
    }

    fn sync(&mut self) -> Result<()> {
        self.check()
    }

    fn unsynced(&self) -> Result<Option<Unsynced>> {
        Ok(None)
    }

    fn synced(&mut self, _unsynced: &Unsynced, outcome: Result<()>) -> Result<()> {
        outcome
    }

    fn position(&self) -> Position {
        self.anchor.tip.position
    }

    /// What is applied is durable.
    fn durable(&self) -> Position {
        self.position()
    }

    fn bookmark(&self) -> Bookmark {
        Bookmark::Slots(self.anchor.clone())
    }

    fn bytes_since(&self, place: &Bookmark) -> u64 {
        self.lens.range(place.position().next()..).map(|(_, len)| len).sum()
    }

    /// Only forgets them: slots are removed by whoever publishes a floor.
    fn release(&mut self, upto: &Bookmark) -> Result<()> {
        self.lens = self.lens.split_off(&upto.position().next());
        Ok(())
    }

    fn history(&self, after: Position) -> Result<Option<History>> {
        Ok(self.since(after)?.map(History::Slots))
    }

    fn discard_spares(&mut self) -> Result<()> {
        Ok(())
    }
}
