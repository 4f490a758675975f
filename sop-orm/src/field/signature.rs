//! Descriptions of bytes, as text that a person can compare and a catalog can keep.

use std::fmt;

use crate::layout::Shape;

/// Describes how a type is written. Equal signatures mean equal bytes.
///
/// ```
/// use sop_orm::{Field, Signature};
///
/// assert_eq!(<Option<Vec<u32>>>::SIGNATURE.to_string(), "option<list<u32>>");
/// assert!(matches!(String::SIGNATURE, Signature::Leaf(_)));
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub enum Signature {
    /// A value without parts.
    Leaf(&'static str),
    /// A value that may be missing.
    Option(&'static Signature),
    /// Any number of items.
    List(&'static Signature),
    /// A fixed number of items.
    Array(&'static Signature, usize),
    /// Any number of keys with values.
    Map(&'static Signature, &'static Signature),
    /// Several values without names.
    Tuple(&'static [Signature]),
    /// Several values with names.
    Struct(&'static [NamedSignature]),
    /// One of several variants.
    Enum(&'static [VariantSignature]),
}

/// A field of a [`Signature::Struct`].
///
/// ```
/// use sop_orm::{Field, NamedSignature, Signature};
///
/// /// Of a type that is written as a number and a text.
/// const PLACE: Signature = Signature::Struct(&[
///     NamedSignature { name: "floor", signature: i8::SIGNATURE },
///     NamedSignature { name: "room", signature: String::SIGNATURE },
/// ]);
/// assert_eq!(PLACE.to_string(), "{floor: i8, room: string}");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct NamedSignature {
    /// The field's name.
    pub name: &'static str,
    /// How its value is written.
    pub signature: Signature,
}

/// A variant of a [`Signature::Enum`].
///
/// ```
/// use sop_orm::{Signature, VariantSignature};
///
/// /// Of a type that is written as the tag, a `u32`.
/// const SIDE: Signature = Signature::Enum(&[
///     VariantSignature { tag: 0, name: "Left", fields: &[] },
///     VariantSignature { tag: 1, name: "Right", fields: &[] },
/// ]);
/// assert!(SIDE.to_string().contains("Left"));
/// ```
#[derive(Clone, Copy, Debug)]
pub struct VariantSignature {
    /// The number that stands for the variant.
    pub tag: u16,
    /// Its name.
    pub name: &'static str,
    /// Its fields.
    pub fields: &'static [NamedSignature],
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shape::from(self).fmt(f)
    }
}
