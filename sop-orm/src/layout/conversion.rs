//! Conversions: from the bytes of a stored type to those of the compiled one.
//!
//! [`between`] compares two shapes and builds a conversion that loses nothing, or says what stands
//! in the way. [`Conversion::apply`] reads one value and writes the other; it knows shapes, not
//! types, so it is compiled once.

use std::{collections::BTreeMap, fmt};

use super::{
    leaf::Leaf,
    number::{self, Number},
    shape::{NamedShape, Shape, VariantShape},
};
use crate::{
    error::CodecError,
    field::{Decoder, Encoder, Field},
};

/// How a stored value becomes one of the compiled type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Conversion {
    /// Everything that is left, as it is.
    Rest,
    Leaf(Leaf),
    Widen(Number, Number),
    /// A value becomes one that may be missing.
    Wrap(Box<Conversion>),
    Option(Box<Conversion>),
    List(Box<Conversion>),
    Array(Box<Conversion>, usize),
    Map(Box<(Conversion, Conversion)>),
    Tuple(Vec<Conversion>),
    Struct(Fields),
    /// The fields of each variant, by its tag.
    Enum(BTreeMap<u32, Fields>),
}

/// How the fields of a struct or a variant become others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fields {
    /// For each stored field how it is converted.
    stored: Vec<Conversion>,
    /// For each field of the compiled type which of these it is; `None` is written for others.
    sources: Vec<Option<usize>>,
}

/// What stands in the way of a conversion, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Mismatch {
    /// The place inside of the field; empty for the field itself.
    path: String,
    reason: String,
}

impl Mismatch {
    fn new(reason: impl Into<String>) -> Self {
        Self { path: String::new(), reason: reason.into() }
    }

    fn inside(mut self, place: &str) -> Self {
        self.path.insert_str(0, place);
        self
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.path.as_str() {
            "" => f.write_str(&self.reason),
            path => write!(f, "at {}: {}", path.trim_start_matches('.'), self.reason),
        }
    }
}

/// The conversion between a whole stored field and the compiled one, which are not the same.
pub(crate) fn of_field(stored: &Shape, target: &Shape) -> Result<Conversion, Mismatch> {
    match target {
        Shape::Option(inner) if **inner == *stored => {
            Ok(Conversion::Wrap(Box::new(Conversion::Rest)))
        }
        _ => between(stored, target),
    }
}

/// The conversion between two shapes. For equal ones it copies.
fn between(stored: &Shape, target: &Shape) -> Result<Conversion, Mismatch> {
    let inside = |place, stored: &Shape, target: &Shape| {
        between(stored, target).map(Box::new).map_err(|found| found.inside(place))
    };
    match (stored, target) {
        (Shape::Leaf(stored), Shape::Leaf(target)) => leaf(stored, target),
        // What was made optional, even if it was optional before, is there.
        (_, Shape::Option(inner)) if target.options() > stored.options() => {
            between(stored, inner).map(Box::new).map(Conversion::Wrap)
        }
        (Shape::Option(stored), Shape::Option(target)) => {
            inside("?", stored, target).map(Conversion::Option)
        }
        (Shape::Option(_), _) => Err(Mismatch::new(format!(
            "{stored} may be none, which no {target} is: keep the Option"
        ))),
        (Shape::List(stored), Shape::List(target)) => {
            inside("[]", stored, target).map(Conversion::List)
        }
        (Shape::Array(stored, len), Shape::Array(target, same)) if len == same => {
            inside("[]", stored, target).map(|item| Conversion::Array(item, *len))
        }
        (Shape::Map(key, value), Shape::Map(target_key, target_value)) => {
            let key = inside("[key]", key, target_key)?;
            let value = inside("[value]", value, target_value)?;
            Ok(Conversion::Map(Box::new((*key, *value))))
        }
        (Shape::Tuple(stored), Shape::Tuple(target)) if stored.len() == target.len() => {
            let items = stored.iter().zip(target).enumerate();
            let items = items.map(|(at, (stored, target))| {
                between(stored, target).map_err(|found| found.inside(&format!(".{at}")))
            });
            items.collect::<Result<_, _>>().map(Conversion::Tuple)
        }
        (Shape::Struct(stored), Shape::Struct(target)) => {
            fields(stored, target).map(Conversion::Struct)
        }
        (Shape::Enum(stored), Shape::Enum(target)) => {
            let variants = stored.iter().map(|one| Ok((one.tag, variant(one, target)?)));
            variants.collect::<Result<_, _>>().map(Conversion::Enum)
        }
        _ => Err(Mismatch::new(format!("{stored} does not become {target} by itself"))),
    }
}

fn leaf(stored: &str, target: &str) -> Result<Conversion, Mismatch> {
    if let (Some(from), Some(to)) = (Number::named(stored), Number::named(target))
        && from.widens_to(to)
    {
        return Ok(Conversion::Widen(from, to));
    }
    if stored != target {
        let reason = match (Number::named(stored), Number::named(target)) {
            (Some(_), Some(_)) => format!("not every {stored} is a {target}"),
            _ => format!("{stored} does not become {target} by itself"),
        };
        return Err(Mismatch::new(reason));
    }
    Leaf::named(stored).map(Conversion::Leaf).ok_or_else(|| {
        Mismatch::new(format!("{stored} is an encoding of your own, whose end only you know"))
    })
}

/// Fields are matched by name. New ones must be able to be none, and no value is given up.
fn fields(stored: &[NamedShape], target: &[NamedShape]) -> Result<Fields, Mismatch> {
    let find = |name: &str| target.iter().find(|field| field.name == name);
    let conversions = stored.iter().map(|field| {
        let to = find(&field.name).ok_or_else(|| {
            Mismatch::new(format!(
                "stored values have the field {field}, which would be lost: keep it, since an \
                 embedded type only gains fields"
            ))
        })?;
        between(&field.shape, &to.shape).map_err(|found| found.inside(&format!(".{}", field.name)))
    });
    let conversions = conversions.collect::<Result<_, _>>()?;
    let sources = target.iter().map(|field| {
        let source = stored.iter().position(|stored| stored.name == field.name);
        match (source, &field.shape) {
            (None, Shape::Option(_)) | (Some(_), _) => Ok(source),
            (None, _) => Err(Mismatch::new(format!(
                "stored values lack the field {field}: make it an Option"
            ))),
        }
    });
    Ok(Fields { stored: conversions, sources: sources.collect::<Result<_, _>>()? })
}

fn variant(stored: &VariantShape, target: &[VariantShape]) -> Result<Fields, Mismatch> {
    let VariantShape { tag, name, .. } = stored;
    if let Some(moved) = target.iter().find(|other| other.name == *name && other.tag != *tag) {
        return Err(Mismatch::new(format!(
            "variant {name} is stored as {tag} and would now be {}: give it back \
             #[sop(tag = {tag})]",
            moved.tag,
        )));
    }
    let Some(same) = target.iter().find(|other| other.tag == *tag) else {
        return Err(Mismatch::new(format!(
            "records may have the variant {name} with #[sop(tag = {tag})], which is gone: keep it"
        )));
    };
    fields(&stored.fields, &same.fields).map_err(|found| found.inside(&format!(".{name}")))
}

impl Conversion {
    /// Whether it copies, so that columns made of the one type are columns of the other. Tags and
    /// names of variants are compared when it is built.
    pub(crate) fn is_copy(&self) -> bool {
        match self {
            Self::Rest | Self::Leaf(_) => true,
            Self::Widen(..) | Self::Wrap(_) => false,
            Self::Option(inner) | Self::List(inner) | Self::Array(inner, _) => inner.is_copy(),
            Self::Map(both) => both.0.is_copy() && both.1.is_copy(),
            Self::Tuple(items) => items.iter().all(Self::is_copy),
            Self::Struct(fields) => fields.is_copy(),
            Self::Enum(variants) => variants.values().all(Fields::is_copy),
        }
    }

    /// Reads a stored value and writes it as one of the compiled type. Any bytes may come in; what
    /// comes out is at most some times as long.
    pub(crate) fn apply(
        &self,
        input: &mut Decoder<'_>,
        out: &mut Encoder,
    ) -> Result<(), CodecError> {
        match self {
            Self::Rest => out.push(input.take_slice(input.left())?),
            Self::Leaf(leaf) => out.push(leaf.take(input)?),
            Self::Widen(from, to) => number::widen(*from, *to, input, out)?,
            Self::Wrap(inner) => {
                out.push(&[1]);
                inner.apply(input, out)?;
            }
            Self::Option(inner) => match input.take()? {
                [0] => out.push(&[0]),
                [1] => {
                    out.push(&[1]);
                    inner.apply(input, out)?;
                }
                [tag] => return Err(CodecError::UnknownTag { tag: tag.into() }),
            },
            Self::List(item) => {
                for _ in 0..length(input, out)? {
                    item.apply(input, out)?;
                }
            }
            Self::Array(item, len) => {
                for _ in 0..*len {
                    item.apply(input, out)?;
                }
            }
            Self::Map(both) => {
                for _ in 0..length(input, out)? {
                    both.0.apply(input, out)?;
                    both.1.apply(input, out)?;
                }
            }
            Self::Tuple(items) => {
                for item in items {
                    item.apply(input, out)?;
                }
            }
            Self::Struct(fields) => fields.apply(input, out)?,
            Self::Enum(variants) => {
                let tag = u32::decode(input)?;
                tag.encode(out);
                let fields = variants.get(&tag).ok_or(CodecError::UnknownTag { tag })?;
                fields.apply(input, out)?;
            }
        }
        Ok(())
    }
}

/// The number of items, which stays the same.
fn length(input: &mut Decoder<'_>, out: &mut Encoder) -> Result<usize, CodecError> {
    let len = input.take_len()?;
    out.push_len(len);
    Ok(len)
}

impl Fields {
    fn keep_order(&self) -> bool {
        self.sources.iter().flatten().is_sorted()
    }

    fn is_copy(&self) -> bool {
        self.keep_order()
            && self.sources.len() == self.stored.len()
            && self.stored.iter().all(Conversion::is_copy)
    }

    fn apply(&self, input: &mut Decoder<'_>, out: &mut Encoder) -> Result<(), CodecError> {
        let mut values = Encoder::default();
        let mut ends = Vec::with_capacity(self.stored.len());
        for field in &self.stored {
            field.apply(input, &mut values)?;
            ends.push(values.len());
        }
        let values = values.into_bytes();
        for source in &self.sources {
            let Some(source) = source else {
                out.push(&[0]);
                continue;
            };
            let begin = source.checked_sub(1).and_then(|last| ends.get(last)).copied().unwrap_or(0);
            let end = ends.get(*source).copied().unwrap_or(begin);
            out.push(values.get(begin..end).unwrap_or_default());
        }
        Ok(())
    }
}
