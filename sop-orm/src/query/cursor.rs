//! Where a page ended, in a form that can leave the program and come back.

use std::{fmt, str::FromStr};

use crate::{
    error::{CodecError, Error, Result},
    fingerprint::fingerprint,
    schema::{self, IndexSpec, Schema},
};

/// Where a [`Page`](crate::Page) ended. Give it to the next call to go on from there.
///
/// It can be written as text and parsed back. It holds key columns and the primary key of the last
/// record, so do not hand it to people who may not see these. It stays good when records come and
/// go; it is refused by any other index, and by the same index after its columns have changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// Mark of the index and its columns.
    index: u64,
    /// Key of the last entry in the index.
    entry: Vec<u8>,
}

impl Cursor {
    pub(crate) fn new(schema: &Schema, index: Option<&IndexSpec>, entry: Vec<u8>) -> Self {
        Self { index: mark(schema, index), entry }
    }

    /// The entry to go on after, if the cursor belongs to this index.
    pub(crate) fn into_entry(
        self,
        schema: &'static Schema,
        index: Option<&'static IndexSpec>,
    ) -> Result<Vec<u8>> {
        if self.index == mark(schema, index) {
            return Ok(self.entry);
        }
        Err(Error::Cursor {
            store: schema.store,
            index: index.map_or("primary key", |index| index.name),
            reason: "it comes from another index, or the index has other columns now",
        })
    }
}

fn mark(schema: &Schema, index: Option<&IndexSpec>) -> u64 {
    let definition = match index {
        Some(index) => format!("{}/{} {}", schema.store, index.name, schema.definition(index)),
        None => format!("{} {}", schema.store, schema::columns(schema.key)),
    };
    fingerprint(definition.as_bytes())
}

impl fmt::Display for Cursor {
    /// Writes hexadecimal digits only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.index)?;
        self.entry.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Cursor {
    type Err = CodecError;

    fn from_str(text: &str) -> Result<Self, CodecError> {
        let bytes = hexadecimal(text.as_bytes())?;
        let (index, entry) = bytes.split_first_chunk().ok_or(CodecError::UnexpectedEnd)?;
        Ok(Self { index: u64::from_be_bytes(*index), entry: entry.to_vec() })
    }
}

fn hexadecimal(text: &[u8]) -> Result<Vec<u8>, CodecError> {
    let digit = |byte: u8| {
        let digit = char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok());
        digit.ok_or_else(|| CodecError::Malformed { reason: "not hexadecimal".to_owned() })
    };
    let (pairs, odd) = text.as_chunks();
    if !odd.is_empty() {
        return Err(CodecError::UnexpectedEnd);
    }
    pairs.iter().map(|[high, low]| Ok(digit(*high)? << 4 | digit(*low)?)).collect()
}
