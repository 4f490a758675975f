//! Laying out records as a new image.

use super::{
    layout::{
        BRANCH, BRANCH_FIXED, HEADER_LEN, HINTS, HINTS_FROM, LEAF, LEAF_FIXED, OUTSIDE, SLOT_LEN,
        at, get_u16, get_u32, head, hinted, put_u16, put_u32, put_u64,
    },
    link::{LINK_LEN, Link},
    view::NodeView,
};

/// A record of a node: a key in two parts (so that none is joined only to be cut again) and what
/// it stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Record<'a> {
    pub(crate) prefix: &'a [u8],
    pub(crate) suffix: &'a [u8],
    pub(crate) payload: Payload<'a>,
}

/// What a record stands for.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Payload<'a> {
    /// A leaf's entry: the log position of its last writer, and its value.
    Entry { version: u64, value: Stored<'a> },
    /// A branch's child, and the number of entries below it.
    Child { link: Link, entries: u64 },
}

/// A value in a leaf.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Stored<'a> {
    Inline(&'a [u8]),
    /// Too long for a leaf.
    Outside(Link),
}

impl Stored<'_> {
    fn len(self) -> usize {
        match self {
            Self::Inline(value) => value.len(),
            Self::Outside(_) => LINK_LEN,
        }
    }

    /// Where the value stands, if not in its leaf.
    #[inline]
    pub(crate) fn outside(self) -> Option<Link> {
        match self {
            Self::Inline(_) => None,
            Self::Outside(link) => Some(link),
        }
    }
}

impl Record<'_> {
    pub(crate) fn key_len(&self) -> usize {
        self.prefix.len() + self.suffix.len()
    }

    /// The whole key.
    pub(crate) fn key(&self) -> Vec<u8> {
        [self.prefix, self.suffix].concat()
    }

    /// Whether the key is below that of another record.
    pub(crate) fn is_below(&self, other: &Record<'_>) -> bool {
        if self.prefix == other.prefix {
            return self.suffix < other.suffix;
        }
        self.key_bytes().lt(other.key_bytes())
    }

    fn key_bytes(&self) -> impl Iterator<Item = u8> {
        self.prefix.iter().chain(self.suffix).copied()
    }

    /// Copies the key, less its first `skip` bytes, into `out`, which has just that length.
    fn copy_key(&self, skip: usize, out: &mut [u8]) {
        let prefix = self.prefix.get(skip..).unwrap_or_default();
        let suffix = &self.suffix[skip.saturating_sub(self.prefix.len())..];
        let (front, back) = out.split_at_mut(prefix.len());
        front.copy_from_slice(prefix);
        back.copy_from_slice(suffix);
    }

    fn is_outside(&self) -> bool {
        matches!(self.payload, Payload::Entry { value, .. } if value.outside().is_some())
    }

    fn payload_len(&self) -> usize {
        match self.payload {
            Payload::Entry { value, .. } => LEAF_FIXED + value.len(),
            Payload::Child { .. } => BRANCH_FIXED,
        }
    }
}

/// Length of the prefix that the keys of an ascending run of records share.
pub(crate) fn common_prefix(records: &[Record<'_>]) -> usize {
    match (records.first(), records.last()) {
        (Some(first), Some(last)) => {
            first.key_bytes().zip(last.key_bytes()).take_while(|(a, b)| a == b).count()
        }
        _ => 0,
    }
}

/// Bytes a record takes in a node whose prefix has `shared` bytes.
pub(crate) fn cost(record: &Record<'_>, shared: usize) -> usize {
    SLOT_LEN + record.payload_len() + record.key_len() - shared.min(record.key_len())
}

/// Bytes a node takes beside its records and their keys.
pub(crate) const NODE_OVERHEAD: usize = HEADER_LEN;

/// Lays out ascending records as one image of at least `len_min` bytes.
///
/// The key of a branch's first record is dropped: it stands for everything below the second.
pub(crate) fn lay_out(level: usize, records: &[Record<'_>], len_min: usize) -> Vec<u8> {
    let keyed = if level == 0 { records } else { records.get(1..).unwrap_or_default() };
    let prefix_len = common_prefix(keyed);
    let mut used = NODE_OVERHEAD + prefix_len;
    used += keyed.iter().map(|record| cost(record, prefix_len)).sum::<usize>();
    used += records.len().saturating_sub(keyed.len()) * (SLOT_LEN + BRANCH_FIXED);

    let mut image = vec![0; used.max(len_min)];
    image[at::KIND] = if level == 0 { LEAF } else { BRANCH };
    image[at::LEVEL] = u8::try_from(level).expect("a tree has at most HEIGHT_MAX levels");
    put_u16(&mut image, at::COUNT, records.len());
    put_u16(&mut image, at::PREFIX_LEN, prefix_len);
    if let Some(record) = keyed.first() {
        let mut key = record.key();
        key.truncate(prefix_len);
        image[HEADER_LEN..HEADER_LEN + prefix_len].copy_from_slice(&key);
    }
    put_u16(&mut image, at::OUTSIDE, records.iter().filter(|record| record.is_outside()).count());
    let base = base_version(records);
    put_u64(&mut image, at::BASE, base);

    let slots = HEADER_LEN + prefix_len;
    let mut heap = image.len();
    for (index, record) in records.iter().enumerate().rev() {
        let skip = if level > 0 && index == 0 { record.key_len() } else { prefix_len };
        heap = put_record(&mut image, heap, record, skip, base);
        put_slot(&mut image, slots + index * SLOT_LEN, heap, record.key_len() - skip);
    }
    put_u16(&mut image, at::HEAP, heap);
    refresh_hints(&mut image);
    image
}

/// The same records in the least space, with other links where `relink` gives others.
pub(crate) fn relay(node: NodeView<'_>, mut relink: impl FnMut(Link) -> Link) -> Vec<u8> {
    let mut records: Vec<_> = node.records().collect();
    for record in &mut records {
        match &mut record.payload {
            Payload::Entry { value: Stored::Outside(link), .. } | Payload::Child { link, .. } => {
                *link = relink(*link);
            }
            Payload::Entry { .. } => {}
        }
    }
    lay_out(node.level(), &records, 0)
}

/// The position that a leaf's versions count from: the oldest one, as far as 32 bits reach.
///
/// Versions further back than that are taken for newer than they are, which can only make a
/// transaction fail that was open for four thousand million batches.
fn base_version(records: &[Record<'_>]) -> u64 {
    let versions = records.iter().filter_map(|record| match record.payload {
        Payload::Entry { version, .. } => Some(version),
        Payload::Child { .. } => None,
    });
    let (oldest, newest) = versions.fold((u64::MAX, 0), |(a, b), v| (a.min(v), b.max(v)));
    oldest.min(newest).max(newest.saturating_sub(u64::from(u32::MAX)))
}

/// Puts a record below `heap` and returns where it begins.
fn put_record(image: &mut [u8], heap: usize, record: &Record<'_>, skip: usize, base: u64) -> usize {
    let suffix_len = record.key_len() - skip;
    let start = heap - record.payload_len() - suffix_len;
    let suffix = match record.payload {
        Payload::Entry { version, value } => {
            let delta = u32::try_from(version.saturating_sub(base)).unwrap_or(u32::MAX);
            put_entry(&mut image[start..heap], delta, suffix_len, value);
            start + LEAF_FIXED
        }
        Payload::Child { link, entries } => {
            put_child(&mut image[start..heap], link, entries);
            start + BRANCH_FIXED
        }
    };
    record.copy_key(skip, &mut image[suffix..suffix + suffix_len]);
    start
}

/// Fills a leaf's record, except for its suffix.
pub(super) fn put_entry(record: &mut [u8], delta: u32, suffix_len: usize, value: Stored<'_>) {
    put_u32(record, 0, delta);
    let at = LEAF_FIXED + suffix_len;
    match value {
        Stored::Inline(bytes) => {
            put_u16(record, 4, bytes.len());
            record[at..at + bytes.len()].copy_from_slice(bytes);
        }
        Stored::Outside(link) => {
            put_u16(record, 4, usize::from(OUTSIDE));
            record[at..at + LINK_LEN].copy_from_slice(&link.encode());
        }
    }
}

/// Fills a branch's record, except for its suffix.
pub(super) fn put_child(record: &mut [u8], link: Link, entries: u64) {
    record[..LINK_LEN].copy_from_slice(&link.encode());
    put_u64(record, LINK_LEN, entries);
}

/// Fills the slot of a record that begins at `offset`.
pub(super) fn put_slot(image: &mut [u8], slot: usize, offset: usize, suffix_len: usize) {
    let fixed = if image[at::KIND] == LEAF { LEAF_FIXED } else { BRANCH_FIXED };
    let suffix = offset + fixed;
    let head = head(&image[suffix..suffix + suffix_len]);
    put_u16(image, slot, offset);
    put_u16(image, slot + 2, suffix_len);
    put_u32(image, slot + 4, head);
}

/// Takes the hints anew from the slots.
pub(super) fn refresh_hints(image: &mut [u8]) {
    let count = get_u16(image, at::COUNT);
    if count < HINTS_FROM {
        return;
    }
    let slots = HEADER_LEN + get_u16(image, at::PREFIX_LEN);
    for index in 0..HINTS {
        let head = get_u32(image, slots + hinted(index, count) * SLOT_LEN + 4);
        put_u32(image, at::HINTS + 4 * index, head);
    }
}
