//! The storage engine of SOP.

mod clock;
mod codec;
mod error;
mod id;
pub mod limit;

pub use clock::{Clock, SystemClock};
pub use error::{Conflict, ConflictKind, Error, Kind, Result};
pub use id::StoreId;
