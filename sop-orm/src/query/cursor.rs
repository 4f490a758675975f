//! Where a page ended, in a form that can leave the program and come back.

use std::{collections::BTreeSet, fmt, str::FromStr};

use super::condition::Condition;
use crate::{
    error::{CodecError, Error, Result},
    fingerprint::fingerprint,
    hexadecimal,
    schema::{self, Schema},
};

/// Where a [`Page`](crate::Page) ended. Give it to the next call to go on from there.
///
/// It can be written as text and parsed back; text that was damaged is refused then. It holds key
/// columns and the primary key of the last record, also those that are `sensitive`, as digits that
/// anybody can read: do not hand it to people who may not see these, nor write it into logs. Its
/// `Debug` form does not show them. It stays good when records come and go; it is refused by any other index, and by the same
/// index after its columns have changed.
///
/// ```
/// # use {sop_examples::shop::*, sop_orm::prelude::*};
/// # example(async |db, s| {
/// let page = s.of::<Order>().by_total().page(2, None).await?;
/// let text = page.next.map(|cursor| cursor.to_string()).unwrap_or_default();
///
/// // The text goes to the browser and comes back with the next request.
/// let cursor = text.parse().map_err(|_| Error::Invalid("not a cursor".into()))?;
/// let next = s.of::<Order>().by_total().page(2, Some(cursor)).await?;
/// assert_eq!(next.items[0].total, 30);
///
/// assert!(text.replace('0', "1").parse::<Cursor>().is_err(), "a damaged one is refused");
/// # Ok(())
/// # });
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// Mark of the indexes and their columns.
    mark: u64,
    /// Key of the last entry.
    entry: Vec<u8>,
}

impl Cursor {
    pub(super) fn new(mark: u64, entry: Vec<u8>) -> Self {
        Self { mark, entry }
    }

    /// What tells the cursors of these conditions from those of others. Their bounds do not matter.
    pub(super) fn mark(schema: &Schema, condition: &Condition) -> u64 {
        let mut parts = vec![schema.store.to_owned(), schema::columns(schema.key)];
        let mut indexes = BTreeSet::new();
        condition.indexes(&mut indexes);
        // Joined conditions are in the order of the primary key, whichever way they are joined.
        parts.push(if matches!(condition, Condition::Leaf(_)) { "by" } else { "of" }.to_owned());
        for index in indexes {
            match index.and_then(|position| schema.indexes.get(position)) {
                Some(index) => parts.push(format!("{} {}", index.name, schema.definition(index))),
                None => parts.push("key".to_owned()),
            }
        }
        fingerprint(parts.join(" ").as_bytes())
    }

    /// The entry to go on after, if the cursor has this mark.
    pub(super) fn into_entry(
        self,
        schema: &'static Schema,
        index: &'static str,
        mark: u64,
    ) -> Result<Vec<u8>> {
        if self.mark == mark {
            return Ok(self.entry);
        }
        let reason = "it comes from another index, or the index has other columns now";
        Err(Error::Cursor { store: schema.store, index, reason })
    }

    /// The cursor of the same index after another entry.
    #[cfg(fuzzing)]
    pub(crate) fn at(&self, entry: &[u8]) -> Self {
        Self { mark: self.mark, entry: entry.to_vec() }
    }

    /// Shows damage of the text.
    fn check(&self) -> u32 {
        let both = [&self.mark.to_be_bytes(), self.entry.as_slice()].concat();
        let [_, _, _, _, check @ ..] = fingerprint(&both).to_be_bytes();
        u32::from_be_bytes(check)
    }
}

/// Without the entry, whose columns may be sensitive.
impl fmt::Debug for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Cursor").finish_non_exhaustive()
    }
}

impl fmt::Display for Cursor {
    /// Writes hexadecimal digits only.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08x}{:016x}", self.check(), self.mark)?;
        self.entry.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Cursor {
    type Err = CodecError;

    fn from_str(text: &str) -> Result<Self, CodecError> {
        let bytes = hexadecimal::decode(text.as_bytes())?;
        let (check, rest) = bytes.split_first_chunk().ok_or(CodecError::UnexpectedEnd)?;
        let (mark, entry) = rest.split_first_chunk().ok_or(CodecError::UnexpectedEnd)?;
        let cursor = Self { mark: u64::from_be_bytes(*mark), entry: entry.to_vec() };
        if cursor.check() == u32::from_be_bytes(*check) {
            return Ok(cursor);
        }
        Err(CodecError::Malformed { reason: "the cursor is damaged".to_owned() })
    }
}
