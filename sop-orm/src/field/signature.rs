//! Descriptions of bytes, as text that a person can compare and a catalog can keep.

use std::fmt;

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
        match self {
            Self::Leaf(name) => f.write_str(name),
            Self::Option(inner) => write!(f, "option<{inner}>"),
            Self::List(item) => write!(f, "list<{item}>"),
            Self::Array(item, len) => write!(f, "[{item}; {len}]"),
            Self::Map(key, value) => write!(f, "map<{key}, {value}>"),
            Self::Tuple(items) => {
                f.write_str("(")?;
                separated(f, items, |f, item| item.fmt(f))?;
                f.write_str(")")
            }
            Self::Struct(fields) => braced(f, fields),
            Self::Enum(variants) => {
                f.write_str("enum{")?;
                separated(f, variants, |f, variant| {
                    write!(f, "{} {}", variant.tag, variant.name)?;
                    if variant.fields.is_empty() { Ok(()) } else { braced(f, variant.fields) }
                })?;
                f.write_str("}")
            }
        }
    }
}

fn braced(f: &mut fmt::Formatter<'_>, fields: &[NamedSignature]) -> fmt::Result {
    f.write_str("{")?;
    separated(f, fields, |f, field| write!(f, "{}: {}", field.name, field.signature))?;
    f.write_str("}")
}

fn separated<T>(
    f: &mut fmt::Formatter<'_>,
    items: &[T],
    mut write: impl FnMut(&mut fmt::Formatter<'_>, &T) -> fmt::Result,
) -> fmt::Result {
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            f.write_str(", ")?;
        }
        write(f, item)?;
    }
    Ok(())
}
