//! The envelope of small files that are written once, whole, and read whole.
//!
//! ```text
//!  0  magic            8 bytes
//!  8  format number    u32
//! 12  length of body   u64
//! 20  CRC-32C of body  u32
//! 24  CRC-32C of the 24 bytes before  u32
//! 28  body, up to the end of the file
//! ```
//!
//! The header has its own checksum, so that the length and the format number are believed before
//! the body is looked at. The places of the header stay what they are in every format.

use std::cmp::Ordering;

use super::{
    Malformed, Reader,
    write::{put_bytes, put_u32, put_u64},
};

/// Bytes in front of the body.
pub(crate) const HEADER_LEN: usize = 28;

const MAGIC_LEN: usize = 8;
const BODY_CRC_AT: u64 = 20;
const HEADER_CRC_AT: usize = 24;

/// Why bytes are not an envelope of the kind that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Unsealed {
    /// It ends before its header does, or before its header says that it ends.
    #[error("it ends after {0} bytes, too early")]
    Truncated(u64),
    /// It is a file of another kind.
    #[error("it is a file of another kind")]
    ForeignMagic,
    /// The header is not what was written.
    #[error("the checksum of its header does not match")]
    HeaderChecksum,
    /// The body is not what was written.
    #[error("the checksum of its content does not match")]
    BodyChecksum,
    /// Something follows the body, which ends at this offset.
    #[error("it goes on behind its end")]
    TrailingBytes(u64),
}

impl Unsealed {
    /// Where in the file the fault lies, in bytes.
    pub(crate) fn offset(self) -> u64 {
        match self {
            Self::Truncated(len) => len,
            Self::ForeignMagic => 0,
            Self::HeaderChecksum => HEADER_CRC_AT as u64,
            Self::BodyChecksum => BODY_CRC_AT,
            Self::TrailingBytes(end) => end,
        }
    }
}

/// Puts `body` into an envelope.
pub(crate) fn seal(magic: [u8; MAGIC_LEN], format: u32, body: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(HEADER_LEN + body.len());
    put_bytes(&mut out, &magic);
    put_u32(&mut out, format);
    put_u64(&mut out, body.len() as u64);
    put_u32(&mut out, crc32c::crc32c(body));
    let header_crc = crc32c::crc32c(&out);
    put_u32(&mut out, header_crc);
    put_bytes(&mut out, body);
    out
}

struct Header {
    magic: [u8; MAGIC_LEN],
    format: u32,
    body_len: u64,
    body_crc: u32,
    crc: u32,
}

fn read_header(reader: &mut Reader<'_>) -> Result<Header, Malformed> {
    Ok(Header {
        magic: reader.array()?,
        format: reader.u32()?,
        body_len: reader.u64()?,
        body_crc: reader.u32()?,
        crc: reader.u32()?,
    })
}

/// Takes the format number and the body out of an envelope, both proven to be what was written.
pub(crate) fn unseal(magic: [u8; MAGIC_LEN], bytes: &[u8]) -> Result<(u32, &[u8]), Unsealed> {
    let truncated = Unsealed::Truncated(bytes.len() as u64);
    let mut reader = Reader::new(bytes);
    let header = read_header(&mut reader).map_err(|_| {
        let same_kind = bytes.starts_with(&magic) || magic.starts_with(bytes);
        if same_kind { truncated } else { Unsealed::ForeignMagic }
    })?;
    if header.magic != magic {
        return Err(Unsealed::ForeignMagic);
    }
    if header.crc != crc32c::crc32c(&bytes[..HEADER_CRC_AT]) {
        return Err(Unsealed::HeaderChecksum);
    }
    let body = &bytes[HEADER_LEN..];
    match header.body_len.cmp(&(body.len() as u64)) {
        Ordering::Greater => Err(truncated),
        Ordering::Less => Err(Unsealed::TrailingBytes(HEADER_LEN as u64 + header.body_len)),
        Ordering::Equal if header.body_crc != crc32c::crc32c(body) => Err(Unsealed::BodyChecksum),
        Ordering::Equal => Ok((header.format, body)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MAGIC: [u8; 8] = *b"sopTEST\n";

    #[test]
    fn what_is_sealed_is_unsealed() {
        for body in [&b""[..], b"x", &[7; 1000]] {
            let file = seal(MAGIC, 3, body);
            assert_eq!(file.len(), HEADER_LEN + body.len());
            assert_eq!(unseal(MAGIC, &file), Ok((3, body)));
        }
    }

    #[test]
    fn the_bytes_are_the_documented_ones() {
        let file = seal(MAGIC, 3, b"123456789");
        assert_eq!(file[..8], MAGIC);
        assert_eq!(file[8..12], [3, 0, 0, 0]);
        assert_eq!(file[12..20], [9, 0, 0, 0, 0, 0, 0, 0]);
        // The check value that the definition of CRC-32C gives for these nine bytes.
        assert_eq!(file[20..24], 0xe306_9283_u32.to_le_bytes());
        assert_eq!(file[24..28], crc32c::crc32c(&file[..24]).to_le_bytes());
        assert_eq!(&file[28..], b"123456789");
    }

    #[test]
    fn every_flipped_bit_is_found_where_it_is() {
        let file = seal(MAGIC, 1, b"some content");
        for bit in 0..file.len() * 8 {
            let mut damaged = file.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let expected = match bit / 8 {
                0..8 => Unsealed::ForeignMagic,
                8..28 => Unsealed::HeaderChecksum,
                _ => Unsealed::BodyChecksum,
            };
            assert_eq!(unseal(MAGIC, &damaged), Err(expected), "bit {bit}");
        }
    }

    #[test]
    fn every_truncation_and_every_excess_is_found() {
        let file = seal(MAGIC, 1, b"some content");
        for len in 0..file.len() {
            assert_eq!(unseal(MAGIC, &file[..len]), Err(Unsealed::Truncated(len as u64)));
        }
        let mut longer = file.clone();
        longer.push(0);
        let trailing = Unsealed::TrailingBytes(file.len() as u64);
        assert_eq!(unseal(MAGIC, &longer), Err(trailing));
        assert_eq!(trailing.offset(), file.len() as u64);
    }

    #[test]
    fn a_short_file_of_another_kind_is_told_from_a_cut_one() {
        assert_eq!(unseal(MAGIC, b"#!/bin/sh"), Err(Unsealed::ForeignMagic));
        assert_eq!(unseal(MAGIC, b"sop"), Err(Unsealed::Truncated(3)));
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_behind_the_magic_are_refused(rest in prop::collection::vec(any::<u8>(), 0..80)) {
            let file = [&MAGIC[..], &rest].concat();
            prop_assert!(unseal(MAGIC, &file).is_err());
        }
    }
}
