//! What is measured: one file or folder per suite.
//!
//! A suite is its own command line arguments and the work it does on one peer. The frame calls it
//! in a fresh process for every peer and round.

mod commits;
mod engine;

pub(crate) use commits::Commits;
pub(crate) use engine::Engine;
