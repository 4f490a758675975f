//! One merged transaction as data: what the log carries and what trees are built from.
//!
//! A delta is resolved: it says which bytes stand where in the end, never how they came about, so
//! that applying it needs no code of the user and gives the same result wherever it is done.

use std::collections::BTreeMap;

use crate::{
    codec::{Malformed, Reader, write},
    id::{Address, SegmentId, StoreId},
    limit::{
        HEIGHT_MAX, KEY_LEN_MAX, NODE_SIZE_MAX, NODE_SIZE_MIN, NUMBER_END, SEGMENT_ALIGN,
        VALUE_LEN_MAX,
    },
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
    /// It stays, and some of the values that it gets stand in these segments already.
    Place(Vec<NewSegment>),
}

/// A tree that was written to segments before the transaction that brings it commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Graft {
    pub(crate) node_size: u32,
    pub(crate) root: Address,
    pub(crate) levels: u8,
    pub(crate) entries: u64,
    pub(crate) segments: Vec<NewSegment>,
}

/// A segment that was written before the transaction that brings it commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct NewSegment {
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
    pub(crate) value: Option<NewValue<'a>>,
}

/// What a key gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum NewValue<'a> {
    Bytes(&'a [u8]),
    /// A long value that stands in a segment already.
    Placed(Address),
}

impl NewValue<'_> {
    /// Bytes that it takes in a draft.
    pub(crate) fn draft_len(self) -> usize {
        match self {
            Self::Bytes(bytes) => bytes.len(),
            Self::Placed(_) => Address::LEN,
        }
    }
}

const KEEP: u8 = 0;
const CREATE: u8 = 1;
const DROP: u8 = 2;
const GRAFT: u8 = 3;
const PLACE: u8 = 4;

const REMOVED: u8 = 0;
const BYTES: u8 = 1;
const PLACED: u8 = 2;

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
            Action::Place(segments) => {
                out.push(PLACE);
                write::put_varint(out, segments.len() as u64);
                for segment in segments {
                    write::put_varint(out, u64::from(segment.id.0));
                    write::put_varint(out, segment.len);
                }
            }
        }
        write::put_varint(out, self.writes.len() as u64);
        self.writes.iter().for_each(|write| write.encode(out));
    }

    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let store = StoreId(small(reader.varint()?)?);
        let action = match reader.u8()? {
            KEEP => Action::Keep,
            CREATE => Action::Create { node_size: node_size(reader)? },
            DROP => Action::Drop,
            GRAFT => Action::Graft(Graft::decode(reader)?),
            PLACE => Action::Place(new_segments(reader)?),
            _ => return Err(Malformed("an unknown action on a store")),
        };
        if store.is_own() && !matches!(action, Action::Keep | Action::Create { .. })
            || store == StoreId::CATALOG && action != Action::Keep
        {
            return Err(Malformed("an action on a store of the database's own"));
        }
        let count = reader.varint()?;
        let writes: Vec<_> = (0..count).map(|_| Write::decode(reader)).collect::<Result<_, _>>()?;
        if !writes.is_sorted_by(|a, b| a.key < b.key) {
            return Err(Malformed("writes that are out of order"));
        }
        let delta = Self { store, action, writes };
        delta.check_places()?;
        Ok(delta)
    }

    /// The addresses of the values that stand in segments already.
    pub(crate) fn placed(&self) -> impl Iterator<Item = Address> {
        self.writes.iter().filter_map(|write| match write.value {
            Some(NewValue::Placed(address)) => Some(address),
            _ => None,
        })
    }

    /// Refuses values that stand elsewhere than in the segments that are named, or all together take
    /// more than there is in them: how much of a segment is linked to is counted for each link.
    fn check_places(&self) -> Result<(), Malformed> {
        let named = match &self.action {
            Action::Place(segments) => segments.as_slice(),
            _ => &[],
        };
        let room = |len: u64| len.saturating_sub(SEGMENT_ALIGN as u64);
        // For each its length, and how much of it is left.
        let mut segments: BTreeMap<_, _> =
            named.iter().map(|segment| (segment.id, (segment.len, room(segment.len)))).collect();
        if segments.len() < named.len() {
            return Err(Malformed("a segment that is named twice"));
        }
        for address in self.placed() {
            let Some((len, left)) = segments.get_mut(&address.segment) else {
                return Err(Malformed("a value in a segment that is not named"));
            };
            if address.len == 0 || address.len as usize > VALUE_LEN_MAX {
                return Err(Malformed("a value of no bytes, or over the limit"));
            }
            if address.offset == 0 || address.start() + u64::from(address.len) > *len {
                return Err(Malformed("a value outside of its segment"));
            }
            *left = left
                .checked_sub(address.footprint())
                .ok_or(Malformed("more values than a segment has room for"))?;
        }
        Ok(())
    }
}

impl<'a> Write<'a> {
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        write::put_prefixed(out, self.key);
        match self.value {
            None => out.push(REMOVED),
            Some(NewValue::Bytes(bytes)) => {
                out.push(BYTES);
                write::put_prefixed(out, bytes);
            }
            Some(NewValue::Placed(address)) => {
                out.push(PLACED);
                out.extend_from_slice(&address.encode());
            }
        }
    }

    pub(crate) fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let key = reader.prefixed()?;
        if key.len() > KEY_LEN_MAX {
            return Err(Malformed("a key over the limit"));
        }
        let value = match reader.u8()? {
            REMOVED => None,
            BYTES => Some(NewValue::Bytes(reader.prefixed()?)),
            PLACED => Some(NewValue::Placed(Address::decode(reader.array()?))),
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
                Ok(NewSegment { id, len, values: reader.u8()? != 0 })
            })
            .collect::<Result<Vec<_>, Malformed>>()?;
        let named = segments.iter().map(|segment| segment.id).chain([root.segment]);
        if named.into_iter().any(|segment| segment.0 == 0) {
            return Err(Malformed("a segment of the number 0"));
        }
        Ok(Self { node_size, root, levels, entries, segments })
    }
}

/// Segments of which nothing is known but that there are values in them.
fn new_segments(reader: &mut Reader<'_>) -> Result<Vec<NewSegment>, Malformed> {
    let count = reader.varint()?;
    let segments = (0..count).map(|_| match small(reader.varint()?)? {
        0 => Err(Malformed("a segment of the number 0")),
        id => Ok(NewSegment { id: SegmentId(id), len: reader.varint()?, values: true }),
    });
    segments.collect()
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
            segments: vec![NewSegment { id: SegmentId(3), len: 1 << 20, values: true }],
        };
        let writes = vec![
            Write { key: b"", value: Some(NewValue::Bytes(b"empty key")) },
            Write { key: b"gone", value: None },
        ];
        let actions = [
            Action::Keep,
            Action::Create { node_size: 1024 },
            Action::Drop,
            Action::Graft(graft),
            Action::Place(vec![
                NewSegment { id: SegmentId(7), len: 512, values: true },
                NewSegment { id: SegmentId(8), len: u64::MAX, values: true },
            ]),
        ];
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

    /// The delta of one store that gets values at these addresses, in two segments of this length.
    fn placing(addresses: &[Address]) -> Vec<u8> {
        let keys: Vec<_> = (0..addresses.len() as u64).map(u64::to_be_bytes).collect();
        let placed = addresses.iter().map(|address| Some(NewValue::Placed(*address)));
        let writes = keys.iter().zip(placed).map(|(key, value)| Write { key, value }).collect();
        let segment = |id| NewSegment { id: SegmentId(id), len: 1_024, values: true };
        let action = Action::Place(vec![segment(3), segment(5)]);
        let mut bytes = Vec::new();
        Delta { stores: vec![StoreDelta { store: StoreId(9), action, writes }] }.encode(&mut bytes);
        bytes
    }

    #[test]
    fn values_are_placed_in_segments_that_are_named_and_nowhere_else() {
        let at = |segment, offset, len| {
            let segment = SegmentId(segment);
            Address { segment, offset, len, checksum: 7 }
        };
        let decoded = |addresses: &[Address]| {
            let bytes = placing(addresses);
            Delta::decode(&mut Reader::new(&bytes)).map(|delta| delta.stores[0].placed().count())
        };
        assert_eq!(decoded(&[at(3, 1, 256), at(3, 2, 300), at(5, 1, 768)]), Ok(3));
        let refused = [
            (vec![at(0, 1, 8)], "a value in a segment that is not named"),
            (vec![at(4, 1, 8)], "a value in a segment that is not named"),
            (vec![at(3, 0, 8)], "a value outside of its segment"),
            (vec![at(3, 3, 257)], "a value outside of its segment"),
            (vec![at(3, u32::MAX, 8)], "a value outside of its segment"),
            (vec![at(3, 4, 0)], "a value of no bytes, or over the limit"),
            (vec![at(3, 1, u32::MAX)], "a value of no bytes, or over the limit"),
            (vec![at(3, 1, 400), at(3, 1, 400)], "more values than a segment has room for"),
        ];
        for (addresses, reason) in refused {
            assert_eq!(decoded(&addresses), Err(Malformed(reason)), "{addresses:?}");
        }
    }

    #[test]
    fn a_segment_is_named_once_and_not_by_zero() {
        let named = |segments: &[u32]| {
            let new = |id: &u32| NewSegment { id: SegmentId(*id), len: 512, values: true };
            let action = Action::Place(segments.iter().map(new).collect());
            let store = StoreDelta { store: StoreId(9), action, writes: Vec::new() };
            let mut bytes = Vec::new();
            Delta { stores: vec![store] }.encode(&mut bytes);
            Delta::decode(&mut Reader::new(&bytes)).map(drop)
        };
        assert_eq!(named(&[3, 5]), Ok(()));
        assert_eq!(named(&[3, 3]), Err(Malformed("a segment that is named twice")));
        assert_eq!(named(&[0]), Err(Malformed("a segment of the number 0")));
        assert_eq!(named(&[NUMBER_END]), Err(Malformed("a number that is never given out")));
    }
}
