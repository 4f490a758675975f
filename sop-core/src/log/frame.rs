//! One frame as bytes: written, and judged when read. No files here.
//!
//! ```text
//!  0  magic       4 bytes        24  synced              u64
//!  4  CRC-32C of 8..48  u32      32  length of body      u32
//!  8  position    u64            36  CRC-32C of body     u32
//! 16  chain       u64            40  sequence, low half  u32
//!                                44  zero                u32
//! 48  body, zeros up to a multiple of 8, and eight zero bytes that the next frame overwrites
//! ```

use crate::{
    Error, Result,
    codec::{
        Malformed, Reader,
        write::{put_u32, put_u64},
    },
    guard::{self, Guard},
    id::Position,
};

/// Bytes in front of a frame's body.
pub(crate) const FRAME_HEADER_LEN: usize = 48;

/// Frames begin at multiples of this, in bytes.
pub(super) const ALIGN: u64 = 8;

/// Written behind the newest frame, where the next one will begin. No frame begins with zeros, as
/// they lie where it has its magic number.
pub(super) const END: [u8; 8] = [0; 8];
pub(super) const END_LEN: u64 = END.len() as u64;

const MAGIC: u32 = u32::from_le_bytes(*b"SOPf");
/// The bytes that the header's checksum covers: all behind itself.
const CHECKED_FROM: usize = 8;

/// What a frame says about itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    /// Checksum of the fields below.
    pub(super) crc: u32,
    pub(super) position: Position,
    /// What [`link`](Self::link) gives for the frame before.
    pub(super) chain: u64,
    /// All frames up to this one were known durable when this one was written.
    pub(super) synced: Position,
    pub(super) body_len: u32,
    pub(super) body_crc: u32,
    /// The low half of the file's sequence number.
    pub(super) sequence: u32,
}

/// Why there is no frame where one was looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    /// Nothing was ever begun there.
    End,
    /// Something is there, or should be, but not the frame in question.
    Bad(&'static str),
}

/// Where a frame is to go, and what its writer knows.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) position: Position,
    pub(super) chain: u64,
    pub(super) synced: Position,
    pub(super) sequence: u64,
}

/// How the sequence number of a file appears in its frames.
#[expect(clippy::cast_possible_truncation, reason = "the low half is what is wanted")]
fn low_half(sequence: u64) -> u32 {
    sequence as u32
}

/// How many bytes a frame with such a body needs in a file, the end behind it included.
pub(super) fn room(body_len: usize) -> Result<u64> {
    let limit = u64::from(u32::MAX);
    let bytes = body_len as u64;
    if bytes > limit {
        return Err(Error::TransactionTooLarge { bytes, limit });
    }
    Ok(padded(bytes) + END_LEN)
}

/// Length of a frame with such a body.
fn padded(body_len: u64) -> u64 {
    (FRAME_HEADER_LEN as u64 + body_len).next_multiple_of(ALIGN)
}

/// Turns [`FRAME_HEADER_LEN`] bytes of no meaning and a body behind them into a frame and the end
/// behind it. Returns what proves the next frame to be its successor.
pub(super) fn seal(frame: &mut Vec<u8>, place: Place) -> Result<u64> {
    let body = &frame[FRAME_HEADER_LEN..];
    let room = room(body.len())?;
    let header = FrameHeader {
        crc: 0,
        position: place.position,
        chain: place.chain,
        synced: place.synced,
        #[expect(clippy::cast_possible_truncation, reason = "room() has checked the length")]
        body_len: body.len() as u32,
        body_crc: crc32c::crc32c(body),
        sequence: low_half(place.sequence),
    };
    let (header, bytes) = header.encode();
    frame[..FRAME_HEADER_LEN].copy_from_slice(&bytes);
    #[expect(clippy::cast_possible_truncation, reason = "a little more than what is in memory")]
    frame.resize(room as usize, 0);
    Ok(header.link())
}

impl FrameHeader {
    /// The header as it is stored, with the checksum filled in.
    fn encode(mut self) -> (Self, Vec<u8>) {
        let mut bytes = Vec::with_capacity(FRAME_HEADER_LEN);
        put_u32(&mut bytes, MAGIC);
        put_u32(&mut bytes, 0);
        put_u64(&mut bytes, self.position.0);
        put_u64(&mut bytes, self.chain);
        put_u64(&mut bytes, self.synced.0);
        put_u32(&mut bytes, self.body_len);
        put_u32(&mut bytes, self.body_crc);
        put_u32(&mut bytes, self.sequence);
        put_u32(&mut bytes, 0);
        self.crc = crc32c::crc32c(&bytes[CHECKED_FROM..]);
        bytes[4..CHECKED_FROM].copy_from_slice(&self.crc.to_le_bytes());
        (self, bytes)
    }

    /// Takes a header for what it says if its checksum does.
    pub(super) fn decode(bytes: &[u8; FRAME_HEADER_LEN]) -> Result<Self, Stop> {
        if is_end(bytes) {
            return Err(Stop::End);
        }
        // Looked at first and alone, as most of what a search meets fails here.
        if bytes[..4] != MAGIC.to_le_bytes() {
            return Err(Stop::Bad("does not begin like a frame"));
        }
        let header = Self::fields(bytes).map_err(|Malformed(reason)| Stop::Bad(reason))?;
        if header.crc != crc32c::crc32c(&bytes[CHECKED_FROM..])
            && guard::stands(Guard::FrameChecksum)
        {
            return Err(Stop::Bad("has a header that does not match its checksum"));
        }
        Ok(header)
    }

    fn fields(bytes: &[u8; FRAME_HEADER_LEN]) -> Result<Self, Malformed> {
        let mut fields = Reader::new(&bytes[4..]);
        Ok(Self {
            crc: fields.u32()?,
            position: Position(fields.u64()?),
            chain: fields.u64()?,
            synced: Position(fields.u64()?),
            body_len: fields.u32()?,
            body_crc: fields.u32()?,
            sequence: fields.u32()?,
        })
    }

    /// Whether this is the header of the frame that `place` asks for.
    pub(super) fn check(&self, position: Position, chain: u64, sequence: u64) -> Result<(), Stop> {
        if !self.is_of(sequence) {
            Err(Stop::Bad("was written when the file had another number"))
        } else if self.position != position {
            Err(Stop::Bad("has another position"))
        } else if self.chain != chain && guard::stands(Guard::FrameChain) {
            Err(Stop::Bad("does not follow the frame before it"))
        } else {
            Ok(())
        }
    }

    /// Whether it was written in the life of a file that has this sequence number.
    pub(super) fn is_of(&self, sequence: u64) -> bool {
        self.sequence == low_half(sequence) || !guard::stands(Guard::FrameLife)
    }

    /// Whether these are the bytes that were written behind the header.
    pub(super) fn check_body(&self, body: &[u8]) -> Result<(), Stop> {
        if crc32c::crc32c(body) != self.body_crc && guard::stands(Guard::FrameChecksum) {
            Err(Stop::Bad("has a body that does not match its checksum"))
        } else {
            Ok(())
        }
    }

    /// Bytes from the frame's begin to where the next one may begin.
    pub(super) fn frame_len(&self) -> u64 {
        padded(u64::from(self.body_len))
    }

    /// A value that depends on all of the frame, and by its own chain on all frames before.
    pub(super) fn link(&self) -> u64 {
        u64::from(self.crc) << 32 | u64::from(self.body_crc)
    }
}

/// Whether no frame was begun in these bytes, of which the first few suffice to tell.
pub(super) fn is_end(bytes: &[u8]) -> bool {
    bytes.iter().take(END.len()).all(|byte| *byte == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLACE: Place =
        Place { position: Position(7), chain: 0x1122, synced: Position(5), sequence: 3 << 32 | 9 };

    fn framed(body: &[u8]) -> (Vec<u8>, u64) {
        let mut frame = vec![0xee; FRAME_HEADER_LEN];
        frame.extend_from_slice(body);
        let link = seal(&mut frame, PLACE).unwrap();
        (frame, link)
    }

    fn header(frame: &[u8]) -> Result<FrameHeader, Stop> {
        FrameHeader::decode(frame.first_chunk().unwrap())
    }

    #[test]
    fn the_bytes_are_the_documented_ones() {
        let (frame, link) = framed(b"123456789");
        assert_eq!(&frame[..4], b"SOPf");
        assert_eq!(frame[4..8], crc32c::crc32c(&frame[8..48]).to_le_bytes());
        assert_eq!(frame[8..16], 7_u64.to_le_bytes());
        assert_eq!(frame[16..24], 0x1122_u64.to_le_bytes());
        assert_eq!(frame[24..32], 5_u64.to_le_bytes());
        assert_eq!(frame[32..36], 9_u32.to_le_bytes());
        assert_eq!(frame[36..40], 0xe306_9283_u32.to_le_bytes(), "the check value of CRC-32C");
        assert_eq!(frame[40..44], 9_u32.to_le_bytes(), "the low half of the sequence number");
        assert_eq!(frame[44..48], [0; 4]);
        assert_eq!(&frame[48..57], b"123456789");
        assert_eq!(frame[57..], [0; 7 + 8], "padding and the end");
        assert_eq!(link.to_be_bytes()[..4], crc32c::crc32c(&frame[8..48]).to_be_bytes());
        assert_eq!(link.to_be_bytes()[4..], 0xe306_9283_u32.to_be_bytes());
    }

    #[test]
    fn a_frame_needs_the_room_that_is_reserved_for_it() {
        for len in 0..40 {
            let (frame, _) = framed(&vec![1; len]);
            assert_eq!(frame.len() as u64, room(len).unwrap());
            assert_eq!(frame.len() as u64, header(&frame).unwrap().frame_len() + END_LEN);
            assert_eq!(header(&frame).unwrap().frame_len() % ALIGN, 0);
        }
        assert!(room(u32::MAX as usize).is_ok());
        assert!(matches!(room(1 << 32), Err(Error::TransactionTooLarge { .. })));
    }

    #[test]
    fn a_header_is_checked_against_its_place() {
        let header = header(&framed(b"abc").0).unwrap();
        assert_eq!(header.check(Position(7), 0x1122, 3 << 32 | 9), Ok(()));
        assert!(header.check(Position(8), 0x1122, 9).is_err());
        assert!(header.check(Position(7), 0x1123, 9).is_err());
        assert!(header.check(Position(7), 0x1122, 10).is_err());
    }

    #[test]
    fn every_flipped_bit_is_found() {
        let (frame, _) = framed(b"some content");
        for bit in 0..(FRAME_HEADER_LEN + 12) * 8 {
            let mut damaged = frame.clone();
            damaged[bit / 8] ^= 1 << (bit % 8);
            let body = &damaged[FRAME_HEADER_LEN..][..12];
            let outcome = header(&damaged).and_then(|header| header.check_body(body));
            assert!(matches!(outcome, Err(Stop::Bad(_))), "bit {bit}");
        }
    }

    #[test]
    fn equal_bodies_behind_different_frames_have_different_links() {
        let (mut first, mut second) = (vec![0; FRAME_HEADER_LEN], vec![0; FRAME_HEADER_LEN]);
        let one = seal(&mut first, PLACE).unwrap();
        let other = seal(&mut second, Place { chain: 0x1123, ..PLACE }).unwrap();
        assert_ne!(one, other);
    }

    #[test]
    fn zeros_are_the_end_and_not_a_frame() {
        assert_eq!(FrameHeader::decode(&[0; FRAME_HEADER_LEN]), Err(Stop::End));
        let mut torn = [0; FRAME_HEADER_LEN];
        torn[9] = 1;
        assert_eq!(FrameHeader::decode(&torn), Err(Stop::End), "the begin was never written");
        assert!(is_end(&[]) && is_end(&[0; 3]) && !is_end(&[0, 0, 1]));
    }
}
