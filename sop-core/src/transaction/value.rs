//! Bytes of a value, wherever they stand.

use std::{fmt, ops::Deref, sync::Arc};

/// The bytes of a value: borrowed from the snapshot, or a copy of what the transaction itself wrote.
///
/// Reads as a byte slice; `to_vec` copies it.
#[derive(Clone)]
pub struct Value<'t>(Bytes<'t>);

#[derive(Clone)]
enum Bytes<'t> {
    Snapshot(&'t [u8]),
    Own(Arc<[u8]>),
}

impl<'t> Value<'t> {
    pub(super) fn snapshot(bytes: &'t [u8]) -> Self {
        Self(Bytes::Snapshot(bytes))
    }

    pub(super) fn own(bytes: &[u8]) -> Self {
        Self(Bytes::Own(Arc::from(bytes)))
    }
}

impl Deref for Value<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Bytes::Snapshot(bytes) => bytes,
            Bytes::Own(bytes) => bytes,
        }
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
