//! Who has written a segment of a folder that many processes share, and what for.
//!
//! A segment that nothing names is either still to be named or never will be. Which of the two can
//! be told by whoever knows these two things, the members, and the newest manifest.

use crate::codec::{
    Reader,
    write::{put_bytes, put_u32, put_u64},
};

/// What a segment says about where it comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    /// The member that has written it.
    pub(crate) author: [u8; 16],
    pub(crate) purpose: Purpose,
}

/// What is to name a segment first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// A batch of its author's.
    Batch,
    /// The manifest of this number, if it is its author's.
    Manifest(u64),
}

impl Origin {
    /// How many bytes it has in a segment's header.
    pub(super) const LEN: usize = 28;

    pub(super) fn encode(&self) -> Vec<u8> {
        let number = match self.purpose {
            Purpose::Batch => 0,
            Purpose::Manifest(number) => number,
        };
        let mut body = Vec::with_capacity(Self::LEN);
        put_bytes(&mut body, &self.author);
        put_u64(&mut body, number);
        let mut out = Vec::with_capacity(Self::LEN);
        put_u32(&mut out, crc32c::crc32c(&body));
        put_bytes(&mut out, &body);
        out
    }

    /// What [`encode`](Self::encode) wrote; nothing if these bytes say nothing.
    pub(super) fn decode(bytes: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(bytes);
        let crc = reader.u32().ok()?;
        if crc != crc32c::crc32c(bytes.get(4..)?) {
            return None;
        }
        let author = reader.array().ok()?;
        let purpose = match reader.u64().ok()? {
            0 => Purpose::Batch,
            number => Purpose::Manifest(number),
        };
        reader.finish().ok()?;
        Some(Self { author, purpose })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_origin_comes_back_from_its_bytes_and_from_no_others() {
        for purpose in [Purpose::Batch, Purpose::Manifest(1), Purpose::Manifest(u64::MAX)] {
            let origin = Origin { author: *b"0123456789abcdef", purpose };
            let bytes = origin.encode();
            assert_eq!(bytes.len(), Origin::LEN);
            assert_eq!(Origin::decode(&bytes), Some(origin));
            for bit in 0..8 * bytes.len() {
                let mut bytes = bytes.clone();
                bytes[bit / 8] ^= 1 << (bit % 8);
                assert_eq!(Origin::decode(&bytes), None, "bit {bit}");
            }
        }
        assert_eq!(Origin::decode(&[0; Origin::LEN]), None, "of a folder of one process");
    }
}
