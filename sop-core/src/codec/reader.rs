//! A cursor over bytes nobody vouches for.

use std::fmt;

/// Bytes that do not say what they should; the text says what is wrong with them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Malformed(pub(crate) &'static str);

impl fmt::Display for Malformed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for Malformed {}

/// Takes values from the front of a slice. Every call either succeeds and moves on, or fails;
/// after a failure the rest is of no use.
#[derive(Clone, Debug)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(crate) fn u8(&mut self) -> Result<u8, Malformed> {
        self.array().map(u8::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }

    /// A number of up to ten bytes, in its shortest form.
    pub(crate) fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0;
        for shift in (0..u64::BITS).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            // Nine bytes carry 63 bits, so the tenth has room for one.
            if bits > u64::MAX >> shift {
                return Err(Malformed("a number of more than 64 bits"));
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                if byte == 0 && shift > 0 {
                    return Err(Malformed("a number longer than it needs to be"));
                }
                return Ok(value);
            }
        }
        Err(Malformed("a number of more than 64 bits"))
    }

    /// The next `len` bytes.
    pub(crate) fn bytes(&mut self, len: usize) -> Result<&'a [u8], Malformed> {
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(ENDED)?;
        self.rest = rest;
        Ok(taken)
    }

    /// The next `N` bytes, as an array.
    pub(crate) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.rest.split_first_chunk().ok_or(ENDED)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// Bytes behind their length.
    pub(crate) fn prefixed(&mut self) -> Result<&'a [u8], Malformed> {
        let len = self.varint()?;
        let len = usize::try_from(len).map_err(|_| ENDED)?;
        self.bytes(len)
    }

    /// Text behind its length.
    pub(crate) fn text(&mut self) -> Result<String, Malformed> {
        String::from_utf8(self.prefixed()?.to_vec()).map_err(|_| Malformed("no text"))
    }

    /// As many as a count in front of them says. Nothing is reserved for those that were not found.
    pub(crate) fn all<T>(
        &mut self,
        one: impl Fn(&mut Self) -> Result<T, Malformed>,
    ) -> Result<Vec<T>, Malformed> {
        let count = self.varint()?;
        (0..count).map(|_| one(self)).collect()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Says that nothing more is expected.
    pub(crate) fn finish(self) -> Result<(), Malformed> {
        if self.is_empty() { Ok(()) } else { Err(Malformed("bytes left over behind the end")) }
    }
}

const ENDED: Malformed = Malformed("the bytes end too early");

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::write::{put_bytes, put_prefixed, put_u8, put_u32, put_u64, put_varint};
    use proptest::prelude::*;

    #[test]
    fn what_is_written_is_read_back_in_order() {
        let mut out = Vec::new();
        put_u8(&mut out, 1);
        put_u32(&mut out, 0x0405_0607);
        put_u64(&mut out, u64::MAX - 1);
        put_prefixed(&mut out, b"ann");
        put_bytes(&mut out, b"xyz");
        assert_eq!(out[..5], [1, 7, 6, 5, 4], "little endian");

        let mut reader = Reader::new(&out);
        assert_eq!(reader.u8(), Ok(1));
        assert_eq!(reader.u32(), Ok(0x0405_0607));
        assert_eq!(reader.u64(), Ok(u64::MAX - 1));
        assert_eq!(reader.prefixed(), Ok(&b"ann"[..]));
        assert_eq!(reader.rest.len(), 3);
        assert!(reader.clone().finish().is_err());
        assert_eq!(reader.array(), Ok(*b"xyz"));
        assert_eq!(reader.finish(), Ok(()));
    }

    #[test]
    fn numbers_have_one_form_only() {
        let accepted: [(&[u8], u64); 5] = [
            (&[0], 0),
            (&[0x7f], 127),
            (&[0x80, 1], 128),
            (&[0xff, 0xff, 0x03], 0xffff),
            (&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], u64::MAX),
        ];
        for (bytes, value) in accepted {
            assert_eq!(Reader::new(bytes).varint(), Ok(value));
        }
        let refused: [&[u8]; 6] = [
            &[],
            &[0x80],
            &[0x80, 0],
            &[0xff, 0x80, 0],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 2],
            &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x81, 0],
        ];
        for bytes in refused {
            assert!(Reader::new(bytes).varint().is_err(), "{bytes:x?}");
        }
    }

    #[test]
    fn a_length_beyond_the_end_is_refused_before_anything_is_taken() {
        let mut out = Vec::new();
        put_varint(&mut out, u64::MAX);
        out.extend([0; 8]);
        assert_eq!(Reader::new(&out).prefixed(), Err(ENDED));
        assert_eq!(Reader::new(&[1, 2]).bytes(3), Err(ENDED));
        assert_eq!(Reader::new(&[1, 2, 3]).u32(), Err(ENDED));
    }

    proptest! {
        #[test]
        fn every_number_survives(value in any::<u64>(), shift in 0_u32..64) {
            let value = value >> shift;
            let mut out = Vec::new();
            put_varint(&mut out, value);
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.varint(), Ok(value));
            prop_assert!(reader.is_empty());
        }

        /// Any bytes that are taken for a number are exactly what writing that number gives.
        #[test]
        fn arbitrary_bytes_never_read_as_a_number_in_disguise(bytes in prop::collection::vec(any::<u8>(), 0..12)) {
            let mut reader = Reader::new(&bytes);
            if let Ok(value) = reader.varint() {
                let mut out = Vec::new();
                put_varint(&mut out, value);
                prop_assert_eq!(&out[..], &bytes[..bytes.len() - reader.rest.len()]);
            }
        }

        #[test]
        fn arbitrary_bytes_never_yield_more_than_there_is(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
            let mut reader = Reader::new(&bytes);
            let mut taken = 0;
            while let Ok(part) = reader.prefixed() {
                taken += part.len();
            }
            prop_assert!(taken <= bytes.len());
        }
    }
}
