//! Bytes of a value, wherever they stand.

use std::{fmt, ops::Deref, sync::Arc};

use crate::node::Pinned;

/// The bytes of a value: borrowed from the snapshot, part of a node that was read into memory, or a
/// copy of what the transaction itself wrote.
///
/// Reads as a byte slice; `to_vec` copies it.
#[derive(Clone)]
pub struct Value<'t>(Pinned<'t>);

impl<'t> Value<'t> {
    pub(super) fn snapshot(bytes: Pinned<'t>) -> Self {
        Self(bytes)
    }

    pub(super) fn own(bytes: &[u8]) -> Self {
        Self(Pinned::kept(Arc::from(bytes)))
    }
}

impl Deref for Value<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.0.bytes()
    }
}

impl AsRef<[u8]> for Value<'_> {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl fmt::Debug for Value<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Value({} bytes)", self.len())
    }
}

impl<B: AsRef<[u8]> + ?Sized> PartialEq<B> for Value<'_> {
    fn eq(&self, other: &B) -> bool {
        **self == *other.as_ref()
    }
}
