//! The manifest: what a checkpoint made durable, as data.

use std::path::Path;

use super::Forest;
use crate::{
    codec::{Malformed, Reader, write},
    disk,
    error::{Error, Result},
    id::{Address, Position, SegmentId, StoreId},
    limit::{COUNT_MAX, HEIGHT_MAX, NODE_SIZE_MAX, NODE_SIZE_MIN, NUMBER_END, SEGMENT_SPREAD_MAX},
    log::{
        Bookmark, Mark,
        shared::{Anchor, Members, Tip},
    },
    node::{Link, SegmentFolder, Segments},
    tree::Tree,
};

/// Names everything that is live at one log position.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Manifest {
    /// One more than that of the manifest before.
    pub(crate) number: u64,
    /// Where the log goes on after it.
    pub(crate) log: Bookmark,
    /// Slots of a shared log up to this one are dead. Not above the position.
    pub(crate) floor: Position,
    pub(crate) next_store: StoreId,
    pub(crate) next_segment: SegmentId,
    pub(crate) trees: Vec<(StoreId, Tree)>,
    pub(crate) segments: Vec<SegmentInfo>,
}

/// A checkpoint, as far as the next one has to know it.
#[derive(Clone, Debug)]
pub(crate) struct Footing {
    /// The number of its manifest.
    pub(crate) number: u64,
    /// Where the log goes on after it.
    pub(crate) log: Bookmark,
    /// Slots of a shared log up to this one are dead.
    pub(crate) floor: Position,
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

/// The format of manifests whose log is one process's own.
pub(crate) const STANDALONE: u32 = 1;
/// The format of manifests whose log is shared.
pub(crate) const SHARED: u32 = 2;

impl Manifest {
    /// The format that it is written in.
    pub(crate) fn format(&self) -> u32 {
        match self.log {
            Bookmark::Frames(_) => STANDALONE,
            Bookmark::Slots(_) => SHARED,
        }
    }

    /// Where the log of one process goes on after it; `Corrupt` if its log is shared.
    pub(crate) fn mark(&self, path: &Path) -> Result<Mark> {
        match self.log {
            Bookmark::Frames(mark) => Ok(mark),
            Bookmark::Slots(_) => Err(of_another_kind(path)),
        }
    }

    /// Where a shared log goes on after it; `Corrupt` if its log is not shared.
    pub(crate) fn anchor(&self, path: &Path) -> Result<&Anchor> {
        match &self.log {
            Bookmark::Slots(anchor) => Ok(anchor),
            Bookmark::Frames(_) => Err(of_another_kind(path)),
        }
    }

    /// Whether many processes share the folder.
    pub(crate) fn is_shared(&self) -> bool {
        matches!(self.log, Bookmark::Slots(_))
    }

    /// What the next checkpoint has to know.
    pub(crate) fn footing(&self) -> Footing {
        Footing { number: self.number, log: self.log.clone(), floor: self.floor }
    }

    /// The trees that it names, and the segments they read, opened.
    ///
    /// Fails with `Corrupt` if a segment is missing or is not what it should be.
    pub(crate) fn open(&self, folder: &SegmentFolder) -> Result<(Forest, Segments)> {
        let segments = self.segments.iter();
        let segments =
            segments.map(|segment| folder.open(segment.id, segment.len)).collect::<Result<_>>()?;
        let segments = Segments::new(segments).of_checkpoint(self.number);
        segments.fit_into(disk::memory_limit());
        Ok((self.trees.iter().copied().collect(), segments))
    }

    pub(crate) fn position(&self) -> Position {
        self.log.position()
    }

    /// The body of the manifest's file. Trees in it must have no part in memory only.
    pub(crate) fn encode(&self, database: [u8; 16]) -> Vec<u8> {
        let mut out = Vec::new();
        write::put_bytes(&mut out, &database);
        write::put_u64(&mut out, self.number);
        write::put_u64(&mut out, self.log.position().0);
        match &self.log {
            Bookmark::Frames(mark) => {
                write::put_u64(&mut out, mark.sequence);
                write::put_u64(&mut out, mark.offset);
                write::put_u64(&mut out, mark.chain);
            }
            Bookmark::Slots(Anchor { tip, members, .. }) => {
                write::put_bytes(&mut out, &tip.nonce);
                write::put_u64(&mut out, self.floor.0);
                members.encode(&mut out);
            }
        }
        write::put_u32(&mut out, self.next_store.0);
        write::put_u32(&mut out, self.next_segment.0);
        write::put_varint(&mut out, self.trees.len() as u64);
        for (store, tree) in &self.trees {
            write::put_u32(&mut out, store.0);
            write::put_u32(&mut out, u32::try_from(tree.node_size).unwrap_or(u32::MAX));
            write::put_u64(&mut out, tree.entries);
            if self.format() == SHARED {
                write::put_u64(&mut out, tree.grafted);
            }
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

    /// Reads what [`Self::encode`] wrote in a format, with the database it belongs to.
    pub(crate) fn decode(format: u32, body: &[u8]) -> Result<([u8; 16], Self), Malformed> {
        let mut reader = Reader::new(body);
        let database = reader.array()?;
        let number = reader.u64()?;
        let position = Position(reader.u64()?);
        let (mut log, floor) = if format == SHARED {
            let tip = Tip { position, nonce: reader.array()? };
            let floor = Position(reader.u64()?);
            let members = Members::decode(&mut reader)?;
            (Anchor { tip, members, ..Anchor::start() }.into(), floor)
        } else {
            let (sequence, offset, chain) = (reader.u64()?, reader.u64()?, reader.u64()?);
            (Mark { position, sequence, offset, chain }.into(), Position::ZERO)
        };
        let next_store = StoreId(reader.u32()?);
        let next_segment = SegmentId(reader.u32()?);
        if let Bookmark::Slots(anchor) = &mut log {
            anchor.next_segment = next_segment;
        }
        let trees = reader.varint()?;
        let trees =
            (0..trees).map(|_| decode_tree(format, &mut reader)).collect::<Result<_, _>>()?;
        let segments = reader.varint()?;
        let segments: Vec<_> =
            (0..segments).map(|_| decode_segment(&mut reader)).collect::<Result<_, _>>()?;
        reader.finish()?;
        let manifest = Self { number, log, floor, next_store, next_segment, trees, segments };
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
        if self.number > COUNT_MAX || self.position().0 > COUNT_MAX || self.floor > self.position()
        {
            return Err(Malformed("a number that is never reached"));
        }
        if self.trees.iter().all(|(store, _)| *store != StoreId::CATALOG) {
            return Err(Malformed("no catalog"));
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

fn of_another_kind(path: &Path) -> Error {
    let reason = "its newest manifest is one of another kind of database".to_owned();
    Error::Corrupt { path: path.to_owned(), offset: 0, reason }
}

fn decode_tree(format: u32, reader: &mut Reader<'_>) -> Result<(StoreId, Tree), Malformed> {
    let store = StoreId(reader.u32()?);
    let node_size = reader.u32()? as usize;
    let entries = reader.u64()?;
    let grafted = if format == SHARED { reader.u64()? } else { 0 };
    let levels = usize::from(reader.u8()?);
    if !(NODE_SIZE_MIN..=NODE_SIZE_MAX).contains(&node_size) || levels > HEIGHT_MAX {
        return Err(Malformed("a tree of impossible shape"));
    }
    let root = if levels > 0 { Some(Link::Disk(Address::decode(reader.array()?))) } else { None };
    Ok((store, Tree { root, levels, entries, grafted, ..Tree::empty(node_size) }))
}

fn decode_segment(reader: &mut Reader<'_>) -> Result<SegmentInfo, Malformed> {
    let (id, len, live) = (SegmentId(reader.u32()?), reader.u64()?, reader.u64()?);
    if live > len {
        return Err(Malformed("a segment with more live bytes than it has"));
    }
    Ok(SegmentInfo { id, len, live, values: reader.u8()? != 0 })
}
