//! The keys of what a blob consists of.

use crate::oracle::{Key, KeyRange};
use std::ops::Bound;

const NAME_END: [u8; 2] = [0, 1];
const HEADER: u8 = 0;
const METADATA: u8 = 1;
const CHUNK: u8 = 2;
const BEHIND_CHUNKS: u8 = 3;

/// What the keys of one blob begin with.
pub(super) struct Keys(Vec<u8>);

/// What an entry of a blob holds.
pub(super) enum Part {
    Header,
    Metadata,
    Chunk(u32),
}

impl Keys {
    pub(super) fn of(name: &[u8]) -> Self {
        let mut key = Vec::new();
        for byte in name {
            key.push(*byte);
            if *byte == 0 {
                key.push(0xff);
            }
        }
        key.extend(NAME_END);
        Self(key)
    }

    fn with(&self, tail: &[u8]) -> Key {
        [&self.0, tail].concat()
    }

    pub(super) fn header(&self) -> Key {
        self.with(&[HEADER])
    }

    pub(super) fn metadata(&self) -> Key {
        self.with(&[METADATA])
    }

    pub(super) fn chunk(&self, number: u32) -> Key {
        self.with(&[&[CHUNK][..], &number.to_be_bytes()].concat())
    }

    pub(super) fn chunks(&self) -> KeyRange {
        let (from, to) = (self.with(&[CHUNK]), self.with(&[BEHIND_CHUNKS]));
        (Bound::Included(from), Bound::Excluded(to))
    }

    /// What the entry of a key holds, if it is one of this blob's.
    pub(super) fn part(&self, key: &[u8]) -> Option<Part> {
        let (tag, rest) = key.strip_prefix(self.0.as_slice())?.split_first()?;
        match *tag {
            HEADER => Some(Part::Header),
            METADATA => Some(Part::Metadata),
            CHUNK => rest.try_into().ok().map(|number| Part::Chunk(u32::from_be_bytes(number))),
            _ => None,
        }
    }
}
