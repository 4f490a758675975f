//! Text and byte strings: zero bytes are escaped, so that an end mark sorts before everything.

use super::{KeyPart, KeyReader, KeyWriter};
use crate::error::CodecError;

const ZERO: u8 = 0x00;
const ESCAPED: u8 = 0xFF;
const END: u8 = 0x01;

/// Writes bytes without an end mark: what everything that begins with them begins with.
pub(super) fn write_open(bytes: &[u8], out: &mut KeyWriter) {
    let mut rest = bytes;
    while let Some(zero) = rest.iter().position(|byte| *byte == ZERO) {
        let (head, tail) = rest.split_at(zero);
        out.push(head);
        out.push(&[ZERO, ESCAPED]);
        rest = tail.get(1..).unwrap_or_default();
    }
    out.push(rest);
}

pub(super) fn write(bytes: &[u8], out: &mut KeyWriter) {
    write_open(bytes, out);
    out.push(&[ZERO, END]);
}

fn read(input: &mut KeyReader<'_>) -> Result<Vec<u8>, CodecError> {
    let mut bytes = Vec::new();
    each_byte(input, |byte| bytes.push(byte))?;
    Ok(bytes)
}

fn each_byte(input: &mut KeyReader<'_>, mut take: impl FnMut(u8)) -> Result<(), CodecError> {
    loop {
        match input.byte()? {
            ZERO => match input.byte()? {
                END => return Ok(()),
                ESCAPED => take(ZERO),
                tag => return Err(CodecError::UnknownTag { tag: tag.into() }),
            },
            byte => take(byte),
        }
    }
}

impl KeyPart for u8 {
    fn write_part(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
        out.push(&[*self]);
        Ok(())
    }

    fn read_part(input: &mut KeyReader<'_>) -> Result<Self, CodecError> {
        input.byte()
    }

    fn write_list(list: &[Self], out: &mut KeyWriter) -> Result<(), CodecError> {
        write(list, out);
        Ok(())
    }

    fn read_list(input: &mut KeyReader<'_>) -> Result<Vec<Self>, CodecError> {
        read(input)
    }
}

impl KeyPart for String {
    fn write_part(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
        write(self.as_bytes(), out);
        Ok(())
    }

    fn read_part(input: &mut KeyReader<'_>) -> Result<Self, CodecError> {
        Self::from_utf8(read(input)?).map_err(|_| CodecError::NotUtf8)
    }

    fn skip_part(input: &mut KeyReader<'_>) -> Result<(), CodecError> {
        each_byte(input, |_| ())
    }
}
