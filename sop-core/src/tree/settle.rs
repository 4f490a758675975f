//! After a checkpoint: linking to the segment instead of to the blocks in memory.
//!
//! Only blocks are met on the way, so the cost follows what was dirty, not the size of the tree.

use super::{Editor, Tree};
use crate::{
    error::Result,
    node::{BlockRef, Link, NodeEdit, NodeView},
};

impl Editor<'_> {
    /// The same tree, reading from segments whatever a checkpoint wrote there.
    ///
    /// Adds to `settled` the addresses that the tree now reads from.
    pub(crate) fn settle(&mut self, tree: Tree, settled: &mut impl FnMut(Link)) -> Result<Tree> {
        let Some((root, level)) = tree.top() else { return Ok(tree) };
        let root = self.settle_node(root, level, tree.node_size, settled)?;
        Ok(Tree { root: Some(root), ..tree })
    }

    /// Retires what a tree has in memory only, because another one takes its place that reads the
    /// same from segments.
    pub(crate) fn forget(&mut self, tree: &Tree) -> Result<()> {
        let Some((link @ Link::Memory(block), level)) = tree.top() else { return Ok(()) };
        self.settle_below(block, level, &mut |_| ())?;
        self.retire(link);
        Ok(())
    }

    fn settle_node(
        &mut self,
        link: Link,
        level: usize,
        capacity: usize,
        settled: &mut impl FnMut(Link),
    ) -> Result<Link> {
        let Link::Memory(block) = link else { return Ok(link) };
        if let Some(address) = block.get().address() {
            settled(Link::Disk(address));
            self.settle_below(block, level, settled)?;
            self.retire(link);
            return Ok(Link::Disk(address));
        }
        let node = self.source.node(link, level)?;
        let mut changed = Vec::new();
        for (index, old) in node.view().linking() {
            let new = if level > 0 {
                self.settle_node(old, level - 1, capacity, settled)?
            } else {
                self.settle_value(old, settled)
            };
            if new != old {
                changed.push((index, new));
            }
        }
        if changed.is_empty() {
            return Ok(link);
        }
        let mut own = self.own(link, level, capacity)?;
        for (index, new) in changed {
            let entries = if level > 0 { NodeView::new(own.bytes()).entries(index) } else { 0 };
            let mut edit = NodeEdit::new(own.bytes_mut());
            if level > 0 {
                edit.set_child(index, new, entries);
            } else {
                edit.set_outside(index, new);
            }
        }
        Ok(self.adopt(own))
    }

    /// Retires the blocks below one that was written: they were written with it.
    fn settle_below(
        &mut self,
        block: BlockRef,
        level: usize,
        settled: &mut impl FnMut(Link),
    ) -> Result<()> {
        let node = self.source.node(Link::Memory(block), level)?;
        for link in node.view().links() {
            let Link::Memory(below) = link else { continue };
            if level > 0 {
                self.settle_below(below, level - 1, settled)?;
            }
            settled(link);
            self.retire(link);
        }
        Ok(())
    }

    fn settle_value(&mut self, link: Link, settled: &mut impl FnMut(Link)) -> Link {
        match link.address() {
            Some(address) if link != Link::Disk(address) => {
                settled(Link::Disk(address));
                self.retire(link);
                Link::Disk(address)
            }
            _ => link,
        }
    }
}
