//! From a link to the bytes it names.

use super::{
    block::Block,
    edit::with_room,
    link::Link,
    pack::Stored,
    pinned::{Node, Pinned},
    segments::Segments,
    streamed::LastFile,
    view::NodeView,
};
use crate::{
    error::{Error, Result},
    id::{Address, Generation},
    limit::SEGMENT_ALIGN,
};

/// A value, or where it stands.
#[derive(Debug)]
pub(crate) enum Located<'v> {
    Here(Pinned<'v>),
    There(Address),
}

impl<'v> Located<'v> {
    /// The value of a leaf's entry, if it is in memory or in the leaf.
    pub(crate) fn of(leaf: &Node<'v>, index: usize) -> Self {
        match leaf.view().stored(index) {
            Stored::Inline(value) => Self::Here(leaf.part(value)),
            Stored::Outside(Link::Memory(block)) => Self::Here(Pinned::lent(block.get().bytes())),
            Stored::Outside(Link::Disk(address)) => Self::There(address),
        }
    }
}

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
    pub(crate) fn node(self, link: Link, level: usize) -> Result<Node<'v>> {
        match self.met(link, level) {
            Some(node) => Ok(Node::new(Pinned::lent(node.image()))),
            None => self.fetch(link, level),
        }
    }

    /// The same for looking once and going on. Where the node has to be held it is put into
    /// `held`, and nothing is moved where it has not.
    #[inline]
    pub(crate) fn look<'n>(
        self,
        link: Link,
        level: usize,
        held: &'n mut Option<Node<'v>>,
    ) -> Result<NodeView<'n>> {
        match self.met(link, level) {
            Some(node) => Ok(node),
            None => Ok(held.insert(self.fetch(link, level)?).view()),
        }
    }

    /// A node that stays for as long as the state does, if it is known to be sound.
    #[inline]
    fn met(self, link: Link, level: usize) -> Option<NodeView<'v>> {
        let image = match link {
            Link::Memory(block) => block.get().bytes(),
            Link::Disk(address) => self.segments.met_node(address)?,
        };
        Some(NodeView::new(image)).filter(|node| node.level() == level)
    }

    /// Any other node.
    #[cold]
    fn fetch(self, link: Link, level: usize) -> Result<Node<'v>> {
        let node = Node::new(match link {
            Link::Memory(block) => Pinned::lent(block.get().bytes()),
            Link::Disk(address) => self.segments.node(address)?,
        });
        let found = node.view().level();
        if found == level {
            return Ok(node);
        }
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
    pub(crate) fn value(self, link: Link) -> Result<Pinned<'v>> {
        match link {
            Link::Memory(block) => Ok(Pinned::lent(block.get().bytes())),
            Link::Disk(address) => self.segments.value(address),
        }
    }

    /// Fills `buf`, which is as long as the address says, with the value there. It is read by
    /// position, and kept nowhere.
    pub(crate) fn read_value(
        self,
        address: Address,
        buf: &mut [u8],
        last: &mut LastFile,
    ) -> Result<()> {
        self.segments.read_value(address, buf, last)
    }

    /// The value of a leaf's entry, wherever it stands.
    #[inline]
    pub(crate) fn value_of(self, leaf: &Node<'v>, index: usize) -> Result<Pinned<'v>> {
        match leaf.view().stored(index) {
            Stored::Inline(value) => Ok(leaf.part(value)),
            Stored::Outside(link) => self.value(link),
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
        Ok((Block::new(with_room(node.view().image(), capacity), building), true))
    }
}
