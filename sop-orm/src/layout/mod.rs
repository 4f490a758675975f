//! Layouts: how rows are laid out, and how rows of other layouts than the present one are read.
//!
//! A row says in which layout it was written ([`row`]). The one that is compiled in is read field
//! by field, without asking anybody. For each of the others that the catalog knows there is a
//! [`Plan`], made once when the database is opened: every field of the struct is read, converted
//! ([`conversion`]) or absent. What a newer program has put into a row and this one does not know
//! is carried along when the row is written ([`carry`]).

mod carry;
mod conversion;
mod leaf;
mod number;
mod plan;
mod row;
mod shape;
#[cfg(test)]
mod tests;

pub(crate) use carry::carry;
pub(crate) use conversion::{Mismatch, of_field};
pub(crate) use plan::{Carried, Layouts, Plan, Source};
pub(crate) use row::layout_of;
pub use row::{RowReader, RowWriter};
pub(crate) use shape::Shape;
