//! What is known of a blob for as long as it exists.
//!
//! It is never written again, so that whoever relies on it meets nobody.

use crate::{
    codec::{Reader, write},
    error::Error,
    limit::{BLOB_CHUNK_LEN_MAX, BLOB_CHUNK_LEN_MIN},
};

const FORMAT: u8 = 1;

/// The header of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    /// Length of all chunks but the last, in bytes.
    pub(super) chunk_len: u32,
}

impl Header {
    /// Refuses chunks of a length that none has.
    pub(super) fn new(chunk_len: usize) -> Result<Self, Error> {
        let (min, max) = (BLOB_CHUNK_LEN_MIN, BLOB_CHUNK_LEN_MAX);
        match u32::try_from(chunk_len) {
            Ok(len) if (min..=max).contains(&chunk_len) => Ok(Self { chunk_len: len }),
            _ => Err(Error::Invalid(format!(
                "chunks of {chunk_len} bytes: they have {min} to {max}"
            ))),
        }
    }

    pub(super) fn encode(self) -> Vec<u8> {
        let mut bytes = vec![FORMAT];
        write::put_u32(&mut bytes, self.chunk_len);
        bytes
    }

    /// What [`encode`](Self::encode) wrote, or what is wrong with it.
    pub(super) fn decode(bytes: &[u8]) -> Result<Self, &'static str> {
        let mut reader = Reader::new(bytes);
        let fields = || {
            let format = reader.u8()?;
            let chunk_len = reader.u32()?;
            reader.finish().map(|()| (format, chunk_len))
        };
        match fields() {
            Ok((FORMAT, chunk_len)) => Self::new(chunk_len as usize)
                .map_err(|_| "a blob with chunks of an impossible length"),
            Ok(_) => Err("a blob of an unknown format"),
            Err(_) => Err("a header of a blob that is none"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_survives_its_encoding_and_nothing_else_is_one() {
        let header = Header { chunk_len: 1 << 20 };
        assert_eq!(header.encode(), [1, 0, 0, 16, 0]);
        assert_eq!(Header::decode(&header.encode()), Ok(header));
        let others: [&[u8]; 6] = [
            b"",
            &[1, 0, 0, 16],
            &[1, 0, 0, 16, 0, 0],
            &[2, 0, 0, 16, 0],
            &[1, 0, 0, 0, 0],
            &[1, 0xff, 0xff, 0xff, 0xff],
        ];
        for bytes in others {
            assert!(Header::decode(bytes).is_err(), "{bytes:?}");
        }
    }
}
