//! Numbers and other values of a fixed length.

use uuid::Uuid;

use super::{KeyPart, KeyReader, KeyWriter};
use crate::error::CodecError;

macro_rules! unsigned {
    ($($type:ty),*) => {$(
        impl KeyPart for $type {
            fn write_part(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
                out.push(&self.to_be_bytes());
                Ok(())
            }

            fn read_part(input: &mut KeyReader<'_>) -> Result<Self, CodecError> {
                input.take().map(Self::from_be_bytes)
            }
        }
    )*};
}

unsigned!(u16, u32, u64, u128);

macro_rules! signed {
    ($($type:ty),*) => {$(
        impl KeyPart for $type {
            fn write_part(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
                // With the sign bit flipped, negative numbers come before positive ones.
                out.push(&(self ^ Self::MIN).to_be_bytes());
                Ok(())
            }

            fn read_part(input: &mut KeyReader<'_>) -> Result<Self, CodecError> {
                input.take().map(|bytes| Self::from_be_bytes(bytes) ^ Self::MIN)
            }
        }
    )*};
}

signed!(i8, i16, i32, i64, i128);

macro_rules! float {
    ($($type:ty => $bits:ty),*) => {$(
        impl KeyPart for $type {
            fn write_part(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
                const SIGN: $bits = 1 << (<$bits>::BITS - 1);
                if self.is_nan() {
                    return Err(CodecError::NotANumber);
                }
                // Adding zero turns -0.0 into 0.0, so that equal numbers have equal keys.
                let bits = (self + 0.0).to_bits();
                let ordered = if bits & SIGN == 0 { bits | SIGN } else { !bits };
                out.push(&ordered.to_be_bytes());
                Ok(())
            }

            fn read_part(input: &mut KeyReader<'_>) -> Result<Self, CodecError> {
                const SIGN: $bits = 1 << (<$bits>::BITS - 1);
                let ordered = input.take().map(<$bits>::from_be_bytes)?;
                let bits = if ordered & SIGN == 0 { !ordered } else { ordered ^ SIGN };
                let value = Self::from_bits(bits);
                if bits == SIGN {
                    // Never written: it would be a second key of the same number.
                    return Err(CodecError::Malformed { reason: "a key of -0.0".to_owned() });
                }
                if value.is_nan() { Err(CodecError::NotANumber) } else { Ok(value) }
            }
        }
    )*};
}

float!(f32 => u32, f64 => u64);

impl KeyPart for bool {
    fn write_part(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
        out.push(&[u8::from(*self)]);
        Ok(())
    }

    fn read_part(input: &mut KeyReader<'_>) -> Result<Self, CodecError> {
        match input.byte()? {
            0 => Ok(false),
            1 => Ok(true),
            tag => Err(CodecError::UnknownTag { tag: tag.into() }),
        }
    }
}

impl KeyPart for char {
    fn write_part(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
        u32::from(*self).write_part(out)
    }

    fn read_part(input: &mut KeyReader<'_>) -> Result<Self, CodecError> {
        let code = u32::read_part(input)?;
        Self::from_u32(code).ok_or(CodecError::UnknownTag { tag: code })
    }
}

impl KeyPart for Uuid {
    fn write_part(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
        out.push(self.as_bytes());
        Ok(())
    }

    fn read_part(input: &mut KeyReader<'_>) -> Result<Self, CodecError> {
        input.take().map(Self::from_bytes)
    }
}
