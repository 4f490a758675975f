//! A position in a tree, movable both ways.

use super::Tree;
use crate::{
    error::Result,
    node::{Link, Node, NodeView, Pinned, Source},
};

/// A position in one tree of one state: on an entry, or nowhere.
///
/// Holds the path from the root to a leaf; moving on within the leaf touches nothing else.
#[derive(Clone, Debug)]
pub(crate) struct TreeCursor<'v> {
    source: Source<'v>,
    tree: Tree,
    /// From the root down: each node, and the record taken in it. Empty: nowhere.
    path: Vec<(Node<'v>, usize)>,
}

impl<'v> TreeCursor<'v> {
    pub(crate) fn new(source: Source<'v>, tree: Tree) -> Self {
        Self { source, tree, path: Vec::with_capacity(tree.levels) }
    }

    /// The leaf and the entry's place in it.
    #[inline]
    pub(crate) fn entry(&self) -> Option<(NodeView<'_>, usize)> {
        self.path.last().map(|(leaf, index)| (leaf.view(), *index))
    }

    /// The leaf itself and the entry's place in it.
    #[inline]
    pub(crate) fn leaf(&self) -> Option<(&Node<'v>, usize)> {
        self.path.last().map(|(leaf, index)| (leaf, *index))
    }

    /// The value under the cursor; only for a cursor that stands on an entry.
    #[inline]
    pub(crate) fn value(&self) -> Result<Pinned<'v>> {
        match self.leaf() {
            Some((leaf, index)) => self.source.value_of(leaf, index),
            None => Ok(Pinned::lent(&[])),
        }
    }

    /// The value under the cursor if it stands outside of its leaf.
    #[inline]
    pub(crate) fn outside_value(&self) -> Result<Option<Pinned<'v>>> {
        match self.entry() {
            Some((leaf, index)) if leaf.outside() > 0 => {
                let link = leaf.stored(index).outside();
                link.map(|link| self.source.value(link)).transpose()
            }
            _ => Ok(None),
        }
    }

    /// Moves to the first entry at or after `key`.
    pub(crate) fn seek(&mut self, key: &[u8]) -> Result<bool> {
        let (Ok(index) | Err(index)) = match self.descend_to(key)? {
            Some(leaf) => leaf.search(key),
            None => return Ok(false),
        };
        self.enter(index)
    }

    /// Moves to the last entry at or before `key`, or strictly before it.
    pub(crate) fn seek_back(&mut self, key: &[u8], or_at: bool) -> Result<bool> {
        let found = match self.descend_to(key)? {
            Some(leaf) => leaf.search(key),
            None => return Ok(false),
        };
        match found {
            Ok(index) if or_at => self.enter(index),
            Ok(index) | Err(index) => {
                self.set_index(index);
                self.prev()
            }
        }
    }

    /// Goes through all entries in order; it stands on each of them when that is visited.
    pub(crate) fn visit_all(
        mut self,
        mut visit: impl FnMut(&Self, NodeView<'_>, usize) -> Result<()>,
    ) -> Result<()> {
        let mut found = self.first()?;
        while found {
            if let Some((leaf, index)) = self.entry() {
                visit(&self, leaf, index)?;
            }
            found = self.next()?;
        }
        Ok(())
    }

    pub(crate) fn first(&mut self) -> Result<bool> {
        self.path.clear();
        match self.tree.top() {
            Some((root, level)) => self.descend(root, level, |_| 0),
            None => Ok(false),
        }
    }

    pub(crate) fn last(&mut self) -> Result<bool> {
        self.path.clear();
        match self.tree.top() {
            Some((root, level)) => self.descend(root, level, |node| node.count() - 1),
            None => Ok(false),
        }
    }

    /// Moves to the next entry; past the last one the cursor stands nowhere.
    #[inline]
    pub(crate) fn next(&mut self) -> Result<bool> {
        match self.path.last_mut() {
            Some((leaf, index)) if *index + 1 < leaf.view().count() => {
                *index += 1;
                Ok(true)
            }
            Some(_) => self.next_leaf(),
            None => Ok(false),
        }
    }

    /// Moves to the entry before; before the first one the cursor stands nowhere.
    pub(crate) fn prev(&mut self) -> Result<bool> {
        match self.path.last_mut() {
            Some((_, index)) if *index > 0 => {
                *index -= 1;
                Ok(true)
            }
            Some(_) => self.prev_leaf(),
            None => Ok(false),
        }
    }

    fn next_leaf(&mut self) -> Result<bool> {
        while let Some((node, index)) = self.path.pop() {
            let branch = node.view();
            if !branch.is_leaf() && index + 1 < branch.count() {
                let (child, level) = (branch.child(index + 1), branch.level() - 1);
                self.path.push((node, index + 1));
                return self.descend(child, level, |_| 0);
            }
        }
        Ok(false)
    }

    fn prev_leaf(&mut self) -> Result<bool> {
        while let Some((node, index)) = self.path.pop() {
            let branch = node.view();
            if !branch.is_leaf() && index > 0 {
                let (child, level) = (branch.child(index - 1), branch.level() - 1);
                self.path.push((node, index - 1));
                return self.descend(child, level, |node| node.count() - 1);
            }
        }
        Ok(false)
    }

    /// Walks down to the leaf where `key` belongs; its index is left to be set.
    fn descend_to(&mut self, key: &[u8]) -> Result<Option<NodeView<'_>>> {
        self.path.clear();
        let Some((root, level)) = self.tree.top() else { return Ok(None) };
        let pick = |node: NodeView<'_>| if node.is_leaf() { 0 } else { node.child_index(key) };
        self.descend(root, level, pick)?;
        Ok(self.entry().map(|(leaf, _)| leaf))
    }

    /// Walks from a node down to a leaf, taking in each node the record that `pick` names.
    fn descend(
        &mut self,
        mut link: Link,
        mut level: usize,
        pick: impl Fn(NodeView<'_>) -> usize,
    ) -> Result<bool> {
        loop {
            let node = match self.source.node(link, level) {
                Ok(node) => node,
                Err(error) => {
                    self.path.clear();
                    return Err(error);
                }
            };
            let index = pick(node.view());
            if level > 0 {
                link = node.view().child(index);
            }
            self.path.push((node, index));
            if level == 0 {
                return Ok(true);
            }
            level -= 1;
        }
    }

    /// Stands on another entry of the same leaf.
    pub(crate) fn set_index(&mut self, index: usize) {
        if let Some(last) = self.path.last_mut() {
            last.1 = index;
        }
    }

    /// Stands on a record of the leaf, or on the next leaf's first if it is past the end.
    fn enter(&mut self, index: usize) -> Result<bool> {
        self.set_index(index);
        match self.entry() {
            Some((leaf, index)) if index >= leaf.count() => self.next_leaf(),
            entry => Ok(entry.is_some()),
        }
    }
}
