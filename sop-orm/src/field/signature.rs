//! Descriptions of bytes, as text that a person can compare and a catalog can keep.

use std::fmt;

use crate::layout::Shape;

/// Describes how a type is written. Equal signatures mean equal bytes.
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
#[derive(Clone, Copy, Debug)]
pub struct NamedSignature {
    /// The field's name.
    pub name: &'static str,
    /// How its value is written.
    pub signature: Signature,
}

/// A variant of a [`Signature::Enum`].
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
