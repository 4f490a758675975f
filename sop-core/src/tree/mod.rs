//! Copy-on-write B+trees: ordered byte keys to byte values.
//!
//! A [`Tree`] is plain data, a link to a root and three numbers; the nodes it leads to never
//! change once the state that holds it is published. A change makes a new tree that shares all
//! nodes that it did not touch.
//!
//! - [`find`](Tree::find), [`cursor`], [`count`]: reading.
//! - [`edit`]: applying a sorted run of writes; [`balance`] decides how records share nodes.
//! - [`load`]: building a tree from sorted entries straight into segments.
//! - [`flush`]: writing a tree's nodes to a segment; [`settle`]: reading them from there.
//! - [`diff`]: whether a range differs between two states.
//! - [`touch`]: copying nodes as they are, to empty a segment of them.
//! - [`walk`]: everything once: statistics, checks, and what stands in given segments.

mod balance;
mod count;
mod cursor;
mod diff;
mod edit;
mod flush;
mod links;
mod load;
mod range;
mod settle;
mod touch;
mod walk;

pub(crate) use cursor::TreeCursor;
pub(crate) use diff::first_change;
pub(crate) use edit::Editor;
pub(crate) use flush::{Flushed, flush};
pub(crate) use links::{Named, each_link};
pub(crate) use load::Loader;
pub(crate) use range::KeyRange;
pub use walk::StoreStats;
pub(crate) use walk::{check, nodes_in, stats};

use crate::{
    error::Result,
    node::{Link, Located, Node, Pinned, Source},
};

/// A tree: where its root is, and what is known of it without looking.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Tree {
    pub(crate) root: Option<Link>,
    /// Levels of nodes: none if it is empty, one if the root is a leaf.
    pub(crate) levels: usize,
    pub(crate) entries: u64,
    /// What its nodes are filled up to, in bytes.
    pub(crate) node_size: usize,
    /// Log position at which the tree was last replaced as a whole, as far as this process saw it.
    /// What replaced it may carry older versions.
    pub(crate) grafted: u64,
}

impl Tree {
    pub(crate) fn empty(node_size: usize) -> Self {
        Self { root: None, levels: 0, entries: 0, node_size, grafted: 0 }
    }

    /// The root and its level, unless the tree is empty.
    pub(crate) fn top(&self) -> Option<(Link, usize)> {
        self.root.map(|link| (link, self.levels - 1))
    }

    /// The value under a key.
    pub(crate) fn value<'v>(&self, source: Source<'v>, key: &[u8]) -> Result<Option<Pinned<'v>>> {
        let found = self.find(source, key)?;
        found.map(|(leaf, index)| source.value_of(&leaf, index)).transpose()
    }

    /// The same without reading what stands in a segment, outside of its leaf.
    pub(crate) fn locate<'v>(&self, source: Source<'v>, key: &[u8]) -> Result<Option<Located<'v>>> {
        let found = self.find(source, key)?;
        Ok(found.map(|(leaf, index)| Located::of(&leaf, index)))
    }

    /// The log position of the last writer of a key, if the key is there.
    pub(crate) fn writer(&self, source: Source<'_>, key: &[u8]) -> Result<Option<u64>> {
        Ok(self.find(source, key)?.map(|(leaf, index)| leaf.view().version(index)))
    }

    /// The leaf that holds a key, and the entry's place in it.
    #[expect(clippy::inline_always, reason = "its result goes through memory where it is called")]
    #[inline(always)]
    fn find<'v>(&self, source: Source<'v>, key: &[u8]) -> Result<Option<(Node<'v>, usize)>> {
        let Some((mut link, mut level)) = self.top() else { return Ok(None) };
        while level > 0 {
            let mut held = None;
            let node = source.look(link, level, &mut held)?;
            link = node.child(node.child_index(key));
            level -= 1;
        }
        let leaf = source.node(link, 0)?;
        let found = leaf.view().search(key);
        Ok(found.ok().map(|index| (leaf, index)))
    }
}
