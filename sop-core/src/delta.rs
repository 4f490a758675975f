//! One merged transaction as data: what the log carries and what trees are built from.
//!
//! A delta is resolved: it says which bytes stand where in the end, never how they came about, so
//! that applying it needs no code of the user and gives the same result wherever it is done.

use crate::{
    codec::{Malformed, Reader, write},
    id::{Address, SegmentId, StoreId},
    limit::{HEIGHT_MAX, KEY_LEN_MAX, NODE_SIZE_MAX, NODE_SIZE_MIN, NUMBER_END},
};

/// The resolved writes of one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Delta<'a> {
    /// In the order in which they take effect.
    pub(crate) stores: Vec<StoreDelta<'a>>,
}

/// What a transaction does to one store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoreDelta<'a> {
    pub(crate) store: StoreId,
    /// What happens to the store as a whole, before the writes.
    pub(crate) action: Action,
    /// Strictly ascending by key.
    pub(crate) writes: Vec<Write<'a>>,
}

/// What happens to a store as a whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// It stays.
    Keep,
    /// It comes into being, empty.
    Create { node_size: u32 },
    /// It ceases to be.
    Drop,
    /// Its tree is replaced by one that a segment holds already.
    Graft(Graft),
}

/// A tree that was written to segments before the transaction that brings it commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Graft {
    pub(crate) node_size: u32,
    pub(crate) root: Address,
    pub(crate) levels: u8,
    pub(crate) entries: u64,
    pub(crate) segments: Vec<GraftSegment>,
}

/// A segment of a tree that is grafted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct GraftSegment {
    pub(crate) id: SegmentId,
    /// Length of the file in bytes.
    pub(crate) len: u64,
    /// Whether values stand in it, or nodes only.
    pub(crate) values: bool,
}

/// One key's new value, or its removal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Write<'a> {
    pub(crate) key: &'a [u8],
    pub(crate) value: Option<&'a [u8]>,
}

const KEEP: u8 = 0;
const CREATE: u8 = 1;
const DROP: u8 = 2;
const GRAFT: u8 = 3;

impl<'a> Delta<'a> {
    /// Appends the delta to `out`.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        write::put_varint(out, self.stores.len() as u64);
        for store in &self.stores {
            store.encode(out);
        }
    }

    pub(crate) fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let count = reader.varint()?;
        // Nothing is reserved for a count before that many have been found to be there.
        let stores = (0..count).map(|_| StoreDelta::decode(reader)).collect::<Result<_, _>>()?;
        Ok(Self { stores })
    }
}

impl<'a> StoreDelta<'a> {
    fn encode(&self, out: &mut Vec<u8>) {
        write::put_varint(out, u64::from(self.store.0));
        match &self.action {
            Action::Keep => out.push(KEEP),
            Action::Create { node_size } => {
                out.push(CREATE);
                write::put_varint(out, u64::from(*node_size));
            }
            Action::Drop => out.push(DROP),
            Action::Graft(graft) => {
                out.push(GRAFT);
                graft.encode(out);
            }
        }
        write::put_varint(out, self.writes.len() as u64);
        for Write { key, value } in &self.writes {
            write::put_prefixed(out, key);
            match value {
                None => out.push(0),
                Some(value) => {
                    out.push(1);
                    write::put_prefixed(out, value);
                }
            }
        }
    }

    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let store = StoreId(small(reader.varint()?)?);
        let action = match reader.u8()? {
            KEEP => Action::Keep,
            CREATE => Action::Create { node_size: node_size(reader)? },
            DROP => Action::Drop,
            GRAFT => Action::Graft(Graft::decode(reader)?),
            _ => return Err(Malformed("an unknown action on a store")),
        };
        if store == StoreId::CATALOG && action != Action::Keep {
            return Err(Malformed("an action on the catalog"));
        }
        let count = reader.varint()?;
        let writes: Vec<_> = (0..count).map(|_| Write::decode(reader)).collect::<Result<_, _>>()?;
        if !writes.is_sorted_by(|a, b| a.key < b.key) {
            return Err(Malformed("writes that are out of order"));
        }
        Ok(Self { store, action, writes })
    }
}

impl<'a> Write<'a> {
    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let key = reader.prefixed()?;
        if key.len() > KEY_LEN_MAX {
            return Err(Malformed("a key over the limit"));
        }
        let value = match reader.u8()? {
            0 => None,
            1 => Some(reader.prefixed()?),
            _ => return Err(Malformed("a write that is neither a value nor a removal")),
        };
        Ok(Self { key, value })
    }
}

impl Graft {
    fn encode(&self, out: &mut Vec<u8>) {
        write::put_varint(out, u64::from(self.node_size));
        out.extend_from_slice(&self.root.encode());
        out.push(self.levels);
        write::put_varint(out, self.entries);
        write::put_varint(out, self.segments.len() as u64);
        for segment in &self.segments {
            write::put_varint(out, u64::from(segment.id.0));
            write::put_varint(out, segment.len);
            write::put_u8(out, u8::from(segment.values));
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let node_size = node_size(reader)?;
        let root = Address::decode(reader.array()?);
        let levels = reader.u8()?;
        if levels == 0 || usize::from(levels) > HEIGHT_MAX {
            return Err(Malformed("a tree of impossible height"));
        }
        let entries = reader.varint()?;
        let count = reader.varint()?;
        let segments = (0..count)
            .map(|_| {
                let (id, len) = (SegmentId(small(reader.varint()?)?), reader.varint()?);
                Ok(GraftSegment { id, len, values: reader.u8()? != 0 })
            })
            .collect::<Result<Vec<_>, Malformed>>()?;
        let named = segments.iter().map(|segment| segment.id).chain([root.segment]);
        if named.into_iter().any(|segment| segment.0 == 0) {
            return Err(Malformed("a segment of the number 0"));
        }
        Ok(Self { node_size, root, levels, entries, segments })
    }
}

fn node_size(reader: &mut Reader<'_>) -> Result<u32, Malformed> {
    let size = small(reader.varint()?)?;
    match usize::try_from(size) {
        Ok(bytes) if (NODE_SIZE_MIN..=NODE_SIZE_MAX).contains(&bytes) => Ok(size),
        _ => Err(Malformed("a node size over the limits")),
    }
}

/// Numbers of stores and segments; larger ones than these are never given out.
fn small(number: u64) -> Result<u32, Malformed> {
    match u32::try_from(number) {
        Ok(number) if number < NUMBER_END => Ok(number),
        _ => Err(Malformed("a number that is never given out")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delta_survives_its_encoding() {
        let address = Address { segment: SegmentId(3), offset: 4, len: 5, checksum: 0xdead_beef };
        let graft = Graft {
            node_size: 8192,
            root: address,
            levels: 2,
            entries: 77,
            segments: vec![GraftSegment { id: SegmentId(3), len: 1 << 20, values: true }],
        };
        let writes = vec![
            Write { key: b"", value: Some(b"empty key") },
            Write { key: b"gone", value: None },
        ];
        let actions =
            [Action::Keep, Action::Create { node_size: 1024 }, Action::Drop, Action::Graft(graft)];
        let stores = actions
            .into_iter()
            .map(|action| StoreDelta { store: StoreId(9), action, writes: writes.clone() })
            .collect();
        let delta = Delta { stores };
        let mut bytes = Vec::new();
        delta.encode(&mut bytes);
        let mut reader = Reader::new(&bytes);
        assert_eq!(Delta::decode(&mut reader), Ok(delta));
        assert!(reader.is_empty());
        for len in 0..bytes.len() {
            let mut reader = Reader::new(&bytes[..len]);
            assert!(Delta::decode(&mut reader).is_err(), "cut at {len}");
        }
    }
}
