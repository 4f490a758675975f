//! A key that is put together only when somebody asks for it.

use std::{
    cell::{Cell, OnceCell},
    cmp::Ordering,
};

use crate::node::{Node, Pinned, Stored};

/// The key at which a cursor stands.
///
/// In a leaf a key is in two parts, and most who walk through a store look at few of the keys they
/// pass, so an entry's place is noted and the key made when it is needed, in the same buffer again
/// and again.
#[derive(Default)]
pub(super) struct Place<'t> {
    key: OnceCell<Vec<u8>>,
    /// The entry whose key it is, if that was not put together yet.
    entry: Option<(Node<'t>, usize)>,
    /// The buffer while there is no key in it.
    buffer: Cell<Vec<u8>>,
}

impl<'t> Place<'t> {
    /// Goes to a key that may stand anywhere or nowhere.
    pub(super) fn set(&mut self, key: &[u8]) {
        let mut buffer = self.empty_buffer();
        buffer.extend_from_slice(key);
        self.entry = None;
        self.key = buffer.into();
    }

    /// Goes to the key of a leaf's entry.
    pub(super) fn set_entry(&mut self, leaf: &Node<'t>, index: usize) {
        if self.key.get().is_some() {
            let buffer = self.empty_buffer();
            self.buffer.set(buffer);
        }
        match &mut self.entry {
            Some((held, at)) if held.is_at(leaf) => *at = index,
            entry => *entry = Some((leaf.clone(), index)),
        }
    }

    fn empty_buffer(&mut self) -> Vec<u8> {
        let mut buffer = self.key.take().unwrap_or_else(|| self.buffer.take());
        buffer.clear();
        buffer
    }

    pub(super) fn key(&self) -> &[u8] {
        self.key.get_or_init(|| {
            let mut key = self.buffer.take();
            if let Some((leaf, index)) = &self.entry {
                leaf.view().key_into(*index, &mut key);
            }
            key
        })
    }

    /// A copy of the key.
    pub(super) fn to_vec(&self) -> Vec<u8> {
        match (self.key.get(), &self.entry) {
            (None, Some((leaf, index))) => leaf.view().key(*index),
            _ => self.key().to_vec(),
        }
    }

    /// The value of the entry, if it stands in the leaf.
    pub(super) fn value(&self) -> Option<&[u8]> {
        let (leaf, index) = self.entry.as_ref()?;
        match leaf.view().stored(*index) {
            Stored::Inline(value) => Some(value),
            Stored::Outside(_) => None,
        }
    }

    /// The same, to be held for longer than the place.
    pub(super) fn pinned_value(&self) -> Option<Pinned<'t>> {
        let (leaf, _) = self.entry.as_ref()?;
        Some(leaf.part(self.value()?))
    }

    /// How the key compares with another.
    pub(super) fn compare(&self, other: &[u8]) -> Ordering {
        match (self.key.get(), &self.entry) {
            (None, Some((leaf, index))) => leaf.view().compare(*index, other),
            _ => self.key().cmp(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::node::{Payload, Record, lay_out};

    #[test]
    fn a_place_has_the_key_it_was_set_to_whenever_it_is_asked() {
        let payload = Payload::Entry { version: 1, value: Stored::Inline(b"") };
        let record = |key| Record { prefix: b"", suffix: key, payload };
        let image = lay_out(0, &[record(b"key/a"), record(b"key/b")], 0);
        let leaf = &Node::new(Pinned::lent(&image));

        let mut place = Place::default();
        assert_eq!(place.key(), b"");
        place.set(b"somewhere");
        assert_eq!((place.key(), place.to_vec()), (&b"somewhere"[..], b"somewhere".to_vec()));
        place.set_entry(leaf, 0);
        assert_eq!(place.compare(b"key/a"), Ordering::Equal);
        assert_eq!(place.to_vec(), b"key/a");
        place.set_entry(leaf, 1);
        assert_eq!((place.key(), place.compare(b"key")), (&b"key/b"[..], Ordering::Greater));
        place.set_entry(leaf, 0);
        assert_eq!(place.key(), b"key/a");
        place.set(b"");
        assert_eq!((place.key(), place.compare(b"")), (&b""[..], Ordering::Equal));
    }
}
