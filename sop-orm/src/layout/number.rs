//! Numbers, and which of them can become which without a value changing.

use crate::{
    error::CodecError,
    field::{Decoder, Encoder, Field},
};

/// A number of any type.
#[derive(Clone, Copy)]
enum Value {
    Unsigned(u128),
    Signed(i128),
    Real(f64),
}

macro_rules! numbers {
    ($($kind:ident $type:ident $name:literal $sort:ident $bits:literal),*) => {
        /// The type of a number.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum Number {
            $($kind),*
        }

        impl Number {
            /// Every type, from narrow to wide.
            #[cfg(test)]
            pub(crate) const ALL: &'static [Self] = &[$(Self::$kind),*];

            /// The type of this name in a signature.
            pub(crate) fn named(name: &str) -> Option<Self> {
                match name {
                    $($name => Some(Self::$kind),)*
                    _ => None,
                }
            }

            /// Its name in a signature.
            #[cfg(test)]
            pub(crate) fn name(self) -> &'static str {
                match self {
                    $(Self::$kind => $name),*
                }
            }

            /// Whether it is an unsigned, a signed or a real number, and of how many bits.
            fn kind(self) -> (Sort, u32) {
                match self {
                    $(Self::$kind => (Sort::$sort, $bits)),*
                }
            }

            fn read(self, input: &mut Decoder<'_>) -> Result<Value, CodecError> {
                Ok(match self {
                    $(Self::$kind => Value::$sort($type::decode(input)?.into())),*
                })
            }
        }
    };
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Sort {
    Unsigned,
    Signed,
    Real,
}

numbers!(
    U8 u8 "u8" Unsigned 8, I8 i8 "i8" Signed 8,
    U16 u16 "u16" Unsigned 16, I16 i16 "i16" Signed 16,
    U32 u32 "u32" Unsigned 32, I32 i32 "i32" Signed 32,
    U64 u64 "u64" Unsigned 64, I64 i64 "i64" Signed 64,
    U128 u128 "u128" Unsigned 128, I128 i128 "i128" Signed 128,
    F32 f32 "f32" Real 32, F64 f64 "f64" Real 64
);

impl Number {
    /// Whether every value of this type is a value of the other one too, which is another type.
    pub(crate) fn widens_to(self, other: Self) -> bool {
        let ((sort, bits), (other_sort, other_bits)) = (self.kind(), other.kind());
        let sign_fits = sort == other_sort || (sort, other_sort) == (Sort::Unsigned, Sort::Signed);
        sign_fits && bits < other_bits
    }
}

/// Reads a number of one type and writes it as the other one, which it widens to.
pub(crate) fn widen(
    from: Number,
    to: Number,
    input: &mut Decoder<'_>,
    out: &mut Encoder,
) -> Result<(), CodecError> {
    let value = from.read(input)?;
    match to {
        Number::U8 | Number::I8 | Number::F32 => return Err(too_large()),
        Number::U16 => whole::<u16>(value)?.encode(out),
        Number::I16 => whole::<i16>(value)?.encode(out),
        Number::U32 => whole::<u32>(value)?.encode(out),
        Number::I32 => whole::<i32>(value)?.encode(out),
        Number::U64 => whole::<u64>(value)?.encode(out),
        Number::I64 => whole::<i64>(value)?.encode(out),
        Number::U128 => whole::<u128>(value)?.encode(out),
        Number::I128 => whole::<i128>(value)?.encode(out),
        Number::F64 => match value {
            Value::Real(value) => value.encode(out),
            Value::Unsigned(_) | Value::Signed(_) => return Err(too_large()),
        },
    }
    Ok(())
}

fn whole<T: TryFrom<u128> + TryFrom<i128>>(value: Value) -> Result<T, CodecError> {
    match value {
        Value::Unsigned(value) => T::try_from(value).map_err(|_| too_large()),
        Value::Signed(value) => T::try_from(value).map_err(|_| too_large()),
        Value::Real(_) => Err(too_large()),
    }
}

fn too_large() -> CodecError {
    CodecError::Malformed { reason: "a number does not fit into its new type".to_owned() }
}
