//! Applying a sorted run of writes to a tree.
//!
//! The run goes down the tree once. Each node on the way is copied unless this very generation
//! made it, each leaf takes its writes, and each branch then links to what its children became.
//! Most writes fit the image of their leaf and change one link in each branch above. Where they do
//! not, the leaf's records are laid out anew in as many nodes as they take, and the branch lets
//! [`super::balance`] even them out with their neighbours.

use super::{Tree, balance, balance::Fill, walk::Places};
use crate::{
    delta::{NewValue, Write},
    error::Result,
    id::Generation,
    limit::INLINE_VALUE_DIVISOR,
    node::{Block, Link, NodeEdit, NodeView, Payload, Record, Source, Stored},
};

/// A node that a branch is to link to.
#[derive(Debug)]
pub(super) struct Child {
    /// Not above any key below the node, and above all keys before it.
    pub(super) separator: Vec<u8>,
    pub(super) link: Link,
    pub(super) entries: u64,
    /// Whether it is to be evened out with its neighbours.
    pub(super) uneven: bool,
}

/// Builds one generation of trees: what it makes, and what it leaves behind.
#[derive(Debug)]
pub(crate) struct Editor<'v> {
    pub(super) source: Source<'v>,
    building: Generation,
    /// Log position that entries written now carry.
    position: u64,
    /// What earlier generations made and the trees no longer link to.
    retired: Vec<Link>,
    /// Change of the bytes of blocks that the trees link to.
    dirty_change: i64,
}

impl<'v> Editor<'v> {
    pub(crate) fn new(source: Source<'v>, building: Generation, position: u64) -> Self {
        Self { source, building, position, retired: Vec::new(), dirty_change: 0 }
    }

    /// What earlier generations made and is no longer linked to, and by how many bytes the blocks
    /// in memory grew.
    pub(crate) fn finish(self) -> (Vec<Link>, i64) {
        (self.retired, self.dirty_change)
    }

    /// Applies writes with strictly ascending keys.
    ///
    /// After an error the tree given must not be used any more: parts of it may be gone.
    pub(crate) fn apply(&mut self, tree: Tree, writes: &[Write<'_>]) -> Result<Tree> {
        if writes.is_empty() {
            return Ok(tree);
        }
        let mut shape = Shape { node_size: tree.node_size, right_edge: true };
        let grafted = tree.grafted;
        let (nodes, level) = match tree.top() {
            None => (self.fill_empty(writes, shape), 0),
            Some((root, level)) => (self.node(root, level, tree.entries, writes, shape)?, level),
        };
        shape.right_edge = false;
        let tree = self.raise(nodes, level, shape)?;
        Ok(Tree { grafted, ..tree })
    }

    fn fill_empty(&mut self, writes: &[Write<'_>], shape: Shape) -> Vec<Child> {
        let mut entries = Vec::with_capacity(writes.len());
        for write in writes {
            if let Some(value) = write.value {
                let value = self.store(value, shape);
                entries.push((write.key, value));
            }
        }
        let records: Vec<_> =
            entries.iter().map(|(key, value)| self.written(key, *value)).collect();
        balance::pack(self, 0, &records, shape.node_size, Fill::Full)
    }

    /// Applies writes below a node of so many entries; gives the nodes that take its place.
    fn node(
        &mut self,
        link: Link,
        level: usize,
        entries: u64,
        writes: &[Write<'_>],
        shape: Shape,
    ) -> Result<Vec<Child>> {
        let block = self.own(link, level, shape.node_size)?;
        if level == 0 {
            Ok(self.leaf(block, writes, shape))
        } else {
            self.branch(block, entries, writes, shape)
        }
    }

    fn leaf(&mut self, mut block: Box<Block>, writes: &[Write<'_>], shape: Shape) -> Vec<Child> {
        let before = NodeView::new(block.bytes()).count();
        let mut rest = writes;
        while let Some((write, after)) = rest.split_first() {
            if !self.write_in_place(&mut block, write, shape) {
                return self.lay_out_leaf(block, rest, shape);
            }
            rest = after;
        }
        let leaf = NodeView::new(block.bytes());
        let count = leaf.count();
        if count == 0 {
            return Vec::new();
        }
        let uneven = count < before && leaf.used() < shape.node_size / 2;
        vec![self.child(block, count as u64, uneven)]
    }

    fn write_in_place(&mut self, block: &mut Block, write: &Write<'_>, shape: Shape) -> bool {
        let leaf = NodeView::new(block.bytes());
        let found = leaf.search(write.key);
        let replaced = found.ok().and_then(|index| leaf.stored(index).outside());
        let done = match (write.value, found) {
            (None, Err(_)) => true,
            (None, Ok(index)) => {
                NodeEdit::new(block.bytes_mut()).remove(index);
                true
            }
            (Some(value), _) => {
                let value = self.store(value, shape);
                let mut edit = NodeEdit::new(block.bytes_mut());
                let done = match found {
                    Ok(index) => edit.replace(index, self.position, value),
                    Err(index) => edit.insert(index, write.key, self.position, value),
                };
                // What a segment holds already is linked to by whoever lays the leaf out anew.
                if let (false, Some(link @ Link::Memory(_))) = (done, value.outside()) {
                    self.retire(link);
                }
                done
            }
        };
        if let (true, Some(link)) = (done, replaced) {
            self.retire(link);
        }
        done
    }

    /// Joins a leaf's entries with writes and lays them out in as many leaves as they take.
    fn lay_out_leaf(
        &mut self,
        block: Box<Block>,
        writes: &[Write<'_>],
        shape: Shape,
    ) -> Vec<Child> {
        let leaf = NodeView::new(block.bytes());
        let appended = leaf
            .count()
            .checked_sub(1)
            .is_none_or(|last| leaf.search(writes[0].key) == Err(last + 1));
        let mut records = Vec::with_capacity(leaf.count() + writes.len());
        let mut next = 0;
        for write in writes {
            let found = leaf.search(write.key);
            let (Ok(index) | Err(index)) = found;
            records.extend((next..index).map(|index| leaf.record(index)));
            next = index;
            if found.is_ok() {
                if let Some(link) = leaf.stored(index).outside() {
                    self.retire(link);
                }
                next += 1;
            }
            if let Some(value) = write.value {
                let value = self.store(value, shape);
                records.push(self.written(write.key, value));
            }
        }
        records.extend((next..leaf.count()).map(|index| leaf.record(index)));
        let fill = if shape.right_edge && appended { Fill::Full } else { Fill::Even };
        let nodes = balance::pack(self, 0, &records, shape.node_size, fill);
        drop(records);
        drop(block);
        nodes
    }

    fn branch(
        &mut self,
        mut block: Box<Block>,
        mut entries: u64,
        writes: &[Write<'_>],
        shape: Shape,
    ) -> Result<Vec<Child>> {
        let mut replaced = Vec::new();
        let mut rest = writes;
        while let Some(write) = rest.first() {
            let node = NodeView::new(block.bytes());
            let index = node.child_index(write.key);
            let is_last = index + 1 == node.count();
            let here = if is_last || rest.len() == 1 {
                rest.len()
            } else {
                let end = node.key(index + 1);
                rest.partition_point(|write| write.key < end.as_slice())
            };
            let below = Shape { right_edge: shape.right_edge && is_last, ..shape };
            let (child, level, old) = (node.child(index), node.level() - 1, node.entries(index));
            let nodes = self.node(child, level, old, &rest[..here], below)?;
            rest = &rest[here..];
            // What a damaged count says may be anything.
            entries = entries.saturating_sub(old);
            if let [node] = nodes.as_slice() {
                NodeEdit::new(block.bytes_mut()).set_child(index, node.link, node.entries);
                entries = entries.saturating_add(node.entries);
                let branch = NodeView::new(block.bytes());
                // Links of children replaced so far are stale, so neighbours are asked only
                // while there are none; if there are some, all is laid out anew anyway.
                if !node.uneven
                    || replaced.is_empty()
                        && !balance::can_merge(self.source, branch, index, shape.node_size)?
                {
                    continue;
                }
            }
            replaced.push((index, nodes));
        }
        if replaced.is_empty() {
            return Ok(vec![self.child(block, entries, false)]);
        }
        self.lay_out_branch(block, replaced, shape)
    }

    /// Puts new children in the place of old ones, evens them out, and lays the branch out anew.
    fn lay_out_branch(
        &mut self,
        block: Box<Block>,
        replaced: Vec<(usize, Vec<Child>)>,
        shape: Shape,
    ) -> Result<Vec<Child>> {
        let node = NodeView::new(block.bytes());
        let (level, before) = (node.level(), node.count());
        let appended = shape.right_edge
            && replaced.iter().all(|(index, nodes)| {
                *index + 1 == before && nodes.iter().all(|node| !node.uneven)
            });
        let mut replaced = replaced.into_iter().peekable();
        let mut children = Vec::with_capacity(before + 4);
        for index in 0..before {
            // The first record's key is empty in the image and in every comparison.
            let separator = if index == 0 { Vec::new() } else { node.key(index) };
            match replaced.next_if(|(at, _)| *at == index) {
                Some((_, nodes)) => {
                    let first = children.len();
                    children.extend(nodes);
                    if let Some(child) = children.get_mut(first) {
                        child.separator = separator;
                    }
                }
                None => children.push(Child {
                    separator,
                    link: node.child(index),
                    entries: node.entries(index),
                    uneven: false,
                }),
            }
        }
        drop(block);
        balance::even_out(self, &mut children, level - 1, shape.node_size)?;
        if !children.is_sorted_by(|a, b| a.separator < b.separator) {
            let link = children[0].link;
            return Err(self.source.damaged(link, "a node whose keys belong elsewhere"));
        }
        let shrunk = children.len() < before;
        let shape = Shape { right_edge: appended, ..shape };
        let mut nodes = self.pack_branch(&children, level, shape);
        if let [node] = nodes.as_mut_slice() {
            let used = self.source.node(node.link, level)?.view().used();
            node.uneven = shrunk && used < shape.node_size / 2;
        }
        Ok(nodes)
    }

    fn pack_branch(&mut self, children: &[Child], level: usize, shape: Shape) -> Vec<Child> {
        let records: Vec<_> = children
            .iter()
            .map(|child| Record {
                prefix: &[],
                suffix: &child.separator,
                payload: Payload::Child { link: child.link, entries: child.entries },
            })
            .collect();
        let fill = if shape.right_edge { Fill::Full } else { Fill::Even };
        balance::pack(self, level, &records, shape.node_size, fill)
    }

    /// Puts branches above nodes until one root is left, and takes away roots with one child.
    fn raise(&mut self, mut nodes: Vec<Child>, level: usize, shape: Shape) -> Result<Tree> {
        let mut levels = level + 1;
        while nodes.len() > 1 {
            let top = Shape { right_edge: true, ..shape };
            let fill_full = nodes.iter().all(|node| !node.uneven);
            let shape = if fill_full { top } else { shape };
            nodes = self.pack_branch(&nodes, levels, shape);
            levels += 1;
        }
        let Some(mut root) = nodes.pop() else { return Ok(Tree::empty(shape.node_size)) };
        while levels > 1 {
            let node = self.source.node(root.link, levels - 1)?;
            if node.view().count() > 1 {
                break;
            }
            let only = node.view().child(0);
            self.retire(root.link);
            root.link = only;
            levels -= 1;
        }
        let (entries, node_size) = (root.entries, shape.node_size);
        Ok(Tree { root: Some(root.link), levels, entries, ..Tree::empty(node_size) })
    }

    /// Retires every node and value of a tree.
    pub(crate) fn retire_tree(&mut self, tree: &Tree) {
        if let Some((root, level)) = tree.top() {
            self.retire_node(&mut Places::new(self.source), root, level);
        }
    }

    /// What is below a node that cannot be read is not found, and its space not given back; but a
    /// damaged tree can be dropped.
    fn retire_node(&mut self, places: &mut Places<'_>, link: Link, level: usize) {
        match places.node(link, level) {
            Err(error) => tracing::warn!(%error, "space of a damaged tree is lost"),
            Ok(node) if level > 0 => {
                node.view().links().for_each(|child| self.retire_node(places, child, level - 1));
            }
            Ok(leaf) => leaf.view().links().for_each(|value| self.retire(value)),
        }
        self.retire(link);
    }

    fn written<'a>(&self, key: &'a [u8], value: Stored<'a>) -> Record<'a> {
        let payload = Payload::Entry { version: self.position, value };
        Record { prefix: &[], suffix: key, payload }
    }

    /// A value as its leaf stores it: there, in a block of its own, or where it stands already.
    fn store<'a>(&mut self, value: NewValue<'a>, shape: Shape) -> Stored<'a> {
        match value {
            NewValue::Bytes(bytes) if bytes.len() <= shape.node_size / INLINE_VALUE_DIVISOR => {
                Stored::Inline(bytes)
            }
            NewValue::Bytes(bytes) => {
                Stored::Outside(self.adopt(Block::new(bytes.to_vec(), self.building)))
            }
            NewValue::Placed(address) => Stored::Outside(Link::Disk(address)),
        }
    }

    /// A node for changing: the tree's own if this generation made it, else a copy.
    pub(super) fn own(&mut self, link: Link, level: usize, capacity: usize) -> Result<Box<Block>> {
        let (block, copied) = self.source.own(link, level, capacity, self.building)?;
        if copied {
            self.retire(link);
        } else {
            self.count(&block, -1);
        }
        Ok(block)
    }

    /// A new block with these bytes, as something to link to.
    pub(super) fn make(&mut self, bytes: Vec<u8>) -> Link {
        self.adopt(Block::new(bytes, self.building))
    }

    /// Makes a block part of the tree.
    pub(super) fn adopt(&mut self, block: Box<Block>) -> Link {
        self.count(&block, 1);
        Link::Memory(block.into_ref())
    }

    fn child(&mut self, block: Box<Block>, entries: u64, uneven: bool) -> Child {
        Child { separator: Vec::new(), link: self.adopt(block), entries, uneven }
    }

    /// Takes what a link names out of the tree.
    pub(super) fn retire(&mut self, link: Link) {
        if let Link::Memory(block) = link {
            self.count(block.get(), -1);
            if block.take(self.building).is_some() {
                return;
            }
        }
        self.retired.push(link);
    }

    fn count(&mut self, block: &Block, sign: i64) {
        let size = i64::try_from(block.size()).unwrap_or(i64::MAX);
        self.dirty_change += sign * size;
    }
}

/// How the nodes of a tree are made.
#[derive(Clone, Copy, Debug)]
struct Shape {
    node_size: usize,
    /// Whether what is written here comes after everything else in the tree.
    right_edge: bool,
}
