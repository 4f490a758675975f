//! Bytes and numbers: how everything that is stored or sent is put into bytes and taken out again.
//!
//! Nothing here touches a file or takes a lock. Whatever is read may come from a damaged or hostile
//! file, so reading never trusts a length before it is compared with what is left. Numbers are
//! little endian; where small numbers are common they are *varints*: seven bits to a byte, lowest
//! first, the top bit set on all but the last, and only the shortest form is accepted, so that equal
//! content has equal bytes.

mod reader;
pub(crate) mod sealed;
pub(crate) mod write;

pub(crate) use reader::{Malformed, Reader};
