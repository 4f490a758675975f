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
///     NamedSignature { name: "floor", signature: i8::SIGNATURE, sensitive: false },
///     NamedSignature { name: "room", signature: String::SIGNATURE, sensitive: false },
/// ]);
/// assert_eq!(PLACE.to_string(), "{floor: i8, room: string}");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct NamedSignature {
    /// The field's name.
    pub name: &'static str,
    /// How its value is written.
    pub signature: Signature,
    /// Whether its values are kept out of errors and events. Leaves no trace in the bytes.
    pub sensitive: bool,
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

impl Signature {
    /// Whether anything in values of the type is kept out of errors and events.
    ///
    /// ```
    /// use sop_orm::{Field, prelude::*};
    ///
    /// #[derive(SopEmbed)]
    /// #[sop(debug)]
    /// struct Login {
    ///     name: String,
    ///     #[sop(sensitive)]
    ///     pin: String,
    /// }
    /// assert!(<Vec<Option<Login>>>::SIGNATURE.is_sensitive());
    /// assert!(!String::SIGNATURE.is_sensitive());
    /// ```
    pub const fn is_sensitive(&self) -> bool {
        match self {
            Self::Leaf(_) => false,
            Self::Option(inner) | Self::List(inner) | Self::Array(inner, _) => inner.is_sensitive(),
            Self::Map(key, value) => key.is_sensitive() || value.is_sensitive(),
            Self::Tuple(items) => any(items),
            Self::Struct(fields) => any_field(fields),
            Self::Enum(variants) => any_variant(variants),
        }
    }
}

// Constants have no iterators.
const fn any(items: &[Signature]) -> bool {
    match items {
        [] => false,
        [first, rest @ ..] => first.is_sensitive() || any(rest),
    }
}

const fn any_field(fields: &[NamedSignature]) -> bool {
    match fields {
        [] => false,
        [first, rest @ ..] => first.sensitive || first.signature.is_sensitive() || any_field(rest),
    }
}

const fn any_variant(variants: &[VariantSignature]) -> bool {
    match variants {
        [] => false,
        [first, rest @ ..] => any_field(first.fields) || any_variant(rest),
    }
}

impl fmt::Display for Signature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Shape::from(self).fmt(f)
    }
}
