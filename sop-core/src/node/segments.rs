//! The segments that one state of the trees reads.

use std::sync::Arc;

use super::{
    pinned::Pinned,
    segment::{Content, Segment, file_name},
    streamed::LastFile,
};
use crate::{
    error::{Error, Result},
    id::Address,
};

/// A window of consecutive numbers, some unused.
#[derive(Clone, Debug, Default)]
pub(crate) struct Segments {
    first: u32,
    window: Vec<Option<Arc<Segment>>>,
    /// The number of the oldest checkpoint with which some of them go; see
    /// [`of_checkpoint`](Self::of_checkpoint).
    checkpoint: u64,
}

impl Segments {
    /// Of these segments, in any order.
    pub(crate) fn new(mut segments: Vec<Arc<Segment>>) -> Self {
        segments.sort_by_key(|segment| segment.id());
        let Some(first) = segments.first().map(|segment| segment.id().0) else {
            return Self::default();
        };
        let mut window: Vec<Option<Arc<Segment>>> = Vec::new();
        for segment in segments {
            let index = (segment.id().0 - first) as usize;
            window.resize(index, None);
            window.push(Some(segment));
        }
        Self { first, window, checkpoint: 0 }
    }

    /// The same as those of a checkpoint, and of what was committed since: all of them are there for
    /// as long as that checkpoint and those after it are kept.
    pub(crate) fn of_checkpoint(self, number: u64) -> Self {
        Self { checkpoint: number, ..self }
    }

    /// The number of the checkpoint that they are of.
    pub(crate) fn checkpoint(&self) -> u64 {
        self.checkpoint
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Arc<Segment>> {
        self.window.iter().flatten()
    }

    /// Lets the system read ahead if all of it fits into half of the memory. If it does not, what
    /// was read ahead would displace what is needed: 50 times fewer random reads of twice as much
    /// data as memory.
    pub(crate) fn fit_into(&self, memory: Option<u64>) {
        let len: u64 = self.iter().map(|segment| segment.len()).sum();
        let ahead = memory.is_none_or(|memory| len <= memory / 2);
        for segment in self.iter() {
            segment.set_read_ahead(ahead);
        }
    }

    /// A node's image, if that is in memory and was met before.
    ///
    /// This is what nearly all reads find, and it comes in registers; [`Self::node`] finds the
    /// others, and whatever is wrong.
    #[inline]
    pub(crate) fn met_node(&self, address: Address) -> Option<&[u8]> {
        self.find(address)?.met(address, Content::Node)
    }

    /// A node's image.
    pub(crate) fn node(&self, address: Address) -> Result<Pinned<'_>> {
        match self.met_node(address) {
            Some(image) => Ok(Pinned::lent(image)),
            None => self.fetch(self.segment(address)?, address, Content::Node),
        }
    }

    /// A value.
    pub(crate) fn value(&self, address: Address) -> Result<Pinned<'_>> {
        let segment = self.segment(address)?;
        match segment.met(address, Content::Value) {
            Some(value) => Ok(Pinned::lent(value)),
            None => self.fetch(segment, address, Content::Value),
        }
    }

    #[cold]
    fn fetch<'s>(
        &self,
        segment: &'s Segment,
        address: Address,
        content: Content,
    ) -> Result<Pinned<'s>> {
        segment.fetch(address, content).map_err(|error| self.loss(segment, error))
    }

    /// Fills `buf`, which is as long as the address says, with the value there. It is read by
    /// position, and kept nowhere.
    pub(crate) fn read_value(
        &self,
        address: Address,
        buf: &mut [u8],
        last: &mut LastFile,
    ) -> Result<()> {
        let segment = self.segment(address)?;
        segment.read_value(address, buf, last).map_err(|error| self.loss(segment, error))
    }

    /// Compares a node with what the disk has of it elsewhere, and puts right what is wrong.
    pub(crate) fn scrub_node(&self, address: Address) -> Result<()> {
        self.segment(address)?.scrub(address, Content::Node)
    }

    /// The same for a value.
    pub(crate) fn scrub_value(&self, address: Address) -> Result<()> {
        self.segment(address)?.scrub(address, Content::Value)
    }

    /// What it means that something could not be read.
    fn loss(&self, segment: &Segment, error: Error) -> Error {
        match error {
            // It went as files do that no kept checkpoint names.
            Error::SegmentGone { .. } if segment.has_been_let_go(self.checkpoint) => {
                Error::SnapshotTooOld
            }
            other => other,
        }
    }

    #[inline]
    fn find(&self, address: Address) -> Option<&Segment> {
        let index = address.segment.0.wrapping_sub(self.first) as usize;
        self.window.get(index)?.as_deref()
    }

    fn segment(&self, address: Address) -> Result<&Segment> {
        self.find(address).ok_or_else(|| Self::unknown(address))
    }

    #[cold]
    fn unknown(address: Address) -> Error {
        Error::Corrupt {
            path: file_name(address.segment).into(),
            offset: address.start(),
            reason: "a link leads to this segment, which the database does not have".into(),
        }
    }

    #[cold]
    pub(super) fn corrupt(&self, address: Address, reason: &str) -> Error {
        match self.segment(address) {
            Ok(segment) => segment.corrupt(address, reason),
            Err(error) => error,
        }
    }
}
