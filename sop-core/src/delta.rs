//! One merged transaction as data: what the log carries and what trees are built from.
//!
//! A delta is resolved: it says which bytes stand where in the end, never how they came about, so
//! that applying it needs no code of the user and gives the same result wherever it is done.

use std::sync::Arc;

use crate::{
    codec::{Malformed, Reader, write},
    id::{Address, SegmentId, StoreId},
};

/// The resolved writes of one transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Delta {
    /// In the order in which they take effect.
    pub(crate) stores: Vec<StoreDelta>,
}

/// What a transaction does to one store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoreDelta {
    pub(crate) store: StoreId,
    /// What happens to the store as a whole, before the writes.
    pub(crate) action: Action,
    /// Strictly ascending by key.
    pub(crate) writes: Vec<Write>,
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
    /// Its segments and their lengths in bytes.
    pub(crate) segments: Vec<(SegmentId, u64)>,
}

/// One key's new value, or its removal.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Write {
    pub(crate) key: Vec<u8>,
    pub(crate) value: Option<Arc<[u8]>>,
}

const KEEP: u8 = 0;
const CREATE: u8 = 1;
const DROP: u8 = 2;
const GRAFT: u8 = 3;

impl Delta {
    /// Appends the delta to `out`.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        write::put_varint(out, self.stores.len() as u64);
        for store in &self.stores {
            store.encode(out);
        }
    }

    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let count = reader.varint()?;
        // Nothing is reserved for a count before that many have been found to be there.
        let stores = (0..count).map(|_| StoreDelta::decode(reader)).collect::<Result<_, _>>()?;
        Ok(Self { stores })
    }
}

impl StoreDelta {
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

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let store = StoreId(small(reader.varint()?)?);
        let action = match reader.u8()? {
            KEEP => Action::Keep,
            CREATE => Action::Create { node_size: small(reader.varint()?)? },
            DROP => Action::Drop,
            GRAFT => Action::Graft(Graft::decode(reader)?),
            _ => return Err(Malformed("an unknown action on a store")),
        };
        let count = reader.varint()?;
        let writes = (0..count).map(|_| Write::decode(reader)).collect::<Result<_, _>>()?;
        Ok(Self { store, action, writes })
    }
}

impl Write {
    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let key = reader.prefixed()?.to_vec();
        let value = match reader.u8()? {
            0 => None,
            1 => Some(reader.prefixed()?.into()),
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
        for (id, len) in &self.segments {
            write::put_varint(out, u64::from(id.0));
            write::put_varint(out, *len);
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let node_size = small(reader.varint()?)?;
        let root = reader.bytes(Address::LEN)?;
        let root = Address::decode(root.try_into().expect("as many bytes as asked for"));
        let levels = reader.u8()?;
        let entries = reader.varint()?;
        let count = reader.varint()?;
        let segments = (0..count)
            .map(|_| Ok((SegmentId(small(reader.varint()?)?), reader.varint()?)))
            .collect::<Result<_, Malformed>>()?;
        Ok(Self { node_size, root, levels, entries, segments })
    }
}

fn small(number: u64) -> Result<u32, Malformed> {
    u32::try_from(number).map_err(|_| Malformed("a number that does not fit 32 bits"))
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
            segments: vec![(SegmentId(3), 1 << 20)],
        };
        let writes = vec![
            Write { key: vec![], value: Some(Arc::from(*b"empty key")) },
            Write { key: b"gone".to_vec(), value: None },
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
