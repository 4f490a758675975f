//! From what was written to what was meant: every rule is checked here, and every breach is
//! complained about. What breaks a rule is left out, so that what is generated from the rest keeps
//! the rest of the program free of errors that would only distract.

mod blob;
mod embed;
mod fields;
mod index;
mod relation;
mod store;
mod vector;

pub(crate) use embed::embed;
pub(crate) use store::store;
use syn::{Path, parse_quote};

/// The library's path if the type does not give one.
fn library(given: Option<Path>) -> Path {
    given.unwrap_or_else(|| parse_quote!(::sop_orm))
}
