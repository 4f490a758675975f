//! How records share nodes: splitting, merging, evening out.
//!
//! Nodes that overflowed are evened out together with a neighbour (the B*-tree of Knuth, "The Art
//! of Computer Programming" 6.2.4): two full nodes become three that are two thirds full, or, if
//! the neighbour had room, stay two. Random inserts thus fill about four fifths of the space.
//! Nodes that fell below half are merged with a neighbour where both fit into one. What is
//! appended at the end of a tree fills its nodes to the brim, since nothing will come between.

use std::ops::Range;

use super::edit::{Child, Editor};
use crate::{
    error::Result,
    limit::NODE_RECORDS_MIN,
    node::{Link, NODE_OVERHEAD, NodeView, Payload, Record, Source, common_prefix, cost, lay_out},
};

/// How much of a node is filled.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fill {
    /// Records are spread evenly over the least number of nodes that leaves each some room.
    Even,
    /// One node after another is filled up.
    Full,
}

/// Lays out records as nodes of the tree, each with the separator that tells it from the one
/// before; the first one's is left empty.
pub(super) fn pack(
    editor: &mut Editor<'_>,
    level: usize,
    records: &[Record<'_>],
    node_size: usize,
    fill: Fill,
) -> Vec<Child> {
    let parts = partition(level, records, node_size, fill);
    let uneven = parts.len() > 1 && fill == Fill::Even;
    parts
        .into_iter()
        .map(|part| {
            let separator = separator(level, records, part.start);
            let records = &records[part];
            let link = editor.make(lay_out(level, records, node_size));
            Child { separator, link, entries: entries(records), uneven }
        })
        .collect()
}

pub(super) fn entries(records: &[Record<'_>]) -> u64 {
    let entries = |record: &Record<'_>| match record.payload {
        Payload::Entry { .. } => 1,
        Payload::Child { entries, .. } => entries,
    };
    // What a damaged count says may be anything.
    records.iter().map(entries).fold(0, u64::saturating_add)
}

/// The shortest key that tells the records before `index` from the others.
///
/// Between branches it is the key of the record itself, which was such a key already.
pub(super) fn separator(level: usize, records: &[Record<'_>], index: usize) -> Vec<u8> {
    if index == 0 {
        return Vec::new();
    }
    let mut key = records[index].key();
    if level == 0 {
        let shared = common_prefix(&records[index - 1..=index]);
        key.truncate(shared + 1);
    }
    key
}

/// Which records go into one node each.
fn partition(
    level: usize,
    records: &[Record<'_>],
    node_size: usize,
    fill: Fill,
) -> Vec<Range<usize>> {
    let shared = common_prefix(if level == 0 { records } else { records.get(1..).unwrap_or(&[]) });
    // Keys longer than a node may share more than it has room for.
    let room = node_size.saturating_sub(NODE_OVERHEAD + shared).max(node_size / 4);
    let costs = records.iter().map(|record| cost(record, shared));
    let total: usize = costs.clone().sum();
    let most = (records.len() / NODE_RECORDS_MIN).max(1);
    if records.is_empty() {
        return Vec::new();
    }
    if total <= room || most == 1 {
        return std::iter::once(0..records.len()).collect();
    }
    match fill {
        Fill::Full => {
            cut(costs, |used, next, count| used + next > room && count >= NODE_RECORDS_MIN)
        }
        Fill::Even => {
            let nodes = total.div_ceil(room - room / 16).clamp(2, most);
            let target = total.div_ceil(nodes);
            cut(costs, |used, next, count| used + next / 2 > target && count >= NODE_RECORDS_MIN)
        }
    }
}

/// Cuts a run before each record for which `full` holds, given the costs of those since the last
/// cut, of the record, and their number.
fn cut(
    costs: impl Iterator<Item = usize>,
    full: impl Fn(usize, usize, usize) -> bool,
) -> Vec<Range<usize>> {
    let mut parts = Vec::new();
    let (mut start, mut used, mut end) = (0, 0, 0);
    for cost in costs {
        if end > start && full(used, cost, end - start) {
            parts.push(start..end);
            (start, used) = (end, 0);
        }
        used += cost;
        end += 1;
    }
    // A branch with one child would be a level for nothing.
    match parts.last_mut() {
        Some(last) if end - start < NODE_RECORDS_MIN => last.end = end,
        _ => parts.push(start..end),
    }
    parts
}

/// Whether a child of a branch fits into one node with the one before or after it.
pub(super) fn can_merge(
    source: Source<'_>,
    branch: NodeView<'_>,
    index: usize,
    node_size: usize,
) -> Result<bool> {
    let level = branch.level() - 1;
    let used = |index: usize| -> Result<usize> {
        Ok(source.node(branch.child(index), level)?.view().used())
    };
    let here = used(index)?;
    let before = if index > 0 { here + used(index - 1)? } else { usize::MAX };
    let after = if index + 1 < branch.count() { here + used(index + 1)? } else { usize::MAX };
    Ok(before.min(after) <= merge_limit(node_size))
}

/// Two nodes are merged if together they leave a little room, so that the next insert does not
/// split them again.
fn merge_limit(node_size: usize) -> usize {
    node_size - node_size / 8
}

/// Evens out the children marked uneven, each run of them with one neighbour.
pub(super) fn even_out(
    editor: &mut Editor<'_>,
    children: &mut Vec<Child>,
    level: usize,
    node_size: usize,
) -> Result<()> {
    let mut at = 0;
    while let Some(start) = children[at..].iter().position(|child| child.uneven) {
        let start = at + start;
        let run = children[start..].iter().take_while(|child| child.uneven).count();
        let window = widen(editor.source, children, start..start + run, level)?;
        at = window.end;
        let joined = (window.len() > 1)
            .then(|| repack(editor, &children[window.clone()], level, node_size))
            .transpose()?;
        if let Some(nodes) = joined {
            at = window.start + nodes.len();
            children.splice(window, nodes);
        }
    }
    Ok(())
}

/// A run of children and the emptier one of its two neighbours.
fn widen(
    source: Source<'_>,
    children: &[Child],
    run: Range<usize>,
    level: usize,
) -> Result<Range<usize>> {
    let used = |index: Option<usize>| -> Result<Option<usize>> {
        let child = index.and_then(|index| children.get(index));
        child.map(|child| Ok(source.node(child.link, level)?.view().used())).transpose()
    };
    Ok(match (used(run.start.checked_sub(1))?, used(Some(run.end))?) {
        (Some(before), Some(after)) if before > after => run.start..run.end + 1,
        (None, Some(_)) => run.start..run.end + 1,
        (Some(_), _) => run.start - 1..run.end,
        (None, None) => run,
    })
}

/// Lays out the records of neighbouring nodes anew.
fn repack(
    editor: &mut Editor<'_>,
    window: &[Child],
    level: usize,
    node_size: usize,
) -> Result<Vec<Child>> {
    let source = editor.source;
    let nodes: Vec<_> =
        window.iter().map(|child| source.node(child.link, level)).collect::<Result<_>>()?;
    let mut records = Vec::new();
    for (child, node) in window.iter().zip(&nodes) {
        let first = records.len();
        records.extend(node.view().records());
        if level > 0 {
            // The image does not hold its first key; the parent does.
            let record: &mut Record<'_> = &mut records[first];
            record.suffix = &child.separator;
        }
    }
    if !records.is_sorted_by(Record::is_below) {
        return Err(source.damaged(window[0].link, "a node whose keys belong elsewhere"));
    }
    let mut nodes = pack(editor, level, &records, node_size, Fill::Even);
    for node in &mut nodes {
        node.uneven = false;
    }
    if let Some(first) = nodes.first_mut() {
        first.separator.clone_from(&window[0].separator);
    }
    let old: Vec<Link> = window.iter().map(|child| child.link).collect();
    drop(records);
    for link in old {
        editor.retire(link);
    }
    Ok(nodes)
}
