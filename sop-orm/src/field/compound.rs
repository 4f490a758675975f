//! Values that hold a fixed number of other values.

use super::{Decoder, Encoder, Field, Signature};
use crate::error::CodecError;

impl<T: Field> Field for Option<T> {
    const SIGNATURE: Signature = Signature::Option(&T::SIGNATURE);
    const OPTIONAL: bool = true;

    fn encode(&self, out: &mut Encoder) {
        match self {
            None => out.push(&[0]),
            Some(value) => {
                out.push(&[1]);
                value.encode(out);
            }
        }
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
        match u8::decode(input)? {
            0 => Ok(None),
            1 => T::decode(input).map(Some),
            tag => Err(CodecError::UnknownTag { tag: tag.into() }),
        }
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl<T: Field> Field for Box<T> {
    const SIGNATURE: Signature = T::SIGNATURE;
    const OPTIONAL: bool = T::OPTIONAL;

    fn encode(&self, out: &mut Encoder) {
        T::encode(self, out);
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
        T::decode(input).map(Self::new)
    }

    fn absent() -> Option<Self> {
        T::absent().map(Self::new)
    }
}

impl<T: Field, const N: usize> Field for [T; N] {
    const SIGNATURE: Signature = {
        assert!(N > 0, "a field takes at least one byte: an empty array cannot be stored");
        Signature::Array(&T::SIGNATURE, N)
    };

    fn encode(&self, out: &mut Encoder) {
        T::encode_items(self, out);
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
        array(|| T::decode(input))
    }
}

/// Reads the items of an array one by one.
pub(crate) fn array<T, const N: usize>(
    mut read: impl FnMut() -> Result<T, CodecError>,
) -> Result<[T; N], CodecError> {
    let items = (0..N).map(|_| read()).collect::<Result<Vec<T>, CodecError>>()?;
    items.try_into().map_err(|_| CodecError::UnexpectedEnd)
}

macro_rules! tuple {
    ($($item:ident $position:tt),+) => {
        impl<$($item: Field),+> Field for ($($item,)+) {
            const SIGNATURE: Signature = Signature::Tuple(&[$($item::SIGNATURE),+]);

            fn encode(&self, out: &mut Encoder) {
                $(self.$position.encode(out);)+
            }

            fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
                Ok(($($item::decode(input)?,)+))
            }
        }
    };
}

tuple!(A 0, B 1);
tuple!(A 0, B 1, C 2);
tuple!(A 0, B 1, C 2, D 3);
tuple!(A 0, B 1, C 2, D 3, E 4);
tuple!(A 0, B 1, C 2, D 3, E 4, F 5);
