//! Values without parts.

use std::time::Duration;

use uuid::Uuid;

use super::{Decoder, Encoder, Field, Signature};
use crate::error::CodecError;

macro_rules! leaf {
    ($($type:ident),*) => {$(
        impl Field for $type {
            const SIGNATURE: Signature = Signature::Leaf(stringify!($type));

            fn encode(&self, out: &mut Encoder) {
                out.push_leaf(self);
            }

            fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
                input.take_leaf()
            }
        }
    )*};
}

leaf!(i8, u16, i16, u32, i32, u64, i64, u128, i128, f32, f64, bool, char);

impl Field for u8 {
    const SIGNATURE: Signature = Signature::Leaf("u8");

    fn encode(&self, out: &mut Encoder) {
        out.push(&[*self]);
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
        input.take().map(|[byte]| byte)
    }

    fn encode_items(items: &[Self], out: &mut Encoder) {
        out.push(items);
    }

    fn decode_items(len: usize, input: &mut Decoder<'_>) -> Result<Vec<Self>, CodecError> {
        input.take_slice(len).map(<[u8]>::to_vec)
    }
}

impl Field for String {
    const SIGNATURE: Signature = Signature::Leaf("string");

    fn encode(&self, out: &mut Encoder) {
        out.push_len(self.len());
        out.push(self.as_bytes());
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
        let len = input.take_len()?;
        let text = std::str::from_utf8(input.take_slice(len)?).map_err(|_| CodecError::NotUtf8)?;
        Ok(text.to_owned())
    }
}

impl Field for Uuid {
    const SIGNATURE: Signature = Signature::Leaf("uuid");

    fn encode(&self, out: &mut Encoder) {
        out.push(self.as_bytes());
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
        input.take().map(Self::from_bytes)
    }
}

impl Field for Duration {
    const SIGNATURE: Signature = Signature::Leaf("duration");

    fn encode(&self, out: &mut Encoder) {
        self.as_secs().encode(out);
        self.subsec_nanos().encode(out);
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
        let (secs, nanos) = (u64::decode(input)?, u32::decode(input)?);
        if nanos >= 1_000_000_000 {
            return Err(CodecError::Malformed { reason: format!("{nanos} nanoseconds") });
        }
        Ok(Self::new(secs, nanos))
    }
}
