//! How a type is written, as a tree: from a compiled [`Signature`] or from the catalog's text.
//!
//! The text is what the catalog keeps, so a program can compare its own types with those of a
//! program that it knows nothing of. Text that no signature has is not a shape.

use std::fmt;

use crate::field::{NamedSignature, Signature};

/// Types nested deeper than this in the catalog's text are not understood.
const DEPTH_MAX: u32 = 64;

/// Describes how a type is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Shape {
    Leaf(String),
    Option(Box<Shape>),
    List(Box<Shape>),
    Array(Box<Shape>, usize),
    Map(Box<Shape>, Box<Shape>),
    Tuple(Vec<Shape>),
    Struct(Vec<NamedShape>),
    Enum(Vec<VariantShape>),
}

/// A field of a struct or a variant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct NamedShape {
    pub(crate) name: String,
    pub(crate) shape: Shape,
}

/// A variant of an enum.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct VariantShape {
    pub(crate) tag: u32,
    pub(crate) name: String,
    pub(crate) fields: Vec<NamedShape>,
}

impl From<&Signature> for Shape {
    fn from(signature: &Signature) -> Self {
        let boxed = |inner: &Signature| Box::new(Self::from(inner));
        match signature {
            Signature::Leaf(name) => Self::Leaf((*name).to_owned()),
            Signature::Option(inner) => Self::Option(boxed(inner)),
            Signature::List(item) => Self::List(boxed(item)),
            Signature::Array(item, len) => Self::Array(boxed(item), *len),
            Signature::Map(key, value) => Self::Map(boxed(key), boxed(value)),
            Signature::Tuple(items) => Self::Tuple(items.iter().map(Self::from).collect()),
            Signature::Struct(fields) => Self::Struct(named(fields)),
            Signature::Enum(variants) => {
                let variants = variants.iter().map(|variant| VariantShape {
                    tag: variant.tag.into(),
                    name: variant.name.to_owned(),
                    fields: named(variant.fields),
                });
                Self::Enum(variants.collect())
            }
        }
    }
}

fn named(fields: &[NamedSignature]) -> Vec<NamedShape> {
    let field = |field: &NamedSignature| NamedShape {
        name: field.name.to_owned(),
        shape: Shape::from(&field.signature),
    };
    fields.iter().map(field).collect()
}

impl fmt::Display for Shape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Leaf(name) => f.write_str(name),
            Self::Option(inner) => write!(f, "option<{inner}>"),
            Self::List(item) => write!(f, "list<{item}>"),
            Self::Array(item, len) => write!(f, "[{item}; {len}]"),
            Self::Map(key, value) => write!(f, "map<{key}, {value}>"),
            Self::Tuple(items) => enclosed(f, "(", items, ")"),
            Self::Struct(fields) => enclosed(f, "{", fields, "}"),
            Self::Enum(variants) => enclosed(f, "enum{", variants, "}"),
        }
    }
}

impl fmt::Display for NamedShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name, self.shape)
    }
}

impl fmt::Display for VariantShape {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.tag, self.name)?;
        if self.fields.is_empty() { Ok(()) } else { enclosed(f, "{", &self.fields, "}") }
    }
}

fn enclosed(
    f: &mut fmt::Formatter<'_>,
    open: &str,
    items: &[impl fmt::Display],
    close: &str,
) -> fmt::Result {
    f.write_str(open)?;
    for (position, item) in items.iter().enumerate() {
        let comma = if position > 0 { ", " } else { "" };
        write!(f, "{comma}{item}")?;
    }
    f.write_str(close)
}

impl Shape {
    /// What matters to the order of values as columns: variants without fields are sorted by their
    /// tags, whichever there are.
    pub(crate) fn in_order(self) -> Self {
        let boxed = |inner: Box<Self>| Box::new(inner.in_order());
        let named = |fields: Vec<NamedShape>| -> Vec<NamedShape> {
            let field = |NamedShape { name, shape }| NamedShape { name, shape: shape.in_order() };
            fields.into_iter().map(field).collect()
        };
        match self {
            Self::Leaf(name) => Self::Leaf(name),
            Self::Option(inner) => Self::Option(boxed(inner)),
            Self::List(item) => Self::List(boxed(item)),
            Self::Array(item, len) => Self::Array(boxed(item), len),
            Self::Map(key, value) => Self::Map(boxed(key), boxed(value)),
            Self::Tuple(items) => Self::Tuple(items.into_iter().map(Self::in_order).collect()),
            Self::Struct(fields) => Self::Struct(named(fields)),
            Self::Enum(variants) => {
                let with_fields = variants.into_iter().filter(|one| !one.fields.is_empty());
                let sorted = |one: VariantShape| VariantShape { fields: named(one.fields), ..one };
                Self::Enum(with_fields.map(sorted).collect())
            }
        }
    }

    /// How many options stand around the value.
    pub(super) fn options(&self) -> usize {
        match self {
            Self::Option(inner) => 1 + inner.options(),
            _ => 0,
        }
    }

    /// The shape that has this text.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut parser = Parser { left: text, depth: 0 };
        let shape = parser.shape()?;
        parser.left.is_empty().then_some(shape)
    }
}

struct Parser<'a> {
    left: &'a str,
    depth: u32,
}

impl<'a> Parser<'a> {
    fn eat(&mut self, token: &str) -> Option<()> {
        self.left = self.left.strip_prefix(token)?;
        Some(())
    }

    fn word(&mut self) -> Option<&'a str> {
        let end = self.left.find(|letter: char| " :;,<>{}()[]".contains(letter));
        let (word, left) = self.left.split_at(end.unwrap_or(self.left.len()));
        self.left = left;
        (!word.is_empty()).then_some(word)
    }

    fn number<T: std::str::FromStr>(&mut self) -> Option<T> {
        self.word()?.parse().ok()
    }

    fn shape(&mut self) -> Option<Shape> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return None;
        }
        let shape = self.shape_inside();
        self.depth -= 1;
        shape
    }

    fn shape_inside(&mut self) -> Option<Shape> {
        Some(match self.left.chars().next()? {
            '(' => Shape::Tuple(self.items("(", Self::shape, ")")?),
            '{' => Shape::Struct(self.fields()?),
            '[' => {
                self.eat("[")?;
                let item = Box::new(self.shape()?);
                self.eat("; ")?;
                let len = self.number().filter(|len| *len > 0)?;
                self.eat("]")?;
                Shape::Array(item, len)
            }
            _ => {
                let word = self.word()?;
                match (word, self.left.chars().next()) {
                    ("option", Some('<')) => Shape::Option(self.parameter()?),
                    ("list", Some('<')) => Shape::List(self.parameter()?),
                    ("map", Some('<')) => {
                        let mut both = self.items("<", Self::shape, ">")?.into_iter();
                        let (key, value, None) = (both.next()?, both.next()?, both.next()) else {
                            return None;
                        };
                        Shape::Map(Box::new(key), Box::new(value))
                    }
                    ("enum", Some('{')) => Shape::Enum(self.items("{", Self::variant, "}")?),
                    _ => Shape::Leaf(word.to_owned()),
                }
            }
        })
    }

    fn parameter(&mut self) -> Option<Box<Shape>> {
        self.eat("<")?;
        let shape = self.shape()?;
        self.eat(">")?;
        Some(Box::new(shape))
    }

    fn fields(&mut self) -> Option<Vec<NamedShape>> {
        self.items(
            "{",
            |parser| {
                let name = parser.word()?.to_owned();
                parser.eat(": ")?;
                Some(NamedShape { name, shape: parser.shape()? })
            },
            "}",
        )
    }

    fn variant(&mut self) -> Option<VariantShape> {
        let tag = self.number()?;
        self.eat(" ")?;
        let name = self.word()?.to_owned();
        let fields = if self.left.starts_with('{') { self.fields()? } else { Vec::new() };
        Some(VariantShape { tag, name, fields })
    }

    fn items<T>(
        &mut self,
        open: &str,
        read: impl Fn(&mut Self) -> Option<T>,
        close: &str,
    ) -> Option<Vec<T>> {
        self.eat(open)?;
        let mut items = Vec::new();
        while self.eat(close).is_none() {
            if !items.is_empty() {
                self.eat(", ")?;
            }
            items.push(read(self)?);
        }
        // Every value takes a byte, or else a short list could stand for very many of them.
        (!items.is_empty()).then_some(items)
    }
}
