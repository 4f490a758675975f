//! Searching records by nearness: embeddings as fields.
//!
//! A field of the type [`Vector`] that is marked has an index like any other ([`crate::index`]): its
//! entries are keyed by partition and primary key, and their value is a [`code`] of the vector, a few
//! bits for each component. They are written with the record, by the transaction that writes it,
//! and merged, filled and checked like all entries. The vector itself is in the row only.
//!
//! A [`search`] reads the codes of a partition one after the other, estimates how far each vector is
//! with a known error, and measures exactly, on the bytes of the rows ([`gauge`]), those that may be
//! among the nearest. What a condition selects is found by other indexes, or in a second index of
//! the same codes behind the columns of the condition.

pub(crate) mod cells;
pub(crate) mod code;
mod explain;
pub(crate) mod gauge;
mod hit;
pub(crate) mod kernel;
pub(crate) mod metric;
mod near;
mod recall;
pub(crate) mod rotation;
mod rule;
mod search;
mod types;

pub(crate) use code::{Coder, Estimate, Question};
pub use explain::NearExplain;
pub use half::f16;
pub use hit::{Hit, NearCursor};
pub(crate) use kernel::Element;
pub use metric::Metric;
pub use near::Near;
pub use rule::vector_rule;
pub use search::NearPlan;
pub use types::{AsQuery, Component, DIMENSIONS_MAX, Vector, VectorField};
