//! The manifest: what a checkpoint made durable, as data.

use crate::{
    codec::{Malformed, Reader, write},
    error::Result,
    id::{Address, Position, SegmentId, StoreId},
    limit::{COUNT_MAX, HEIGHT_MAX, NODE_SIZE_MAX, NODE_SIZE_MIN, NUMBER_END, SEGMENT_SPREAD_MAX},
    log::Mark,
    node::Link,
    tree::Tree,
};

/// Names everything that is live at one log position.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Manifest {
    /// One more than that of the manifest before.
    pub(crate) number: u64,
    /// Where the log goes on after it.
    pub(crate) log: Mark,
    pub(crate) next_store: StoreId,
    pub(crate) next_segment: SegmentId,
    pub(crate) trees: Vec<(StoreId, Tree)>,
    pub(crate) segments: Vec<SegmentInfo>,
}

/// A segment that some tree reads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SegmentInfo {
    pub(crate) id: SegmentId,
    /// Length of the file in bytes.
    pub(crate) len: u64,
    /// Bytes in it that something links to.
    pub(crate) live: u64,
    /// Whether values stand in it, or nodes only.
    pub(crate) values: bool,
}

impl Manifest {
    pub(crate) fn position(&self) -> Position {
        self.log.position
    }

    /// The body of the manifest's file. Trees in it must have no part in memory only.
    pub(crate) fn encode(&self, database: [u8; 16]) -> Vec<u8> {
        let mut out = Vec::new();
        write::put_bytes(&mut out, &database);
        write::put_u64(&mut out, self.number);
        write::put_u64(&mut out, self.log.position.0);
        write::put_u64(&mut out, self.log.sequence);
        write::put_u64(&mut out, self.log.offset);
        write::put_u64(&mut out, self.log.chain);
        write::put_u32(&mut out, self.next_store.0);
        write::put_u32(&mut out, self.next_segment.0);
        write::put_varint(&mut out, self.trees.len() as u64);
        for (store, tree) in &self.trees {
            write::put_u32(&mut out, store.0);
            write::put_u32(&mut out, u32::try_from(tree.node_size).unwrap_or(u32::MAX));
            write::put_u64(&mut out, tree.entries);
            let levels = u8::try_from(tree.levels).expect("a tree has at most HEIGHT_MAX levels");
            write::put_u8(&mut out, levels);
            if let Some(address) = tree.root.and_then(Link::address) {
                write::put_bytes(&mut out, &address.encode());
            }
        }
        write::put_varint(&mut out, self.segments.len() as u64);
        for segment in &self.segments {
            write::put_u32(&mut out, segment.id.0);
            write::put_u64(&mut out, segment.len);
            write::put_u64(&mut out, segment.live);
            write::put_u8(&mut out, u8::from(segment.values));
        }
        out
    }

    /// Reads what [`Self::encode`] wrote, with the database it belongs to.
    pub(crate) fn decode(body: &[u8]) -> Result<([u8; 16], Self), Malformed> {
        let mut reader = Reader::new(body);
        let database = reader.array()?;
        let number = reader.u64()?;
        let log = Mark {
            position: Position(reader.u64()?),
            sequence: reader.u64()?,
            offset: reader.u64()?,
            chain: reader.u64()?,
        };
        let next_store = StoreId(reader.u32()?);
        let next_segment = SegmentId(reader.u32()?);
        let trees = reader.varint()?;
        let trees = (0..trees).map(|_| decode_tree(&mut reader)).collect::<Result<_, _>>()?;
        let segments = reader.varint()?;
        let segments: Vec<_> =
            (0..segments).map(|_| decode_segment(&mut reader)).collect::<Result<_, _>>()?;
        reader.finish()?;
        let manifest = Self { number, log, next_store, next_segment, trees, segments };
        manifest.check()?;
        Ok((database, manifest))
    }
}

impl Manifest {
    /// Refuses numbers that are never given out, and those that could not be counted on from.
    fn check(&self) -> Result<(), Malformed> {
        let stores = self.trees.iter().map(|(store, _)| store.0).chain([self.next_store.0]);
        let segments = self.segments.iter().map(|segment| segment.id.0);
        if stores.chain(segments.clone()).chain([self.next_segment.0]).any(|id| id >= NUMBER_END) {
            return Err(Malformed("a number of a store or a segment that is never given out"));
        }
        if self.number > COUNT_MAX || self.log.position.0 > COUNT_MAX {
            return Err(Malformed("a number that is never reached"));
        }
        let Some(first) = segments.clone().min() else { return Ok(()) };
        let last = segments.max().unwrap_or(first);
        // The table of segments is as long as their numbers are apart, with the next one's.
        let is_far = |number: u32, max| number.saturating_sub(first) > max;
        let next = self.next_segment.0;
        if first == 0 || is_far(last, SEGMENT_SPREAD_MAX) || is_far(next, 2 * SEGMENT_SPREAD_MAX) {
            return Err(Malformed("segments of impossible numbers"));
        }
        Ok(())
    }
}

fn decode_tree(reader: &mut Reader<'_>) -> Result<(StoreId, Tree), Malformed> {
    let store = StoreId(reader.u32()?);
    let node_size = reader.u32()? as usize;
    let entries = reader.u64()?;
    let levels = usize::from(reader.u8()?);
    if !(NODE_SIZE_MIN..=NODE_SIZE_MAX).contains(&node_size) || levels > HEIGHT_MAX {
        return Err(Malformed("a tree of impossible shape"));
    }
    let root = if levels > 0 { Some(Link::Disk(Address::decode(reader.array()?))) } else { None };
    Ok((store, Tree { root, levels, entries, ..Tree::empty(node_size) }))
}

fn decode_segment(reader: &mut Reader<'_>) -> Result<SegmentInfo, Malformed> {
    let (id, len, live) = (SegmentId(reader.u32()?), reader.u64()?, reader.u64()?);
    if live > len {
        return Err(Malformed("a segment with more live bytes than it has"));
    }
    Ok(SegmentInfo { id, len, live, values: reader.u8()? != 0 })
}
