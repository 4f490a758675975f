//! Keys as bytes whose order is the order of the values.
//!
//! A tree knows bytes only, so every value that is part of a key is written in a form that sorts as
//! the value does, byte by byte. Each form is *prefix-free*: no encoding is the beginning of
//! another one. Therefore a key of several columns is the plain concatenation of its columns, a
//! leading part of the columns is a byte prefix, and nothing that follows can change the order.
//!
//! | type                  | bytes                                                              |
//! |-----------------------|--------------------------------------------------------------------|
//! | `uN`                  | big-endian                                                         |
//! | `iN`                  | big-endian, sign bit flipped                                       |
//! | `f32`, `f64`          | bits, sign flipped, all flipped if negative; `-0.0` is `0.0`       |
//! | `bool`, `char`        | one byte, four bytes                                               |
//! | `Uuid`, `Id`, `Ulid`  | sixteen bytes as they are                                          |
//! | `Timestamp`           | as `i64`                                                           |
//! | `[T; N]`              | the elements, one after the other                                  |
//! | `String`, `Vec<u8>`   | the bytes, `00` written as `00 FF`; end `00 01`                    |
//! | `Vec<T>`              | `02` before each element; end `00`                                 |
//! | `Option<T>`           | `00` for `None`; `01` and the value                                |
//! | enum                  | the tag, two bytes; then the fields                                |
//! | column marked `desc`  | every byte inverted                                                |
//!
//! NaN has no place in an order and is refused with [`CodecError::NotANumber`].

mod arg;
mod compound;
pub(crate) mod describe;
mod part;
mod scalar;
#[cfg(test)]
mod tests;
mod text;
mod unknown;

pub use arg::{KeyArg, KeyTail, StartsWith, starts_with};
pub use part::{Key, KeyPart, KeyReader, KeyWriter, Order};

pub use unknown::Unknown;

use crate::error::CodecError;

/// The bytes of a complete key.
pub(crate) fn encode<K: Key>(key: &impl KeyArg<K>) -> Result<Vec<u8>, CodecError> {
    let mut out = KeyWriter::default();
    key.write_to(&mut out)?;
    Ok(out.into_bytes())
}

/// The key that `bytes` hold; nothing may be left over.
pub(crate) fn decode<K: Key>(bytes: &[u8]) -> Result<K, CodecError> {
    let mut input = KeyReader::new(bytes);
    let key = K::read(&mut input)?;
    input.finish()?;
    Ok(key)
}

/// The least byte string above everything that begins with `prefix`; `None` if there is none.
pub(crate) fn successor(prefix: &[u8]) -> Option<Vec<u8>> {
    let last = prefix.iter().rposition(|byte| *byte != u8::MAX)?;
    let mut bytes = prefix.get(..=last)?.to_vec();
    if let Some(byte) = bytes.last_mut() {
        *byte += 1;
    }
    Some(bytes)
}

/// A key as a person can recognise it.
pub(crate) fn show(key: &[u8]) -> String {
    const DIGITS: [char; 16] =
        ['0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd', 'e', 'f'];
    let digit = |digit: u8| DIGITS.get(usize::from(digit)).copied().unwrap_or('?');
    key.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 0xF)]).collect()
}
