//! Whether a range of keys differs between two states of a tree.
//!
//! What both states share is skipped without being read, so the cost follows what was changed in
//! and around the range, not the size of the range.

use std::cmp::Ordering;

use super::{KeyRange, Tree};
use crate::{
    error::Result,
    node::{Link, NodeView, Source},
};

/// The first key of a range that one state has and the other has not, or has with another version.
pub(crate) fn first_change(
    (source_a, a): (Source<'_>, &Tree),
    (source_b, b): (Source<'_>, &Tree),
    range: &KeyRange,
) -> Result<Option<Vec<u8>>> {
    if range.is_empty() {
        return Ok(None);
    }
    let part = Part { start: &range.start, end: range.end.as_deref() };
    match (a.top(), b.top()) {
        (Some(a), Some(b)) => Diff { source_a, source_b }.nodes(a, b, part),
        (Some(_), None) => first_key(source_a, a, part),
        (None, Some(_)) => first_key(source_b, b, part),
        (None, None) => Ok(None),
    }
}

fn first_key(source: Source<'_>, tree: &Tree, part: Part<'_>) -> Result<Option<Vec<u8>>> {
    let mut cursor = super::TreeCursor::new(source, *tree);
    cursor.seek(part.start)?;
    let key = cursor.entry().map(|(leaf, index)| leaf.key(index));
    Ok(key.filter(|key| part.is_before_end(key)))
}

/// A part of the range: from `start` up to but without `end`.
#[derive(Clone, Copy)]
struct Part<'k> {
    start: &'k [u8],
    end: Option<&'k [u8]>,
}

impl Part<'_> {
    fn is_before_end(&self, key: &[u8]) -> bool {
        self.end.is_none_or(|end| key < end)
    }
}

struct Diff<'a, 'b> {
    source_a: Source<'a>,
    source_b: Source<'b>,
}

type Placed = (Link, usize);

impl Diff<'_, '_> {
    /// Compares two nodes, each with its level, within a part of the range that both cover.
    fn nodes(&self, a: Placed, b: Placed, part: Part<'_>) -> Result<Option<Vec<u8>>> {
        if a.0.same(b.0) {
            return Ok(None);
        }
        if a.1 == 0 && b.1 == 0 {
            let (a, b) = (self.source_a.node(a.0, 0)?, self.source_b.node(b.0, 0)?);
            return Ok(leaves(a.view(), b.view(), part));
        }
        // The taller one is opened; each child then meets the other within its own part.
        if a.1 >= b.1 {
            let node = self.source_a.node(a.0, a.1)?;
            children(node.view(), part, |child, part| self.nodes((child, a.1 - 1), b, part))
        } else {
            let node = self.source_b.node(b.0, b.1)?;
            children(node.view(), part, |child, part| self.nodes(a, (child, b.1 - 1), part))
        }
    }
}

/// Calls `visit` for each child of a branch that overlaps a part, with the overlap.
fn children(
    node: NodeView<'_>,
    part: Part<'_>,
    mut visit: impl FnMut(Link, Part<'_>) -> Result<Option<Vec<u8>>>,
) -> Result<Option<Vec<u8>>> {
    let first = node.child_index(part.start);
    let mut start = part.start.to_vec();
    for index in first..node.count() {
        let next = (index + 1 < node.count()).then(|| node.key(index + 1));
        let next = next.filter(|key| part.is_before_end(key));
        let end = next.as_deref().or(part.end);
        if let Some(key) = visit(node.child(index), Part { start: &start, end })? {
            return Ok(Some(key));
        }
        match next {
            Some(key) => start = key,
            None => break,
        }
    }
    Ok(None)
}

fn leaves(a: NodeView<'_>, b: NodeView<'_>, part: Part<'_>) -> Option<Vec<u8>> {
    let (Ok(mut i) | Err(mut i)) = a.search(part.start);
    let (Ok(mut j) | Err(mut j)) = b.search(part.start);
    let key_at = |leaf: NodeView<'_>, index: usize| {
        (index < leaf.count()).then(|| leaf.key(index)).filter(|key| part.is_before_end(key))
    };
    loop {
        match (key_at(a, i), key_at(b, j)) {
            (None, None) => return None,
            (Some(key), None) | (None, Some(key)) => return Some(key),
            (Some(key), Some(other)) => match key.cmp(&other) {
                Ordering::Less => return Some(key),
                Ordering::Greater => return Some(other),
                Ordering::Equal if a.version(i) != b.version(j) => return Some(key),
                Ordering::Equal => (i, j) = (i + 1, j + 1),
            },
        }
    }
}
