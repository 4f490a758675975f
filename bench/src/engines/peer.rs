//! The engines by the names they have on the command line.

#[cfg(feature = "rocksdb")]
use super::rocksdb::Rocks;
use super::{
    Engine, Settings, Work, canopydb::Canopy, fjall::Fjall, lmdb::Lmdb, redb::Redb, sop::Sop,
    sqlite::Sqlite,
};
use crate::Result;
use clap::ValueEnum;

/// An engine of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// SOP's own engine.
    Sop,
    /// redb: copy-on-write B+trees in one file.
    Redb,
    /// LMDB, through heed: a memory-mapped copy-on-write B+tree.
    #[value(alias = "heed")]
    Lmdb,
    /// fjall: log-structured merge trees.
    Fjall,
    /// Canopydb: copy-on-write B+trees and a log.
    Canopydb,
    /// SQLite, through rusqlite: B-trees and a write-ahead log, under SQL.
    #[value(alias = "rusqlite")]
    Sqlite,
    /// RocksDB: log-structured merge trees.
    #[cfg(feature = "rocksdb")]
    Rocksdb,
}

/// Calls a generic function with the engine of a peer.
macro_rules! with_engine {
    ($peer:expr, $function:ident($($argument:expr),*)) => {
        match $peer {
            Peer::Sop => $function::<Sop>($($argument),*),
            Peer::Redb => $function::<Redb>($($argument),*),
            Peer::Lmdb => $function::<Lmdb>($($argument),*),
            Peer::Fjall => $function::<Fjall>($($argument),*),
            Peer::Canopydb => $function::<Canopy>($($argument),*),
            Peer::Sqlite => $function::<Sqlite>($($argument),*),
            #[cfg(feature = "rocksdb")]
            Peer::Rocksdb => $function::<Rocks>($($argument),*),
        }
    };
}

impl Peer {
    /// Does some work on this engine.
    pub(crate) fn run(self, work: &impl Work) -> Result<()> {
        fn run<E: Engine>(work: &impl Work) -> Result<()> {
            work.on::<E>()
        }
        with_engine!(self, run(work))
    }

    /// What this engine runs with.
    pub(crate) fn settings(self) -> Settings {
        fn settings<E: Engine>() -> Settings {
            E::settings()
        }
        with_engine!(self, settings())
    }
}
