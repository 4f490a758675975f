//! The arithmetic of vector indexes: distances, and short codes that estimate them.
//!
//! Everything here is a pure function over slices. What is written to disk by it, the
//! [`rotation`] and the [`code`], is the same on every machine; the instructions that compute it
//! are chosen when the program runs.

pub(crate) mod code;
pub(crate) mod kernel;
pub(crate) mod metric;
pub(crate) mod rotation;
