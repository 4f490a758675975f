//! Keys that are made when a record is inserted.

use uuid::Uuid;

use crate::{db::sequence::exhausted, error::Result, id::Id};

/// A key that can be a new UUID: `#[sop(key(auto = uuid7))]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key with `auto = uuid7`",
    label = "expected `Id<..>` or `Uuid`"
)]
pub trait AutoUuid {
    /// A key that nobody else has.
    fn auto() -> Self;
}

impl AutoUuid for Uuid {
    fn auto() -> Self {
        Self::now_v7()
    }
}

impl<T: ?Sized> AutoUuid for Id<T> {
    fn auto() -> Self {
        Self::new()
    }
}

/// A key that can be a new ULID: `#[sop(key(auto = ulid))]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key with `auto = ulid`",
    label = "expected `Ulid`",
    note = "`Ulid` comes with the feature `ulid` of `sop-orm`; for `Id<..>` and `Uuid` there is `auto = uuid7`"
)]
pub trait AutoUlid {
    /// A key that nobody else has.
    fn auto() -> Self;
}

/// A key that can count up: `#[sop(key(auto = increment))]`.
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a key with `auto = increment`",
    label = "expected `u64`, `u32`, `i64` or `i32`"
)]
pub trait AutoNumber: Sized {
    /// The key with this number. Fails when the numbers of the type are used up.
    fn auto(store: &str, number: u64) -> Result<Self>;
}

macro_rules! auto_number {
    ($($type:ty),*) => {$(
        impl AutoNumber for $type {
            fn auto(store: &str, number: u64) -> Result<Self> {
                number.try_into().map_err(|_| exhausted(store))
            }
        }
    )*};
}

auto_number!(u32, i32, i64);

impl AutoNumber for u64 {
    fn auto(_: &str, number: u64) -> Result<Self> {
        Ok(number)
    }
}
