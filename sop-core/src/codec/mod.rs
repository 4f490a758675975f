//! Bytes and numbers: how everything that is stored or sent is put into bytes and taken out again.
//!
//! Nothing here touches a file or takes a lock. Whatever is read may come from a damaged or hostile
//! file, so reading never trusts a length before it is compared with what is left. Numbers are
//! little endian; where small numbers are common they are *varints*: seven bits to a byte, lowest
//! first, the top bit set on all but the last, and only the shortest form is accepted, so that equal
//! content has equal bytes.

pub(crate) mod hexadecimal;
mod reader;
pub(crate) mod sealed;
pub(crate) mod write;

pub(crate) use reader::{Malformed, Reader};

/// The first bytes of a key, filled up with zeros: read as a big-endian number they sort as keys do.
#[inline]
pub(crate) fn head<const N: usize>(key: &[u8]) -> [u8; N] {
    if let Some(first) = key.first_chunk::<N>() {
        return *first;
    }
    let mut bytes = [0; N];
    bytes[..key.len()].copy_from_slice(key);
    bytes
}
