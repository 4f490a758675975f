//! Copying nodes and values into memory as they are, so that the next checkpoint writes them
//! anew and the segments they stood in can go.

use super::{Editor, Tree};
use crate::{
    error::Result,
    id::SegmentId,
    node::{Link, NodeEdit, NodeView, Stored},
};

impl Editor<'_> {
    /// Copies the nodes on the way to each of the ascending `keys`, and the values under them that
    /// stand in one of `segments`.
    pub(crate) fn touch(
        &mut self,
        tree: Tree,
        keys: &[Vec<u8>],
        segments: &[SegmentId],
    ) -> Result<Tree> {
        let Some((root, level)) = tree.top() else { return Ok(tree) };
        let mut touch = Touch { editor: self, node_size: tree.node_size, segments };
        let root = touch.node(root, level, keys)?;
        Ok(Tree { root: Some(root), ..tree })
    }
}

struct Touch<'a, 'v> {
    editor: &'a mut Editor<'v>,
    node_size: usize,
    segments: &'a [SegmentId],
}

impl Touch<'_, '_> {
    fn node(&mut self, link: Link, level: usize, keys: &[Vec<u8>]) -> Result<Link> {
        let mut block = self.editor.own(link, level, self.node_size)?;
        let mut rest = keys;
        while let Some(key) = rest.first() {
            let node = NodeView::new(block.bytes());
            let here = if level == 0 {
                self.value(block.bytes_mut(), key)?;
                1
            } else {
                let index = node.child_index(key);
                let end = (index + 1 < node.count()).then(|| node.key(index + 1));
                let here = end.map_or(rest.len(), |end| rest.partition_point(|key| *key < end));
                let (child, entries) = (node.child(index), node.entries(index));
                let child = self.node(child, level - 1, &rest[..here])?;
                NodeEdit::new(block.bytes_mut()).set_child(index, child, entries);
                here
            };
            rest = &rest[here..];
        }
        Ok(self.editor.adopt(block))
    }

    fn value(&mut self, image: &mut [u8], key: &[u8]) -> Result<()> {
        let leaf = NodeView::new(image);
        let Ok(index) = leaf.search(key) else { return Ok(()) };
        if let Stored::Outside(link @ Link::Disk(address)) = leaf.stored(index)
            && self.segments.contains(&address.segment)
        {
            let value = self.editor.source.value(link)?.bytes().to_vec();
            let copy = self.editor.make(value);
            self.editor.retire(link);
            NodeEdit::new(image).set_outside(index, copy);
        }
        Ok(())
    }
}
