//! The header and the name of a log file. No input or output here.
//!
//! ```text
//!  0  magic          8 bytes     40  position of the first frame  u64
//!  8  format number  u32         48  chain of that frame          u64
//! 12  CRC-32C        u32         56  synced                       u64
//! 16  database      16 bytes     64  length when begun            u64
//! 32  sequence       u64         72  frames
//! ```
//!
//! The checksum covers all of the header, itself taken as zero.

use std::ffi::OsStr;

use crate::{
    codec::{
        Malformed, Reader,
        write::{put_bytes, put_u32, put_u64},
    },
    id::Position,
    log::Mark,
};

/// Bytes in front of a file's first frame.
pub(super) const HEADER_LEN: u64 = HEADER_SIZE as u64;
/// The same, as the length of an array.
pub(super) const HEADER_SIZE: usize = 72;

/// The format that this code writes and reads.
pub(super) const FORMAT: u32 = 1;

pub(super) const FIRST_SEQUENCE: u64 = 1;

/// Where in the header things lie, for errors that name the place.
pub(super) const FORMAT_AT: u64 = 8;
pub(super) const DATABASE_AT: u64 = 16;
pub(super) const SEQUENCE_AT: u64 = 32;
pub(super) const FIRST_AT: u64 = 40;

const MAGIC: [u8; 8] = *b"SOP log\n";
const CRC_AT: usize = 12;

/// What a log file says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileHeader {
    pub(super) database: [u8; 16],
    /// Counts the files of a log; a file that is used again gets a new number.
    pub(super) sequence: u64,
    /// The position of the first frame that goes into the file.
    pub(super) first: Position,
    /// What that frame carries as its chain.
    pub(super) chain: u64,
    /// All frames up to this one were known durable when the file was begun.
    pub(super) synced: Position,
    /// Length of the file in bytes when it was begun. It never gets shorter.
    pub(super) len: u64,
}

/// Why bytes are not the header of a log file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum HeaderFlaw {
    Foreign,
    Checksum,
    Format(u32),
}

impl FileHeader {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEADER_SIZE);
        put_bytes(&mut bytes, &MAGIC);
        put_u32(&mut bytes, FORMAT);
        put_u32(&mut bytes, 0);
        put_bytes(&mut bytes, &self.database);
        put_u64(&mut bytes, self.sequence);
        put_u64(&mut bytes, self.first.0);
        put_u64(&mut bytes, self.chain);
        put_u64(&mut bytes, self.synced.0);
        put_u64(&mut bytes, self.len);
        let crc = crc32c::crc32c(&bytes);
        bytes[CRC_AT..CRC_AT + 4].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    pub(super) fn decode(bytes: &[u8; HEADER_SIZE]) -> Result<Self, HeaderFlaw> {
        if !bytes.starts_with(&MAGIC) {
            return Err(HeaderFlaw::Foreign);
        }
        let mut unsigned = *bytes;
        unsigned[CRC_AT..CRC_AT + 4].fill(0);
        let fields = Self::fields(&bytes[MAGIC.len()..]);
        match fields {
            Ok((_, crc, _)) if crc != crc32c::crc32c(&unsigned) => Err(HeaderFlaw::Checksum),
            Ok((format, ..)) if format != FORMAT => Err(HeaderFlaw::Format(format)),
            Ok((_, _, header)) => Ok(header),
            Err(_) => Err(HeaderFlaw::Checksum),
        }
    }

    /// Format number, checksum, and the rest.
    fn fields(bytes: &[u8]) -> Result<(u32, u32, Self), Malformed> {
        let mut fields = Reader::new(bytes);
        let format = fields.u32()?;
        let crc = fields.u32()?;
        let header = Self {
            database: fields.array()?,
            sequence: fields.u64()?,
            first: Position(fields.u64()?),
            chain: fields.u64()?,
            synced: Position(fields.u64()?),
            len: fields.u64()?,
        };
        Ok((format, crc, header))
    }

    /// Whether the file's first frame is the one that goes where `mark` is.
    pub(super) fn continues(&self, mark: Mark) -> bool {
        self.first == mark.position.next() && self.chain == mark.chain
    }
}

/// What a file in the folder of a log is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// Part of the log, with this sequence number.
    Numbered(u64),
    /// No part of the log; waiting to become one, or abandoned.
    Spare(u64),
}

const SUFFIX: &str = ".log";
const SPARE_PREFIX: &str = "spare-";

impl Name {
    /// `None` for a name that this log never gives.
    pub(super) fn parse(name: &OsStr) -> Option<Self> {
        let stem = name.to_str()?.strip_suffix(SUFFIX)?;
        let parsed = match stem.strip_prefix(SPARE_PREFIX) {
            Some(number) => Self::Spare(number.parse().ok()?),
            None => Self::Numbered(u64::from_str_radix(stem, 16).ok()?),
        };
        // Other spellings of a number are not ours.
        (OsStr::new(&parsed.to_string()) == name).then_some(parsed)
    }
}

impl std::fmt::Display for Name {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Numbered(sequence) => write!(f, "{sequence:016x}{SUFFIX}"),
            Self::Spare(number) => write!(f, "{SPARE_PREFIX}{number}{SUFFIX}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: FileHeader = FileHeader {
        database: *b"0123456789abcdef",
        sequence: 2,
        first: Position(3),
        chain: 4,
        synced: Position(1),
        len: 5,
    };

    fn bytes() -> [u8; HEADER_SIZE] {
        HEADER.encode().try_into().unwrap()
    }

    #[test]
    fn the_bytes_are_the_documented_ones() {
        let bytes = bytes();
        assert_eq!(&bytes[..8], b"SOP log\n");
        assert_eq!(bytes[8..12], 1_u32.to_le_bytes());
        assert_eq!(&bytes[16..32], b"0123456789abcdef");
        assert_eq!(bytes[32..40], 2_u64.to_le_bytes());
        assert_eq!(bytes[40..48], 3_u64.to_le_bytes());
        assert_eq!(bytes[48..56], 4_u64.to_le_bytes());
        assert_eq!(bytes[56..64], 1_u64.to_le_bytes());
        assert_eq!(bytes[64..], 5_u64.to_le_bytes());
        let mut unsigned = bytes;
        unsigned[12..16].fill(0);
        assert_eq!(bytes[12..16], crc32c::crc32c(&unsigned).to_le_bytes());
        assert_eq!(FileHeader::decode(&bytes), Ok(HEADER));
    }

    #[test]
    fn every_flipped_bit_is_found() {
        for bit in 0..HEADER_SIZE * 8 {
            let mut damaged = bytes();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let expected = if bit < 64 { HeaderFlaw::Foreign } else { HeaderFlaw::Checksum };
            assert_eq!(FileHeader::decode(&damaged), Err(expected), "bit {bit}");
        }
    }

    #[test]
    fn another_format_is_told_from_damage() {
        let mut newer = bytes();
        newer[8] = 2;
        newer[12..16].fill(0);
        let crc = crc32c::crc32c(&newer);
        newer[12..16].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(FileHeader::decode(&newer), Err(HeaderFlaw::Format(2)));
    }

    #[test]
    fn names_are_understood_in_one_spelling_only() {
        for name in [Name::Numbered(0xab), Name::Numbered(u64::MAX), Name::Spare(12)] {
            assert_eq!(Name::parse(OsStr::new(&name.to_string())), Some(name));
        }
        assert_eq!(Name::Numbered(0xab).to_string(), "00000000000000ab.log");
        assert_eq!(Name::Spare(12).to_string(), "spare-12.log");
        for other in ["ab.log", "00000000000000AB.log", "+0000000000000ab.log", "spare-012.log"] {
            assert_eq!(Name::parse(OsStr::new(other)), None, "{other}");
        }
        for other in ["", ".log", "00000000000000ab", "spare-.log", "10000000000000000.log"] {
            assert_eq!(Name::parse(OsStr::new(other)), None, "{other}");
        }
    }
}
