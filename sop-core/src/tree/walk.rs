//! Everything once: statistics, checks, and finding what stands in given segments.

use super::Tree;
use crate::{
    error::Result,
    id::SegmentId,
    node::{Link, Node, NodeView, Source},
};

/// A node or an outside value, met on a walk.
#[derive(Clone, Copy, Debug)]
enum Content<'v> {
    Node(NodeView<'v>),
    Value(&'v [u8]),
}

/// Ends walks through trees that no engine wrote, in which many links lead to the same node: the
/// nodes seen on the way would be without number.
#[derive(Debug)]
pub(super) struct Places<'v> {
    source: Source<'v>,
    left: u64,
}

impl<'v> Places<'v> {
    pub(super) fn new(source: Source<'v>) -> Self {
        Self { source, left: source.places() }
    }

    /// The node that a link names, unless more have been met than there is room for.
    pub(super) fn node(&mut self, link: Link, level: usize) -> Result<Node<'v>> {
        if let Link::Disk(_) = link {
            let reason = "a tree with more nodes than there are";
            let left = self.left.checked_sub(1);
            self.left = left.ok_or_else(|| self.source.damaged(link, reason))?;
        }
        self.source.node(link, level)
    }
}

/// Visits every node and outside value, parents before children, in key order.
fn visit(
    source: Source<'_>,
    tree: &Tree,
    act: &mut impl FnMut(Content<'_>) -> Result<()>,
) -> Result<()> {
    match tree.top() {
        Some((root, level)) => visit_node(&mut Places::new(source), root, level, act),
        None => Ok(()),
    }
}

fn visit_node(
    places: &mut Places<'_>,
    link: Link,
    level: usize,
    act: &mut impl FnMut(Content<'_>) -> Result<()>,
) -> Result<()> {
    let node = places.node(link, level)?;
    act(Content::Node(node.view()))?;
    for link in node.view().links() {
        if level > 0 {
            visit_node(places, link, level - 1, act)?;
        } else {
            act(Content::Value(places.source.value(link)?.bytes()))?;
        }
    }
    Ok(())
}

/// What a store takes and how well its nodes are filled.
#[derive(Clone, Debug, Default, PartialEq)]
#[non_exhaustive]
pub struct StoreStats {
    /// Entries in the store.
    pub entries: u64,
    /// Levels of nodes.
    pub height: u32,
    /// Number of leaves.
    pub leaf_nodes: u64,
    /// Number of nodes above the leaves.
    pub branch_nodes: u64,
    /// Number of values too long for a leaf.
    pub overflow_values: u64,
    /// Bytes in use in leaves.
    pub leaf_used_bytes: u64,
    /// Bytes that all leaves together have room for: their number times the node size.
    pub leaf_bytes: u64,
    /// Bytes in use in nodes of all levels.
    pub used_bytes: u64,
    /// Bytes of values too long for a leaf.
    pub overflow_bytes: u64,
}

impl StoreStats {
    /// Part of the leaves' room that is in use, from 0 to 1; 1 for an empty store.
    #[expect(clippy::cast_precision_loss, reason = "a ratio for people to read")]
    pub fn utilisation(&self) -> f64 {
        if self.leaf_bytes == 0 {
            return 1.0;
        }
        (self.leaf_used_bytes as f64 / self.leaf_bytes as f64).min(1.0)
    }
}

pub(crate) fn stats(source: Source<'_>, tree: &Tree) -> Result<StoreStats> {
    let height = u32::try_from(tree.levels).unwrap_or(u32::MAX);
    let mut stats = StoreStats { entries: tree.entries, height, ..StoreStats::default() };
    visit(source, tree, &mut |content| {
        match content {
            Content::Value(value) => {
                stats.overflow_values += 1;
                stats.overflow_bytes += value.len() as u64;
            }
            Content::Node(node) => {
                let used = node.used() as u64;
                stats.used_bytes += used;
                if node.is_leaf() {
                    stats.leaf_nodes += 1;
                    stats.leaf_used_bytes += used;
                    stats.leaf_bytes += tree.node_size as u64;
                } else {
                    stats.branch_nodes += 1;
                }
            }
        }
        Ok(())
    })?;
    Ok(stats)
}

/// Keys under which something stands in one of the given segments, ascending: for a node its
/// first key, for a value its own. Leaves elsewhere are read only if `values` says so.
pub(crate) fn nodes_in(
    source: Source<'_>,
    tree: &Tree,
    segments: &[SegmentId],
    values: bool,
) -> Result<Vec<Vec<u8>>> {
    let inside = |link: Link| match link {
        Link::Disk(address) => segments.contains(&address.segment),
        Link::Memory(_) => false,
    };
    let mut keys = Vec::new();
    if let Some((root, level)) = tree.top() {
        let mut search =
            SearchIn { places: Places::new(source), values, inside: &inside, keys: &mut keys };
        search.node(root, level, &[])?;
    }
    keys.dedup();
    Ok(keys)
}

struct SearchIn<'v, 'a> {
    places: Places<'v>,
    values: bool,
    inside: &'a dyn Fn(Link) -> bool,
    keys: &'a mut Vec<Vec<u8>>,
}

impl SearchIn<'_, '_> {
    /// Looks at the node whose keys begin at `start`.
    fn node(&mut self, link: Link, level: usize, start: &[u8]) -> Result<()> {
        if (self.inside)(link) {
            self.keys.push(start.to_vec());
        }
        if level == 0 && !self.values {
            return Ok(());
        }
        let node = self.places.node(link, level)?;
        let node = node.view();
        for (index, link) in node.linking() {
            if level == 0 {
                if (self.inside)(link) {
                    self.keys.push(node.key(index));
                }
            } else if index == 0 {
                self.node(link, level - 1, start)?;
            } else {
                self.node(link, level - 1, &node.key(index))?;
            }
        }
        Ok(())
    }
}

/// What a check of a tree counted, and what it found wrong.
#[derive(Debug, Default)]
pub(crate) struct Checked {
    pub(crate) entries: u64,
    pub(crate) nodes: u64,
    pub(crate) problems: Vec<String>,
}

/// Checks order, separators, levels, counts and versions of a whole tree, reading every byte.
pub(crate) fn check(source: Source<'_>, tree: &Tree, position: u64) -> Checked {
    let mut check = Check { places: Places::new(source), position, done: Checked::default() };
    let entries = match tree.top() {
        Some((root, level)) => check.node(root, level, (&[], None)),
        None => 0,
    };
    if entries != tree.entries {
        check.problem(format!("the tree has {entries} entries, and should have {}", tree.entries));
    }
    check.done.entries = entries;
    check.done
}

/// The keys a node may hold: from the first on, up to but without the second.
type Bounds<'k> = (&'k [u8], Option<&'k [u8]>);

struct Check<'v> {
    places: Places<'v>,
    position: u64,
    done: Checked,
}

impl Check<'_> {
    fn problem(&mut self, problem: String) {
        self.done.problems.push(problem);
    }

    /// Checks a node and all below it; gives the number of entries found.
    fn node(&mut self, link: Link, level: usize, bounds: Bounds<'_>) -> u64 {
        let node = match self.places.node(link, level) {
            Ok(node) => node,
            Err(error) => {
                self.problem(error.to_string());
                return 0;
            }
        };
        let node = node.view();
        self.done.nodes += 1;
        // A branch's first record has no key of its own.
        let keyed = usize::from(level > 0);
        let keys: Vec<_> = (keyed..node.count()).map(|index| node.key(index)).collect();
        if !keys.is_sorted_by(|a, b| a < b) {
            self.problem(format!("{link:?}: its keys are out of order"));
        }
        let outside = |key: &Vec<u8>| {
            key.as_slice() < bounds.0 || bounds.1.is_some_and(|end| key.as_slice() >= end)
        };
        if keys.iter().any(outside) {
            self.problem(format!("{link:?}: a key that belongs elsewhere"));
        }
        if level == 0 { self.leaf(node) } else { self.branch(node, &keys, bounds) }
    }

    fn leaf(&mut self, node: NodeView<'_>) -> u64 {
        for index in 0..node.count() {
            if node.version(index) > self.position {
                self.problem(format!("an entry newer than the state: {:?}", node.key(index)));
            }
            // Every record is looked at, whatever the header says of them.
            if let Some(link) = node.stored(index).outside()
                && let Err(error) = self.places.source.value(link)
            {
                self.problem(error.to_string());
            }
        }
        node.count() as u64
    }

    fn branch(&mut self, node: NodeView<'_>, keys: &[Vec<u8>], bounds: Bounds<'_>) -> u64 {
        let mut entries = 0;
        for index in 0..node.count() {
            let start = index.checked_sub(1).map_or(bounds.0, |at| &keys[at]);
            let end = keys.get(index).map(Vec::as_slice).or(bounds.1);
            let found = self.node(node.child(index), node.level() - 1, (start, end));
            if found != node.entries(index) {
                let said = node.entries(index);
                self.problem(format!("a branch says {said} entries where there are {found}"));
            }
            entries += found;
        }
        entries
    }
}

#[cfg(test)]
mod tests {
    use std::{path::Path, sync::Arc};

    use super::*;
    use crate::{
        disk::{Disk, MemoryDisk},
        node::{Payload, Reading, Record, SegmentFolder, SegmentSink, Segments, Stored, lay_out},
    };

    /// Every node but the leaf links twice to the one below: a walk without bounds would meet more
    /// nodes than anybody can wait for.
    #[test]
    fn a_tree_in_which_links_meet_is_walked_in_bounded_time() -> Result<()> {
        const LEVELS: usize = 50;
        let disk = Arc::new(MemoryDisk::default());
        disk.create_dir_all(Path::new("seg")).expect("a disk in memory does not fail");
        let folder = SegmentFolder::new(disk, "seg".into(), [0; 16], SegmentId(1), Reading::Mapped);
        let mut sink = SegmentSink::new(Arc::new(folder));
        let value = Stored::Inline(b"value");
        let entry =
            Record { prefix: &[], suffix: b"key", payload: Payload::Entry { version: 1, value } };
        let mut below = sink.add(&lay_out(0, &[entry], 0))?;
        for level in 1..LEVELS {
            let payload = Payload::Child { link: Link::Disk(below), entries: 1 };
            let child = |suffix| Record { prefix: &[], suffix, payload };
            below = sink.add(&lay_out(level, &[child(b""), child(b"m")], 0))?;
        }
        let segments = sink.finish()?.into_iter().map(|(segment, _)| segment).collect();
        let segments = Segments::new(segments);
        let source = Source::new(&segments);
        let tree = Tree { root: Some(Link::Disk(below)), levels: LEVELS, ..Tree::empty(8192) };
        let checked = check(source, &tree, 1);
        assert!(
            checked.problems.iter().any(|problem| problem.contains("more nodes than there are"))
        );
        assert!(stats(source, &tree).is_err());
        assert!(nodes_in(source, &tree, &[SegmentId(1)], true).is_err());
        Ok(())
    }
}
