//! Building a tree from sorted entries, straight into segments: every node is written once, full.

use std::sync::Arc;

use super::range::successor;
use crate::{
    delta::{Graft, NewSegment},
    error::{Error, Result},
    id::Address,
    limit::{INLINE_VALUE_DIVISOR, NODE_RECORDS_MIN},
    node::{Link, NODE_OVERHEAD, Payload, Record, Segment, SegmentSink, Stored, cost, lay_out},
};

/// Takes entries in ascending order and writes the nodes of a tree.
#[derive(Debug)]
pub(crate) struct Loader {
    sink: SegmentSink,
    node_size: usize,
    /// Log position that the entries carry: older than any transaction that could meet them.
    position: u64,
    levels: Vec<Level>,
    entries: u64,
    last_key: Option<Vec<u8>>,
}

/// The node of one level that is being filled.
#[derive(Debug, Default)]
struct Level {
    /// Not above any key in the node, and above all keys before it.
    separator: Vec<u8>,
    keys: Vec<u8>,
    values: Vec<u8>,
    items: Vec<Item>,
    /// Cost of all items with whole keys.
    used: usize,
}

#[derive(Clone, Copy, Debug)]
struct Item {
    key: (usize, usize),
    content: ItemContent,
}

#[derive(Clone, Copy, Debug)]
enum ItemContent {
    Inline(usize, usize),
    Outside(Address),
    Child(Address, u64),
}

impl Loader {
    pub(crate) fn new(sink: SegmentSink, node_size: usize, position: u64) -> Self {
        let (levels, entries, last_key) = (Vec::new(), 0, None);
        Self { sink, node_size, position, levels, entries, last_key }
    }

    /// Adds an entry; its key must be above all before.
    pub(crate) fn add(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        if self.last_key.as_deref().is_some_and(|last| key <= last) {
            let message = "entries to load must be in strictly ascending order of their keys";
            return Err(Error::Invalid(message.into()));
        }
        if value.len() > self.node_size / INLINE_VALUE_DIVISOR {
            let address = self.sink.add_value(value)?;
            self.push(0, key, ItemContent::Outside(address), &[])?;
        } else {
            self.push(0, key, ItemContent::Inline(0, 0), value)?;
        }
        self.entries += 1;
        let last = self.last_key.get_or_insert_default();
        last.clear();
        last.extend_from_slice(key);
        Ok(())
    }

    pub(crate) fn entries(&self) -> u64 {
        self.entries
    }

    fn push(&mut self, level: usize, key: &[u8], content: ItemContent, value: &[u8]) -> Result<()> {
        if self.levels.len() == level {
            self.levels.push(Level { separator: key.to_vec(), ..Level::default() });
        }
        if !self.levels[level].has_room(key, value.len(), content, self.node_size) {
            let separator = match &self.last_key {
                Some(last) if level == 0 => shortest_between(last, key),
                _ => key.to_vec(),
            };
            self.close(level)?;
            self.levels[level].separator = separator;
        }
        self.levels[level].push(key, content, value);
        Ok(())
    }

    /// Writes the node being filled and links to it one level up.
    fn close(&mut self, level: usize) -> Result<()> {
        let (address, entries) = self.write(level)?;
        let separator = std::mem::take(&mut self.levels[level].separator);
        self.levels[level].clear();
        self.push(level + 1, &separator, ItemContent::Child(address, entries), &[])
    }

    fn write(&mut self, level: usize) -> Result<(Address, u64)> {
        let filled = &self.levels[level];
        let records: Vec<_> = filled.records(self.position).collect();
        let image = lay_out(level, &records, 0);
        let entries = super::balance::entries(&records);
        Ok((self.sink.add(&image)?, entries))
    }

    /// Writes what is left; gives the tree as a delta carries it, or none if nothing was added.
    pub(crate) fn finish(mut self) -> Result<Option<(Graft, Vec<Arc<Segment>>)>> {
        if self.levels.is_empty() {
            return Ok(None);
        }
        let mut level = 0;
        // Closing a level may fill the one above and begin another above that.
        while level + 1 < self.levels.len() {
            self.close(level)?;
            level += 1;
        }
        let (root, entries) = self.write(level)?;
        let levels = u8::try_from(level + 1).expect("a tree has at most HEIGHT_MAX levels");
        let node_size = u32::try_from(self.node_size).expect("node sizes are small");
        let files = self.sink.finish()?;
        let segment = |(file, values): &(Arc<Segment>, bool)| NewSegment {
            id: file.id(),
            len: file.len(),
            values: *values,
        };
        let segments = files.iter().map(segment).collect();
        let files = files.into_iter().map(|(file, _)| file).collect();
        let graft = Graft { node_size, root, levels, entries, segments };
        Ok(Some((graft, files)))
    }
}

impl Level {
    fn item_record<'a>(&'a self, item: &Item, position: u64) -> Record<'a> {
        let payload = match item.content {
            ItemContent::Inline(start, end) => {
                let value = Stored::Inline(&self.values[start..end]);
                Payload::Entry { version: position, value }
            }
            ItemContent::Outside(address) => {
                let value = Stored::Outside(Link::Disk(address));
                Payload::Entry { version: position, value }
            }
            ItemContent::Child(address, entries) => {
                Payload::Child { link: Link::Disk(address), entries }
            }
        };
        Record { prefix: &[], suffix: &self.keys[item.key.0..item.key.1], payload }
    }

    fn records(&self, position: u64) -> impl Iterator<Item = Record<'_>> {
        self.items.iter().map(move |item| self.item_record(item, position))
    }

    /// Whether one more item fits, with the prefix that all keys would then share.
    fn has_room(
        &self,
        key: &[u8],
        value_len: usize,
        content: ItemContent,
        node_size: usize,
    ) -> bool {
        let Some(first) = self.items.first() else { return true };
        if self.items.len() < NODE_RECORDS_MIN {
            return true;
        }
        // A branch's first key is dropped, so it neither counts nor shortens the prefix.
        let branch = matches!(content, ItemContent::Child(..));
        let first = if branch { self.items[1] } else { *first };
        let first = &self.keys[first.key.0..first.key.1];
        let shared = first.iter().zip(key).take_while(|(a, b)| a == b).count();
        let item = Item { key: (0, 0), content };
        let fixed = cost(&self.item_record(&item, 0), 0) + value_len;
        let keyed = self.items.len() + usize::from(!branch);
        let used = NODE_OVERHEAD + shared + self.used + fixed + key.len() - keyed * shared;
        used <= node_size
    }

    fn push(&mut self, key: &[u8], content: ItemContent, value: &[u8]) {
        let start = self.keys.len();
        self.keys.extend_from_slice(key);
        let content = match content {
            ItemContent::Inline(..) => {
                let at = self.values.len();
                self.values.extend_from_slice(value);
                ItemContent::Inline(at, self.values.len())
            }
            other => other,
        };
        let item = Item { key: (start, self.keys.len()), content };
        let dropped = matches!(content, ItemContent::Child(..)) && self.items.is_empty();
        let skip = if dropped { key.len() } else { 0 };
        self.used += cost(&self.item_record(&item, 0), skip);
        self.items.push(item);
    }

    fn clear(&mut self) {
        self.keys.clear();
        self.values.clear();
        self.items.clear();
        self.used = 0;
    }
}

/// The shortest key above `below` and not above `above`.
fn shortest_between(below: &[u8], above: &[u8]) -> Vec<u8> {
    let shared = below.iter().zip(above).take_while(|(a, b)| a == b).count();
    above.get(..=shared).map_or_else(|| successor(below), <[u8]>::to_vec)
}
