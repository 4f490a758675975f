//! Values without parts: how long they are, so that they can be copied without their types.

use crate::{error::CodecError, field::Decoder};

/// How the end of a value is found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Leaf {
    /// It has so many bytes.
    Fixed(usize),
    /// So many numbers of variable length.
    Compact(usize),
    Char,
    Text,
}

impl Leaf {
    /// The kind of the type with this name in a signature, if the library wrote it.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "u8" | "i8" | "bool" => Self::Fixed(1),
            "f16" => Self::Fixed(2),
            "f32" => Self::Fixed(4),
            "f64" => Self::Fixed(8),
            "uuid" | "ulid" => Self::Fixed(16),
            "u16" | "i16" | "u32" | "i32" | "u64" | "i64" | "u128" | "i128" | "timestamp" => {
                Self::Compact(1)
            }
            "duration" => Self::Compact(2),
            "char" => Self::Char,
            "string" => Self::Text,
            _ => return None,
        })
    }

    /// Takes the bytes of one value. Whether they are one is found when they are read.
    pub(crate) fn take<'a>(self, input: &mut Decoder<'a>) -> Result<&'a [u8], CodecError> {
        let mut ahead = input.clone();
        match self {
            Self::Fixed(len) => drop(ahead.take_slice(len)?),
            Self::Compact(numbers) => {
                for _ in 0..numbers {
                    let [first] = ahead.take()?;
                    let len = match first {
                        0..=250 => 0,
                        251 => 2,
                        252 => 4,
                        253 => 8,
                        254 => 16,
                        255 => return Err(CodecError::UnknownTag { tag: first.into() }),
                    };
                    ahead.take_slice(len)?;
                }
            }
            Self::Char => {
                let [first] = ahead.take()?;
                let len = (first.leading_ones() as usize).saturating_sub(1).min(3);
                ahead.take_slice(len)?;
            }
            Self::Text => {
                let len = ahead.take_len()?;
                ahead.take_slice(len)?;
            }
        }
        input.take_slice(input.left() - ahead.left())
    }
}
