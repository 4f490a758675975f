//! What belongs to a backup, as data and as bytes. No files here.

use std::collections::BTreeMap;

use crate::{
    codec::{Malformed, Reader, write},
    id::{Position, SegmentId},
    limit::COUNT_MAX,
    version::{Manifest, manifest},
};

/// Which life of which database something is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) database: [u8; 16],
    pub(crate) incarnation: [u8; 16],
}

/// How long a file of a backup is, and what its bytes amount to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Content {
    pub(crate) len: u64,
    /// CRC-32C of all of it.
    pub(crate) crc: u32,
}

/// A file of batches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Run {
    /// It holds all batches behind this position,
    pub(crate) after: Position,
    /// up to this one.
    pub(crate) upto: Position,
    pub(crate) content: Content,
}

/// What belongs to a backup.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Description {
    pub(crate) owner: Owner,
    pub(crate) segments: BTreeMap<SegmentId, Content>,
    /// Ascending, none within another one.
    pub(crate) runs: Vec<Run>,
    /// Ascending by number. Not empty.
    pub(crate) points: Vec<Manifest>,
}

impl Owner {
    pub(super) fn encode(self, out: &mut Vec<u8>) {
        write::put_bytes(out, &self.database);
        write::put_bytes(out, &self.incarnation);
    }

    pub(super) fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self { database: reader.array()?, incarnation: reader.array()? })
    }
}

impl Content {
    /// That of these bytes.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self { len: bytes.len() as u64, crc: crc32c::crc32c(bytes) }
    }

    fn encode(self, out: &mut Vec<u8>) {
        write::put_u64(out, self.len);
        write::put_u32(out, self.crc);
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        Ok(Self { len: reader.u64()?, crc: reader.u32()? })
    }
}

impl Run {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let (after, upto) = (Position(reader.u64()?), Position(reader.u64()?));
        if after >= upto || upto.0 > COUNT_MAX {
            return Err(Malformed("a run of the log from nowhere to nowhere"));
        }
        Ok(Self { after, upto, content: Content::decode(reader)? })
    }
}

impl Description {
    /// Of a backup with nothing in it yet.
    pub(crate) fn empty(owner: Owner) -> Self {
        Self { owner, segments: BTreeMap::new(), runs: Vec::new(), points: Vec::new() }
    }

    /// The body of its file.
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        self.owner.encode(&mut out);
        write::put_varint(&mut out, self.segments.len() as u64);
        for (id, content) in &self.segments {
            write::put_u32(&mut out, id.0);
            content.encode(&mut out);
        }
        write::put_varint(&mut out, self.runs.len() as u64);
        for run in &self.runs {
            write::put_u64(&mut out, run.after.0);
            write::put_u64(&mut out, run.upto.0);
            run.content.encode(&mut out);
        }
        write::put_varint(&mut out, self.points.len() as u64);
        for point in &self.points {
            write::put_u32(&mut out, point.format());
            write::put_prefixed(&mut out, &point.encode(self.owner.database));
        }
        out
    }

    /// Reads what [`Self::encode`] wrote.
    pub(super) fn decode(body: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(body);
        let mut description = Self::empty(Owner::decode(&mut reader)?);
        for _ in 0..reader.varint()? {
            let id = SegmentId(reader.u32()?);
            description.segments.insert(id, Content::decode(&mut reader)?);
        }
        for _ in 0..reader.varint()? {
            description.runs.push(Run::decode(&mut reader)?);
        }
        for _ in 0..reader.varint()? {
            let point = description.decode_point(&mut reader)?;
            description.points.push(point);
        }
        reader.finish()?;
        description.check()?;
        Ok(description)
    }

    fn decode_point(&self, reader: &mut Reader<'_>) -> Result<Manifest, Malformed> {
        let format = reader.u32()?;
        if ![manifest::STANDALONE, manifest::SHARED].contains(&format) {
            return Err(Malformed("a manifest of an unknown format"));
        }
        let (database, point) = Manifest::decode(format, reader.prefixed()?)?;
        if database != self.owner.database {
            return Err(Malformed("a manifest of another database"));
        }
        Ok(point)
    }

    fn check(&self) -> Result<(), Malformed> {
        if self.points.is_empty()
            || self.points.windows(2).any(|two| two[0].number >= two[1].number)
        {
            return Err(Malformed("no manifests, or not in their order"));
        }
        let is_after = |two: &[Run]| two[0].after < two[1].after && two[0].upto < two[1].upto;
        if !self.runs.windows(2).all(is_after) {
            return Err(Malformed("runs of the log that are not in their order"));
        }
        let mut named = self.points.iter().flat_map(|point| &point.segments);
        let has = |id, len| self.segments.get(id).is_some_and(|content| content.len >= len);
        if named.any(|segment| !has(&segment.id, segment.len)) {
            return Err(Malformed("a manifest with a segment that the backup does not have"));
        }
        Ok(())
    }

    /// The position that it reaches.
    pub(crate) fn end(&self) -> Position {
        let runs = self.runs.iter().map(|run| run.upto);
        runs.chain(self.points.iter().map(Manifest::position)).max().unwrap_or(Position::ZERO)
    }
}
