//! What a prepared transaction is going to do, and what that rests on, as bytes.
//!
//! Each is one entry of the store [`StoreId::PREPARED`], under the transaction's name: so it is as
//! durable as whatever is committed, and known to whoever knows the state. Stores that exist have
//! their numbers in it, those that it creates have numbers of its own.

use crate::{
    codec::{Malformed, Reader, write},
    delta::{NewValue, Write},
    error::{Error, Result},
    id::StoreId,
    tree::KeyRange,
};

const FORMAT: u8 = 1;

const CREATE: u8 = 0;
const CREATE_EXCLUSIVELY: u8 = 1;
const RENAME: u8 = 2;
const DROP: u8 = 3;

/// A transaction between its two phases.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Intent<'a> {
    /// Changes of names, in order.
    pub(crate) catalog: Vec<NameChange>,
    /// Names that must stay what they are.
    pub(crate) names: Vec<String>,
    pub(crate) stores: Vec<StoreIntent<'a>>,
}

/// A change of the names of stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum NameChange {
    Create { name: String, node_size: u32, store: StoreId, exclusive: bool },
    Rename { from: String, to: String, store: StoreId, node_size: u32 },
    Drop { name: String, store: StoreId },
}

/// What it does in one store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct StoreIntent<'a> {
    pub(crate) store: StoreId,
    /// Ascending by key; all values are in it.
    pub(crate) writes: Vec<Write<'a>>,
    /// Keys that must stay as they are.
    pub(crate) keys: Vec<&'a [u8]>,
    /// Ranges that must.
    pub(crate) ranges: Vec<KeyRange>,
}

impl NameChange {
    /// The names that it is about.
    pub(super) fn names(&self) -> impl Iterator<Item = &String> {
        let (one, other) = match self {
            Self::Create { name, .. } | Self::Drop { name, .. } => (name, None),
            Self::Rename { from, to, .. } => (from, Some(to)),
        };
        [one].into_iter().chain(other)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        match self {
            Self::Create { name, node_size, store, exclusive } => {
                out.push(if *exclusive { CREATE_EXCLUSIVELY } else { CREATE });
                write::put_prefixed(out, name.as_bytes());
                write::put_u32(out, store.0);
                write::put_u32(out, *node_size);
            }
            Self::Rename { from, to, store, node_size } => {
                out.push(RENAME);
                write::put_prefixed(out, from.as_bytes());
                write::put_prefixed(out, to.as_bytes());
                write::put_u32(out, store.0);
                write::put_u32(out, *node_size);
            }
            Self::Drop { name, store } => {
                out.push(DROP);
                write::put_prefixed(out, name.as_bytes());
                write::put_u32(out, store.0);
            }
        }
    }

    fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let tag = reader.u8()?;
        let name = reader.text()?;
        Ok(match tag {
            CREATE | CREATE_EXCLUSIVELY => Self::Create {
                name,
                store: StoreId(reader.u32()?),
                node_size: reader.u32()?,
                exclusive: tag == CREATE_EXCLUSIVELY,
            },
            RENAME => Self::Rename {
                from: name,
                to: reader.text()?,
                store: StoreId(reader.u32()?),
                node_size: reader.u32()?,
            },
            DROP => Self::Drop { name, store: StoreId(reader.u32()?) },
            _ => return Err(Malformed("an unknown change of a name")),
        })
    }
}

impl<'a> Intent<'a> {
    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut out = vec![FORMAT];
        write::put_varint(&mut out, self.catalog.len() as u64);
        self.catalog.iter().for_each(|change| change.encode(&mut out));
        write::put_varint(&mut out, self.names.len() as u64);
        self.names.iter().for_each(|name| write::put_prefixed(&mut out, name.as_bytes()));
        write::put_varint(&mut out, self.stores.len() as u64);
        self.stores.iter().for_each(|store| store.encode(&mut out));
        out
    }

    /// What is kept under a name.
    pub(crate) fn read(name: &str, bytes: &'a [u8]) -> Result<Self> {
        Self::decode(bytes).map_err(|error| Error::Corrupt {
            path: format!("the prepared transaction {name:?}").into(),
            offset: 0,
            reason: error.to_string(),
        })
    }

    /// Nothing is reserved for a count before that many have been found to be there.
    fn decode(bytes: &'a [u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != FORMAT {
            return Err(Malformed("a prepared transaction of an unknown format"));
        }
        let catalog = reader.all(NameChange::decode)?;
        let names = reader.all(Reader::text)?;
        let stores = reader.all(StoreIntent::decode)?;
        reader.finish()?;
        Ok(Self { catalog, names, stores })
    }
}

impl<'a> StoreIntent<'a> {
    fn encode(&self, out: &mut Vec<u8>) {
        write::put_u32(out, self.store.0);
        write::put_varint(out, self.writes.len() as u64);
        self.writes.iter().for_each(|write| write.encode(out));
        write::put_varint(out, self.keys.len() as u64);
        self.keys.iter().for_each(|key| write::put_prefixed(out, key));
        write::put_varint(out, self.ranges.len() as u64);
        for KeyRange { start, end } in &self.ranges {
            write::put_prefixed(out, start);
            write::put_u8(out, u8::from(end.is_some()));
            if let Some(end) = end {
                write::put_prefixed(out, end);
            }
        }
    }

    fn decode(reader: &mut Reader<'a>) -> Result<Self, Malformed> {
        let store = StoreId(reader.u32()?);
        let writes = reader.all(Write::decode)?;
        if writes.iter().any(|write| matches!(write.value, Some(NewValue::Placed(_)))) {
            return Err(Malformed("a prepared write whose value is elsewhere"));
        }
        if !writes.is_sorted_by(|a, b| a.key < b.key) {
            return Err(Malformed("prepared writes that are out of order"));
        }
        let keys = reader.all(Reader::prefixed)?;
        let ranges = reader.all(|reader| {
            let start = reader.prefixed()?.to_vec();
            let end = match reader.u8()? {
                0 => None,
                _ => Some(reader.prefixed()?.to_vec()),
            };
            Ok(KeyRange { start, end })
        })?;
        Ok(Self { store, writes, keys, ranges })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_intent_survives_its_encoding_and_no_beginning_of_it_is_one() {
        let store = StoreId(7);
        let catalog = vec![
            NameChange::Create { name: "new".into(), node_size: 8_192, store, exclusive: true },
            NameChange::Create { name: "any".into(), node_size: 1_024, store, exclusive: false },
            NameChange::Rename { from: "a".into(), to: "b".into(), store, node_size: 4_096 },
            NameChange::Drop { name: "old".into(), store },
        ];
        let writes = vec![
            Write { key: b"", value: None },
            Write { key: b"k", value: Some(NewValue::Bytes(b"value")) },
        ];
        let ranges = vec![KeyRange::ALL, KeyRange::prefix(b"p")];
        let stores = vec![StoreIntent { store, writes, keys: vec![b"read", b""], ranges }];
        let intent = Intent { catalog, names: vec!["seen".into()], stores };
        let bytes = intent.encode();
        assert_eq!(Intent::decode(&bytes), Ok(intent));
        for len in 0..bytes.len() {
            assert!(Intent::decode(&bytes[..len]).is_err(), "{len} bytes");
        }
        assert!(Intent::decode(&[&bytes[..], b"x"].concat()).is_err());
    }
}
