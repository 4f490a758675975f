//! One slot as bytes: written, and judged when read. No files here.
//!
//! ```text
//!  0  magic        8 bytes         48  member            16 bytes
//!  8  format       u32             64  sequence          u64
//! 12  CRC-32C of 16..112  u32      72  CRC-32C of body   u32
//! 16  database     16 bytes        76  zero              u32
//! 32  position     u64             80  nonce             16 bytes
//! 40  kind         u32             96  base              16 bytes
//! 44  length of body  u32         112  body, up to the end of the file
//! ```

use std::ops::Range;

use crate::{
    Error, Result,
    codec::{
        Malformed, Reader,
        write::{put_bytes, put_u32, put_u64},
    },
    id::Position,
    limit::COUNT_MAX,
};

/// Bytes in front of a slot's body.
pub(crate) const SLOT_HEADER_LEN: usize = 112;

pub(super) const FORMAT: u32 = 1;

const MAGIC: [u8; 8] = *b"SOPslot\n";
/// The bytes that the header's checksum covers: all behind itself.
const CHECKED_FROM: usize = 16;
const CRC_AT: usize = 12;

/// What a slot is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A batch of deltas.
    Batch,
    /// Its author becomes a member.
    Join,
    /// Its author is a member no more.
    Leave,
    /// The member that its body names is one no more.
    Expel,
    /// Its author takes the numbers of segments that its body names.
    Lease,
}

impl Kind {
    fn number(self) -> u32 {
        match self {
            Self::Batch => 0,
            Self::Join => 1,
            Self::Leave => 2,
            Self::Expel => 3,
            Self::Lease => 4,
        }
    }

    fn of(number: u32) -> Option<Self> {
        let all = [Self::Batch, Self::Join, Self::Leave, Self::Expel, Self::Lease];
        all.into_iter().find(|kind| kind.number() == number)
    }
}

/// The body of a slot that takes the numbers from `first` up to but without `end`.
pub(super) fn lease(first: u32, end: u32) -> [u8; 8] {
    (u64::from(first) | u64::from(end) << 32).to_le_bytes()
}

/// The numbers that the body of such a slot takes.
pub(super) fn leased(body: &[u8]) -> Option<Range<u32>> {
    let (first, end) = body.split_at_checked(4)?;
    let number = |bytes: &[u8]| bytes.try_into().ok().map(u32::from_le_bytes);
    Some(number(first)?..number(end)?)
}

/// Sixteen random bytes by which a batch is told from every other one.
pub(crate) type Nonce = [u8; 16];

/// Who has a shared folder open: sixteen random bytes, made anew for each opening.
pub(crate) type Member = [u8; 16];

/// A place in a log of slots: the position of a slot, and the nonce of what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Tip {
    pub(crate) position: Position,
    pub(crate) nonce: Nonce,
}

impl Tip {
    /// Before the first slot.
    pub(crate) const START: Self = Self { position: Position::ZERO, nonce: [0; 16] };
}

/// What a slot says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct SlotHeader {
    pub(crate) database: [u8; 16],
    pub(crate) position: Position,
    pub(crate) kind: Kind,
    pub(crate) member: Member,
    /// Counts the slots of the member: 1, 2, 3, ..
    pub(crate) sequence: u64,
    pub(crate) nonce: Nonce,
    /// The nonce in the slot before, which the author had applied.
    pub(crate) base: Nonce,
}

/// Why bytes are not the slot that was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Flaw {
    /// Something is there, but not a slot that was written.
    Bad(&'static str),
    /// A slot of another format.
    Format(u32),
}

impl From<Malformed> for Flaw {
    fn from(Malformed(reason): Malformed) -> Self {
        Self::Bad(reason)
    }
}

impl SlotHeader {
    /// The place that a log is at when this slot is applied.
    pub(crate) fn tip(&self) -> Tip {
        Tip { position: self.position, nonce: self.nonce }
    }

    /// Turns [`SLOT_HEADER_LEN`] bytes of no meaning and a body behind them into a slot.
    pub(crate) fn seal(&self, slot: &mut [u8]) -> Result<()> {
        let (header, body) = slot.split_at_mut(SLOT_HEADER_LEN);
        let (bytes, limit) = (body.len() as u64, u64::from(u32::MAX));
        let too_large = |_| Error::TransactionTooLarge { bytes, limit };
        let body_len = u32::try_from(body.len()).map_err(too_large)?;
        let mut out = Vec::with_capacity(SLOT_HEADER_LEN);
        put_bytes(&mut out, &MAGIC);
        put_u32(&mut out, FORMAT);
        put_u32(&mut out, 0);
        put_bytes(&mut out, &self.database);
        put_u64(&mut out, self.position.0);
        put_u32(&mut out, self.kind.number());
        put_u32(&mut out, body_len);
        put_bytes(&mut out, &self.member);
        put_u64(&mut out, self.sequence);
        put_u32(&mut out, crc32c::crc32c(body));
        put_u32(&mut out, 0);
        put_bytes(&mut out, &self.nonce);
        put_bytes(&mut out, &self.base);
        let crc = crc32c::crc32c(&out[CHECKED_FROM..]);
        out[CRC_AT..CHECKED_FROM].copy_from_slice(&crc.to_le_bytes());
        header.copy_from_slice(&out);
        Ok(())
    }

    /// Takes a header for what it says if its checksum does, together with the body's length.
    pub(super) fn decode(bytes: &[u8; SLOT_HEADER_LEN]) -> Result<(Self, Body), Flaw> {
        let mut fields = Reader::new(bytes);
        if fields.array()? != MAGIC {
            return Err(Flaw::Bad("it does not begin like a slot"));
        }
        let format = fields.u32()?;
        if format != FORMAT {
            return Err(Flaw::Format(format));
        }
        if fields.u32()? != crc32c::crc32c(&bytes[CHECKED_FROM..]) {
            return Err(Flaw::Bad("its header does not match its checksum"));
        }
        let (database, position) = (fields.array()?, Position(fields.u64()?));
        let (kind, len) = (Kind::of(fields.u32()?), fields.u32()?);
        let (member, sequence) = (fields.array()?, fields.u64()?);
        let crc = fields.u32()?;
        let _zero = fields.u32()?;
        let (nonce, base) = (fields.array()?, fields.array()?);
        let Some(kind) = kind else { return Err(Flaw::Bad("it is of an unknown kind")) };
        if position.0 > COUNT_MAX || sequence > COUNT_MAX {
            return Err(Flaw::Bad("it has a number that is never reached"));
        }
        let header = Self { database, position, kind, member, sequence, nonce, base };
        Ok((header, Body { len: u64::from(len), crc }))
    }

    /// Whether this is the slot that follows `tip` in the log of `database`.
    pub(super) fn check(&self, database: [u8; 16], tip: Tip) -> Result<(), Flaw> {
        if self.database != database {
            Err(Flaw::Bad("it belongs to another database"))
        } else if self.position != tip.position.next() {
            Err(Flaw::Bad("it was written for another position"))
        } else if self.base != tip.nonce {
            Err(Flaw::Bad("it does not follow the slot before it; the disk has lost some slot"))
        } else {
            Ok(())
        }
    }
}

/// What a header says about the bytes behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Body {
    pub(super) len: u64,
    crc: u32,
}

impl Body {
    /// Whether these are the bytes that were written behind the header.
    pub(super) fn check(self, bytes: &[u8]) -> Result<(), Flaw> {
        if crc32c::crc32c(bytes) == self.crc {
            Ok(())
        } else {
            Err(Flaw::Bad("its body does not match its checksum"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: SlotHeader = SlotHeader {
        database: *b"0123456789abcdef",
        position: Position(7),
        kind: Kind::Expel,
        member: [2; 16],
        sequence: 3,
        nonce: [4; 16],
        base: [5; 16],
    };

    fn sealed(body: &[u8]) -> Vec<u8> {
        let mut slot = vec![0xee; SLOT_HEADER_LEN];
        slot.extend_from_slice(body);
        HEADER.seal(&mut slot).unwrap();
        slot
    }

    fn decoded(slot: &[u8]) -> Result<SlotHeader, Flaw> {
        let (header, body) = SlotHeader::decode(slot.first_chunk().unwrap())?;
        body.check(&slot[SLOT_HEADER_LEN..])?;
        Ok(header)
    }

    #[test]
    fn the_bytes_are_the_documented_ones() {
        let slot = sealed(b"123456789");
        assert_eq!(&slot[..8], b"SOPslot\n");
        assert_eq!(slot[8..12], 1_u32.to_le_bytes());
        assert_eq!(slot[12..16], crc32c::crc32c(&slot[16..112]).to_le_bytes());
        assert_eq!(&slot[16..32], b"0123456789abcdef");
        assert_eq!(slot[32..40], 7_u64.to_le_bytes());
        assert_eq!(slot[40..44], 3_u32.to_le_bytes());
        assert_eq!(slot[44..48], 9_u32.to_le_bytes());
        assert_eq!(slot[48..64], [2; 16]);
        assert_eq!(slot[64..72], 3_u64.to_le_bytes());
        assert_eq!(slot[72..76], 0xe306_9283_u32.to_le_bytes(), "the check value of CRC-32C");
        assert_eq!(slot[76..80], [0; 4]);
        assert_eq!(slot[80..96], [4; 16]);
        assert_eq!(slot[96..112], [5; 16]);
        assert_eq!(&slot[112..], b"123456789");
    }

    #[test]
    fn a_slot_comes_back_from_its_bytes() {
        assert_eq!(decoded(&sealed(b"abc")), Ok(HEADER));
        assert_eq!(decoded(&sealed(b"")), Ok(HEADER));
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let slot = sealed(b"some content");
        for bit in 0..slot.len() * 8 {
            let mut damaged = slot.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(decoded(&damaged).is_err(), "bit {bit}");
        }
    }

    #[test]
    fn a_slot_is_checked_against_its_place() {
        let tip = Tip { position: Position(6), nonce: [5; 16] };
        assert_eq!(HEADER.check(HEADER.database, tip), Ok(()));
        assert!(HEADER.check([0; 16], tip).is_err());
        assert!(HEADER.check(HEADER.database, Tip { position: Position(7), ..tip }).is_err());
        assert!(HEADER.check(HEADER.database, Tip { nonce: [6; 16], ..tip }).is_err());
    }

    #[test]
    fn a_kind_that_nobody_knows_is_refused() {
        let mut slot = sealed(b"abc");
        slot[40] = 5;
        let crc = crc32c::crc32c(&slot[CHECKED_FROM..SLOT_HEADER_LEN]);
        slot[CRC_AT..CHECKED_FROM].copy_from_slice(&crc.to_le_bytes());
        assert_eq!(decoded(&slot), Err(Flaw::Bad("it is of an unknown kind")));
    }

    #[test]
    fn a_newer_format_is_said_to_be_one() {
        let mut slot = sealed(b"abc");
        slot[8] = 2;
        assert_eq!(decoded(&slot), Err(Flaw::Format(2)));
    }
}
