//! Fields as bytes: how the values inside of a row are written.
//!
//! The bytes are those of bincode 2 in its standard configuration (little-endian, integers of
//! variable length), written down here so that they never depend on that crate:
//!
//! | type                            | bytes                                                    |
//! |---------------------------------|----------------------------------------------------------|
//! | `u8`, `i8`, `bool`              | one byte                                                 |
//! | `u16` to `u128`                 | below 251 one byte; else `FB`, `FC`, `FD`, `FE` and 2, 4, 8, 16 bytes |
//! | `i16` to `i128`                 | zigzag (`0, -1, 1, -2` is `0, 1, 2, 3`), then as unsigned |
//! | `f32`, `f64`                    | four or eight bytes                                      |
//! | `char`                          | its UTF-8 bytes                                          |
//! | `String`, `Vec`, sets and maps  | number of bytes or items as `u64`; then these            |
//! | `Option`                        | `00`; or `01` and the value                              |
//! | arrays, tuples, structs         | the items, one after the other                           |
//! | enums                           | the tag as `u32`; then the fields                        |
//! | `Uuid`, `Id`                    | sixteen bytes                                            |
//! | `Ulid`                          | sixteen bytes, big-endian                                |
//! | `Timestamp`                     | as `i64`                                                 |
//! | `Json`                          | its text, as `String`                                    |
//! | `Duration`                      | seconds as `u64`, nanoseconds as `u32`                   |
//!
//! Hash sets and hash maps are written in the order of their items' bytes, so that equal values
//! have equal bytes. Every value takes at least one byte; with that, a length read from foreign
//! bytes can be checked against what is left before anything is allocated.

mod collection;
mod compound;
#[cfg(feature = "json")]
mod json;
mod scalar;
mod signature;
#[cfg(test)]
mod tests;
mod wire;

pub(crate) use compound::array;
#[cfg(feature = "json")]
pub use json::Json;
pub use signature::{NamedSignature, Signature, VariantSignature};
pub use wire::{Decoder, Encoder};

use crate::error::CodecError;

/// A value that can be a field of a stored struct.
///
/// Implemented for the types of the standard library that hold plain data, for
/// [`Uuid`](uuid::Uuid), [`Id`](crate::Id), [`Timestamp`](crate::Timestamp), with features `Ulid` and
/// `Json`, and by
/// [`SopEmbed`](crate::SopEmbed) for your own structs and enums. Implement it by hand for a type
/// that you cannot derive for. What is written must be as long as at least one byte, and equal
/// values must have equal bytes: that is how a session knows whether a record was changed.
///
/// ```
/// use std::net::Ipv4Addr;
///
/// use sop_orm::{CodecError, Decoder, Encoder, Field, Signature, prelude::*};
///
/// #[derive(Clone, Copy, Debug, PartialEq)]
/// struct Address(Ipv4Addr);
///
/// impl Field for Address {
///     const SIGNATURE: Signature = <[u8; 4]>::SIGNATURE;
///
///     fn encode(&self, out: &mut Encoder) {
///         self.0.octets().encode(out);
///     }
///
///     fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
///         Ok(Self(<[u8; 4]>::decode(input)?.into()))
///     }
/// }
///
/// #[derive(SopStore)]
/// struct Server {
///     #[sop(key)]
///     name: String,
///     address: Address,
/// }
/// # sop_examples::shop::example(async |_, _| {
/// # let db = Db::builder().store::<Server>().ephemeral().await?;
/// let address = Address(Ipv4Addr::LOCALHOST);
/// db.run(async |s| s.of::<Server>().insert(Server { name: "home".into(), address }).await).await?;
/// assert_eq!(db.session().of::<Server>().require("home").await?.address, address);
/// # Ok(())
/// # });
/// ```
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be stored as a field",
    label = "no encoding is known for this type",
    note = "add #[derive(SopEmbed)] to a type of your own; for usize and isize take u64 and i64"
)]
pub trait Field: Sized + Send + Sync + 'static {
    /// Describes the bytes. Two types with equal signatures read each other's bytes.
    const SIGNATURE: Signature;

    /// Whether rows written before the field existed can be read; see [`absent`](Self::absent).
    const OPTIONAL: bool = false;

    /// Appends the value.
    fn encode(&self, out: &mut Encoder);

    /// Reads what [`encode`](Self::encode) wrote. Any bytes may come in; none may panic.
    fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError>;

    /// The value of the field in rows that were written before it existed.
    fn absent() -> Option<Self> {
        None
    }

    /// Appends the items of a list.
    #[doc(hidden)]
    fn encode_items(items: &[Self], out: &mut Encoder) {
        for item in items {
            item.encode(out);
        }
    }

    /// Reads `len` items of a list, where at least `len` bytes are left.
    #[doc(hidden)]
    fn decode_items(len: usize, input: &mut Decoder<'_>) -> Result<Vec<Self>, CodecError> {
        let mut items = Vec::with_capacity(len.min(ITEMS_RESERVED_MAX));
        for _ in 0..len {
            items.push(Self::decode(input)?);
        }
        Ok(items)
    }
}

/// Items that a list reserves memory for before they have been read. More come as they are read,
/// so foreign bytes cannot make a short row allocate a lot.
const ITEMS_RESERVED_MAX: usize = 1 << 10;
