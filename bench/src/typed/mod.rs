//! What a typed database has to offer to be measured, and those that do.
//!
//! Each keeps the same eight fields with a key, a unique index and an index that is not, in the way
//! its documentation shows. What is found is built as the value its users get, and shown as a view
//! of all its fields, so that every answer can be checked at no cost of its own.

mod native;
mod sop;
mod sqlite;
#[cfg(test)]
mod tests;
mod toasty;

use crate::{Result, engines::Settings};
use clap::ValueEnum;
use std::path::Path;

/// What [`Settings::relaxed`] says where all commits are durable.
const ALWAYS_DURABLE: &str = "not measured";

/// A typed database of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// SOP's typed layer.
    Sop,
    /// `native_db`: a typed layer on redb.
    #[value(name = "native_db")]
    NativeDb,
    /// rusqlite: prepared statements on SQLite, and structs filled by hand.
    Rusqlite,
    /// toasty: a typed layer on SQLite.
    Toasty,
}

/// A record, before any database has it.
#[derive(Clone, Debug)]
pub(crate) struct Row {
    pub(crate) id: u64,
    pub(crate) email: String,
    pub(crate) name: String,
    pub(crate) joined: u64,
    pub(crate) active: bool,
    pub(crate) score: f64,
    pub(crate) note: Option<String>,
    pub(crate) balance: i64,
}

/// What is in a record.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Seen<'a> {
    pub(crate) id: u64,
    pub(crate) email: &'a str,
    pub(crate) name: &'a str,
    pub(crate) joined: u64,
    pub(crate) active: bool,
    pub(crate) score: f64,
    pub(crate) note: Option<&'a str>,
    pub(crate) balance: i64,
}

/// Lets a struct with the fields of [`Row`] be seen.
macro_rules! can_be_seen {
    ($record:ty) => {
        impl $record {
            pub(crate) fn seen(&self) -> $crate::typed::Seen<'_> {
                let Self { id, email, name, joined, active, score, note, balance } =
                    std::hint::black_box(self);
                $crate::typed::Seen {
                    id: *id,
                    email,
                    name,
                    joined: *joined,
                    active: *active,
                    score: *score,
                    note: note.as_deref(),
                    balance: *balance,
                }
            }
        }
    };
}
can_be_seen!(Row);
use can_be_seen;

/// An open typed database with one store. All commits are durable.
pub(crate) trait Typed: Sized + Sync {
    /// What it runs with.
    fn settings() -> Settings;

    /// Creates the database in an empty folder, with caches of so many bytes.
    fn open(folder: &Path, cache: u64) -> Result<Self>;

    /// Inserts records in one transaction.
    fn insert(&self, rows: Vec<Row>) -> Result<()>;

    /// Shows the record with a key, read in a transaction of its own. Fails if there is none.
    fn get(&self, id: u64, look: impl FnOnce(Seen<'_>)) -> Result<()>;

    /// Shows the record with a value of the unique index, read in a transaction of its own. Fails
    /// if there is none.
    fn get_unique(&self, email: &str, look: impl FnOnce(Seen<'_>)) -> Result<()>;

    /// Shows all records with `joined` from `from` on and below `to`, in the order of that index,
    /// once they are in memory together.
    fn range(&self, from: u64, to: u64, look: impl FnMut(Seen<'_>)) -> Result<()>;

    /// Adds to the balance of a record, in a transaction that is done again until it is committed.
    fn add(&self, id: u64, by: i64) -> Result<()>;

    /// Shows a record's bytes as they are below the typed layer, read in a transaction of its own.
    /// `false` where one cannot get there.
    fn raw(&self, _id: u64, _look: impl FnOnce(&[u8])) -> Result<bool> {
        Ok(false)
    }
}

/// Work that is the same for every typed database.
pub(crate) trait Work {
    /// Does it on databases of type `T`.
    fn on<T: Typed>(&self) -> Result<()>;
}

impl Peer {
    /// Does some work on this database.
    pub(crate) fn run(self, work: &impl Work) -> Result<()> {
        match self {
            Self::Sop => work.on::<sop::Sop>(),
            Self::NativeDb => work.on::<native::Native>(),
            Self::Rusqlite => work.on::<sqlite::Sqlite>(),
            Self::Toasty => work.on::<toasty::Toasty>(),
        }
    }

    /// What this database runs with.
    pub(crate) fn settings(self) -> Settings {
        match self {
            Self::Sop => sop::Sop::settings(),
            Self::NativeDb => native::Native::settings(),
            Self::Rusqlite => sqlite::Sqlite::settings(),
            Self::Toasty => toasty::Toasty::settings(),
        }
    }
}
