//! From a link to the bytes it names.

use super::{block::Block, edit::with_room, link::Link, segment::Segments, view::NodeView};
use crate::{
    error::{Error, Result},
    id::Generation,
    limit::SEGMENT_ALIGN,
};

/// What one state of the trees reads through: its segments, and the blocks in memory.
///
/// Holding it means that the state is alive, which is what makes following its links sound; see
/// [`super::block`].
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source<'v> {
    segments: &'v Segments,
}

impl<'v> Source<'v> {
    pub(crate) fn new(segments: &'v Segments) -> Self {
        Self { segments }
    }

    /// The node that a link names, which must be of the given level.
    ///
    /// Levels strictly fall on the way down, so a damaged tree cannot lead in circles.
    #[inline]
    pub(crate) fn node(self, link: Link, level: usize) -> Result<NodeView<'v>> {
        let image = match link {
            Link::Memory(block) => block.get().bytes(),
            Link::Disk(address) => self.segments.node(address)?,
        };
        let node = NodeView::new(image);
        if node.level() == level {
            return Ok(node);
        }
        let found = node.level();
        Err(self.damaged(link, &format!("a node of level {found} where one of {level} belongs")))
    }

    /// The error of what a link names being wrong.
    #[cold]
    pub(crate) fn damaged(self, link: Link, reason: &str) -> Error {
        match link.address() {
            Some(address) => self.segments.corrupt(address, reason),
            None => Error::Invalid(reason.to_owned()),
        }
    }

    /// How many nodes and values the segments have room for at most.
    pub(crate) fn places(self) -> u64 {
        let lens = self.segments.iter().map(|segment| segment.len());
        lens.map(|len| len / SEGMENT_ALIGN as u64).sum()
    }

    /// The value that a link names.
    pub(crate) fn value(self, link: Link) -> Result<&'v [u8]> {
        match link {
            Link::Memory(block) => Ok(block.get().bytes()),
            Link::Disk(address) => self.segments.value(address),
        }
    }

    /// The node that a link names, for changing: itself if it was made in `building`, and else a
    /// copy with room up to `capacity` bytes. The second result says that it is a copy.
    pub(crate) fn own(
        self,
        link: Link,
        level: usize,
        capacity: usize,
        building: Generation,
    ) -> Result<(Box<Block>, bool)> {
        let node = self.node(link, level)?;
        if let Link::Memory(block) = link
            && let Some(block) = block.take(building)
        {
            return Ok((block, false));
        }
        Ok((Block::new(with_room(node.image(), capacity), building), true))
    }
}
