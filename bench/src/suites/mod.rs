//! What is measured: one file or folder per suite.
//!
//! A suite is its own command line arguments and the work it does on one peer. The frame calls it
//! in a fresh process for every peer and round.

mod blobs;
mod cluster;
mod commits;
mod engine;
mod global;
#[cfg(feature = "typed")]
mod typed;
#[cfg(feature = "vectors")]
mod vectors;

pub(crate) use blobs::Blobs;
pub(crate) use cluster::{Cluster, serve};
pub(crate) use commits::Commits;
pub(crate) use engine::Engine;
pub(crate) use global::Global;
#[cfg(feature = "typed")]
pub(crate) use typed::Typed;
#[cfg(feature = "vectors")]
pub(crate) use vectors::Vectors;
