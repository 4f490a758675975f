//! What an index of vectors has to offer to be measured, and those that do.
//!
//! Those in Rust are adapters here; those in Python measure themselves, by a script that is given
//! the same data, the same workloads and the exact answers (`python`).

mod arroy;
mod catalogue;
mod exact;
mod hnsw;
mod kernel;
mod nearest;
pub(crate) mod python;
#[cfg(test)]
pub(crate) mod samples;
mod scope;
mod sop;
mod sqlite;
#[cfg(test)]
mod tests;
mod truth;

pub(crate) use catalogue::{Catalogue, DIMENSIONS, Item, Row, rows};
pub(crate) use scope::{Scope, WHOLE, all as scopes};
pub(crate) use truth::{Judged, Truth};

use crate::{Result, engines::Settings};
use clap::ValueEnum;
use std::path::Path;

/// Answers to each question.
pub(crate) const K: usize = 10;

/// What [`Settings::relaxed`] says: only durable transactions are measured.
const NOT_MEASURED: &str = "not measured";

/// An index of the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum Peer {
    /// SOP's vector fields.
    Sop,
    /// The same, with cells in partitions of many thousands already.
    SopCells,
    /// Products with all rows of the scope, which lie behind each other in memory.
    Exact,
    /// `hnsw_rs`: a graph in memory.
    #[value(name = "hnsw_rs")]
    HnswRs,
    /// arroy: trees in LMDB.
    Arroy,
    /// sqlite-vec: products with all rows, in tables of SQLite.
    SqliteVec,
    /// faiss: inverted lists in memory, through Python.
    Faiss,
    /// `LanceDB`: columns and inverted lists of codes, through Python.
    Lancedb,
    /// Qdrant Edge: graphs with an index of the other fields, through Python.
    QdrantEdge,
    /// hnswlib: a graph in memory, through Python.
    Hnswlib,
}

/// What a store of rows is laid out for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Layout {
    /// Searches among all rows, or those of some dates.
    Whole,
    /// Searches in one partition, or some dates of it.
    Partitioned,
}

impl Layout {
    /// The one that a scope is searched in.
    pub(crate) fn of(scope: &Scope) -> Self {
        if scope.tenant.is_some() { Self::Partitioned } else { Self::Whole }
    }

    /// A name for files.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Whole => "whole",
            Self::Partitioned => "partitioned",
        }
    }
}

/// An open store of rows with vectors.
pub(crate) trait Vectors: Sized + Sync {
    /// A scope that is ready to be searched.
    type Prepared: Sync;

    /// Settings of a search, the cheapest first. Exact indexes have one.
    const EFFORTS: &'static [u32];

    /// Whether what was inserted survives a power cut.
    const IS_DURABLE: bool;

    /// What it runs with.
    fn settings() -> Settings;

    /// How its users write one of [`Self::EFFORTS`].
    fn effort(effort: u32) -> String;

    /// Creates a store in an empty folder, with caches of so many bytes.
    fn open(folder: &Path, layout: Layout, cache: u64) -> Result<Self>;

    /// Inserts rows at once into the empty store, by the fastest way that leaves it durable and all
    /// of it indexed.
    fn build(&self, items: &[Item<'_>]) -> Result<()>;

    /// Makes a scope ready; what this costs is not measured.
    fn prepare(&self, scope: &Scope) -> Result<Self::Prepared>;

    /// The ids of the [`K`] nearest rows of a scope by the cosine, nearest first. The query has unit
    /// length.
    fn search(&self, scope: &Self::Prepared, query: &[f32], effort: u32) -> Result<Vec<u32>>;

    /// Inserts rows in one transaction, which is as durable as it can be when this returns.
    fn insert(&self, items: &[Item<'_>]) -> Result<()>;

    /// Removes rows in one transaction like [`Self::insert`]; `false` if it cannot remove.
    fn remove(&self, ids: &[u32]) -> Result<bool>;

    /// Number of rows.
    fn len(&self) -> Result<usize>;
}

/// Work that is the same for every index in Rust.
pub(crate) trait Work {
    /// Does it on stores of type `V`.
    fn on<V: Vectors>(&self) -> Result<()>;

    /// Lets a script do it on one that is known to Python.
    fn script(&self, script: &python::Script) -> Result<()>;
}

impl Peer {
    /// Does some work on this index.
    pub(crate) fn run(self, work: &impl Work) -> Result<()> {
        match self {
            Self::Sop => work.on::<sop::Sop<false>>(),
            Self::SopCells => work.on::<sop::Sop<true>>(),
            Self::Exact => work.on::<exact::Exact>(),
            Self::HnswRs => work.on::<hnsw::Graph>(),
            Self::Arroy => work.on::<arroy::Arroy>(),
            Self::SqliteVec => work.on::<sqlite::SqliteVec>(),
            Self::Faiss => work.script(&python::FAISS),
            Self::Lancedb => work.script(&python::LANCEDB),
            Self::QdrantEdge => work.script(&python::QDRANT),
            Self::Hnswlib => work.script(&python::HNSWLIB),
        }
    }

    /// What this index runs with.
    pub(crate) fn settings(self) -> Settings {
        match self {
            Self::Sop => sop::Sop::<false>::settings(),
            Self::SopCells => sop::Sop::<true>::settings(),
            Self::Exact => exact::Exact::settings(),
            Self::HnswRs => hnsw::Graph::settings(),
            Self::Arroy => arroy::Arroy::settings(),
            Self::SqliteVec => sqlite::SqliteVec::settings(),
            Self::Faiss => python::FAISS.settings(),
            Self::Lancedb => python::LANCEDB.settings(),
            Self::QdrantEdge => python::QDRANT.settings(),
            Self::Hnswlib => python::HNSWLIB.settings(),
        }
    }
}
