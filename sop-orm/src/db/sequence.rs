//! Numbers for keys that count up.
//!
//! If every insert wrote a common counter, any two inserts would conflict. So the database takes
//! blocks of numbers in small transactions of its own and hands them out from memory. Numbers are
//! unique and grow; what is left of a block when the database is closed, and numbers of sessions
//! that do not commit, are never used: there are gaps.

use std::ops::Range;

use parking_lot::Mutex;
use sop_core::{Database, StoreOptions};

use crate::error::{Error, Result};

/// The engine store that holds the next number of each sequence, by name of the typed store.
const STORE: &str = "sop.sequence";

/// Numbers taken at once, at the least.
const BLOCK_LEN: u64 = 64;

/// The numbers of one typed store.
#[derive(Debug)]
pub(crate) struct Sequence {
    store: &'static str,
    left: Mutex<Range<u64>>,
}

impl Sequence {
    pub(crate) fn new(store: &'static str) -> Self {
        Self { store, left: Mutex::new(0..0) }
    }

    /// The first of `count` consecutive numbers that nobody else gets. The least number is 1.
    pub(crate) async fn take(&self, engine: &Database, count: u64) -> Result<u64> {
        if let Some(first) = take_from(&mut self.left.lock(), count) {
            return Ok(first);
        }
        let mut block = self.reserve(engine, count.max(BLOCK_LEN)).await?;
        let first = take_from(&mut block, count);
        *self.left.lock() = block;
        first.ok_or_else(|| exhausted(self.store))
    }

    async fn reserve(&self, engine: &Database, count: u64) -> Result<Range<u64>> {
        loop {
            let transaction = engine.begin()?;
            let block = {
                let store = transaction.open_store(STORE, &StoreOptions::default())?;
                let next = match store.find(self.store)?.as_deref() {
                    None => 1,
                    Some(bytes) => bytes.try_into().map(u64::from_be_bytes).map_err(|_| {
                        sop_core::Error::Invalid(format!("{STORE} holds no number"))
                    })?,
                };
                let end = next.checked_add(count).ok_or_else(|| exhausted(self.store))?;
                store.upsert(self.store, end.to_be_bytes())?;
                next..end
            };
            match transaction.commit_async().await {
                Ok(_) => return Ok(block),
                Err(error) if error.is_retryable() => {}
                Err(error) => return Err(error.into()),
            }
        }
    }
}

fn take_from(left: &mut Range<u64>, count: u64) -> Option<u64> {
    let first = left.start;
    let next = first.checked_add(count).filter(|next| *next <= left.end)?;
    left.start = next;
    Some(first)
}

/// The error of a sequence whose numbers do not fit into the key's type any more.
pub(crate) fn exhausted(store: &str) -> Error {
    Error::Invalid(format!("the numbers for keys of store {store:?} are used up").into())
}
