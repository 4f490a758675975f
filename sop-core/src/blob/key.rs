//! Keys of what a blob consists of.
//!
//! The name comes first, in a form in which none is the beginning of another: a zero byte is
//! followed by `FF`, and the end is `00 01`. Then a tag says what it is: the header, the metadata, or
//! a chunk, of which the number follows. So names are in the order of their bytes, and chunks in the
//! order of their numbers.

use std::ops::{Range, RangeInclusive};

use crate::{error::Error, limit::BLOB_NAME_LEN_MAX};

const HEADER: u8 = 0;
const METADATA: u8 = 1;
const CHUNK: u8 = 2;
const END: u8 = 3;

const ESCAPED: [u8; 2] = [0, 0xff];
const NAME_END: [u8; 2] = [0, 1];
/// Behind the keys of a name, and before those of any other that begins with it.
const BEHIND: [u8; 2] = [0, 2];

/// What the keys of one blob begin with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BlobKey(Vec<u8>);

impl BlobKey {
    pub(super) fn new(name: &[u8]) -> Result<Self, Error> {
        if name.len() > BLOB_NAME_LEN_MAX {
            let (len, limit) = (name.len(), BLOB_NAME_LEN_MAX);
            return Err(Error::KeyTooLong { len, limit });
        }
        let mut key = Vec::with_capacity(name.len() + 8);
        for byte in name {
            match byte {
                0 => key.extend(ESCAPED),
                byte => key.push(*byte),
            }
        }
        key.extend(NAME_END);
        Ok(Self(key))
    }

    /// That of the blob that a key belongs to, if it belongs to one.
    pub(super) fn of(key: &[u8]) -> Option<Self> {
        let mut pairs = key.windows(2).enumerate();
        let (end, _) = pairs.find(|(_, pair)| *pair == NAME_END)?;
        let key = Self(key[..end + NAME_END.len()].to_vec());
        key.name().map(|_| key)
    }

    /// The name; nothing if a zero byte in it is followed by what never follows one.
    pub(super) fn name(&self) -> Option<Vec<u8>> {
        let mut rest = self.0.strip_suffix(&NAME_END)?;
        let mut name = Vec::with_capacity(rest.len());
        while let Some((byte, behind)) = rest.split_first() {
            name.push(*byte);
            rest = if *byte == 0 { behind.strip_prefix(&ESCAPED[1..])? } else { behind };
        }
        Some(name)
    }

    pub(super) fn header(&self) -> Vec<u8> {
        self.with(&[HEADER])
    }

    pub(super) fn only_header(&self) -> RangeInclusive<Vec<u8>> {
        self.header()..=self.header()
    }

    pub(super) fn metadata(&self) -> Vec<u8> {
        self.with(&[METADATA])
    }

    pub(super) fn chunk(&self, number: u32) -> Vec<u8> {
        let [a, b, c, d] = number.to_be_bytes();
        self.with(&[CHUNK, a, b, c, d])
    }

    /// The keys of one chunk.
    pub(super) fn only_chunk(&self, number: u32) -> RangeInclusive<Vec<u8>> {
        self.chunk(number)..=self.chunk(number)
    }

    /// The keys of all chunks from a number on.
    pub(super) fn chunks_from(&self, number: u32) -> Range<Vec<u8>> {
        self.chunk(number)..self.with(&[END])
    }

    /// All keys of the blob.
    pub(super) fn all(&self) -> Range<Vec<u8>> {
        self.0.clone()..self.behind()
    }

    /// Before the keys of the next blob, and behind those of this one.
    pub(super) fn behind(&self) -> Vec<u8> {
        let name = self.0.strip_suffix(&NAME_END).unwrap_or(&self.0);
        [name, &BEHIND].concat()
    }

    /// The number of the chunk of this blob that a key belongs to, if it does.
    pub(super) fn chunk_number(&self, key: &[u8]) -> Option<u32> {
        let (tag, number) = key.strip_prefix(self.0.as_slice())?.split_first()?;
        let number = number.try_into().map(u32::from_be_bytes).ok()?;
        (*tag == CHUNK).then_some(number)
    }

    fn with(&self, tail: &[u8]) -> Vec<u8> {
        [&self.0, tail].concat()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn key(name: &[u8]) -> BlobKey {
        BlobKey::new(name).unwrap()
    }

    fn names() -> impl Strategy<Value = Vec<u8>> {
        proptest::collection::vec(prop_oneof![Just(0), Just(1), Just(2), Just(0xff)], 0..5)
    }

    proptest! {
        #[test]
        fn keys_of_different_blobs_are_apart_and_in_the_order_of_their_names(
            a in names(), b in names(), number in any::<u32>(),
        ) {
            let (one, other) = (key(&a), key(&b));
            prop_assert_eq!(one.name(), Some(a.clone()));
            let keys = |key: &BlobKey| [key.header(), key.metadata(), key.chunk(number)];
            for made in keys(&one) {
                prop_assert_eq!(BlobKey::of(&made), Some(one.clone()));
                prop_assert!(one.all().contains(&made));
                prop_assert_eq!(other.all().contains(&made), a == b);
            }
            if a < b {
                prop_assert!(one.behind() <= other.header());
                prop_assert!(keys(&one).iter().max() < keys(&other).iter().min());
            }
        }
    }

    #[test]
    fn chunks_are_in_order_and_behind_all_else() {
        let key = key(b"name");
        assert!(key.header() < key.metadata() && key.metadata() < key.chunk(0));
        assert!(key.chunk(255) < key.chunk(256));
        assert!(key.chunks_from(7).contains(&key.chunk(u32::MAX)));
        assert!(!key.chunks_from(7).contains(&key.chunk(6)));
        assert_eq!(key.chunk_number(&key.chunk(77)), Some(77));
        for no_chunk in [key.header(), key.metadata(), b"name".to_vec()] {
            assert_eq!(key.chunk_number(&no_chunk), None);
        }
    }

    #[test]
    fn what_is_no_key_of_a_blob_has_no_name() {
        for no_key in [&b""[..], b"name", b"na\0", b"\0\0\0\x01", b"a\0b\0\x01"] {
            assert_eq!(BlobKey::of(no_key), None, "{no_key:?}");
        }
        assert!(BlobKey::new(&[0; BLOB_NAME_LEN_MAX]).is_ok());
        assert!(BlobKey::new(&[0; BLOB_NAME_LEN_MAX + 1]).is_err());
    }
}
