//! What types mean: values as trees, and conversions on these.

use super::super::{
    number::Number,
    shape::{NamedShape, Shape, VariantShape},
};
use crate::field::{Encoder, Field};

/// Choices made from bytes; without bytes, the first one.
pub(super) struct Dice<'a>(std::slice::Iter<'a, u8>);

impl<'a> Dice<'a> {
    pub(super) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes.iter())
    }

    fn byte(&mut self) -> u8 {
        self.0.next().copied().unwrap_or(0)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::from(self.byte()) % end
    }

    fn is_one_in(&mut self, many: usize) -> bool {
        self.below(many) == 1
    }
}

/// A value of any type.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Whole(i128),
    Real(f64),
    Text(String),
    Maybe(Option<Box<Value>>),
    Items(Vec<Value>),
    Pairs(Vec<(Value, Value)>),
    Fields(Vec<(String, Value)>),
    Variant(u32, Vec<(String, Value)>),
}

fn named(name: String, shape: Shape) -> NamedShape {
    NamedShape { name, shape }
}

fn any_number(dice: &mut Dice<'_>) -> Shape {
    Shape::Leaf(Number::ALL[dice.below(Number::ALL.len())].name().to_owned())
}

pub(super) fn any_shape(dice: &mut Dice<'_>, depth: u32) -> Shape {
    let kinds = if depth == 0 { 4 } else { 11 };
    let inner = |dice: &mut Dice<'_>| Box::new(any_shape(dice, depth.saturating_sub(1)));
    let fields = |dice: &mut Dice<'_>, least: usize| -> Vec<NamedShape> {
        let count = least + dice.below(3);
        (0..count).map(|at| named(format!("f{at}"), *inner(dice))).collect()
    };
    match dice.below(kinds) {
        0 => Shape::Leaf("string".to_owned()),
        1..=3 => any_number(dice),
        4 => Shape::Option(inner(dice)),
        5 => Shape::List(inner(dice)),
        6 => Shape::Array(inner(dice), 1 + dice.below(3)),
        7 => Shape::Map(inner(dice), inner(dice)),
        8 => Shape::Tuple(fields(dice, 1).into_iter().map(|field| field.shape).collect()),
        9 => Shape::Struct(fields(dice, 1)),
        _ => {
            let count = 1 + dice.below(3);
            let variant = |at: usize| VariantShape {
                tag: 200 * u32::try_from(at).expect("there are few"),
                name: format!("V{at}"),
                fields: fields(dice, 0),
            };
            Shape::Enum((0..count).map(variant).collect())
        }
    }
}

/// What a shape may have become: often something that fits, sometimes something that does not.
pub(super) fn evolved(shape: &Shape, dice: &mut Dice<'_>) -> Shape {
    if dice.is_one_in(12) {
        return Shape::Option(Box::new(evolved(shape, dice)));
    }
    if dice.is_one_in(40) {
        return any_shape(dice, 1);
    }
    let inner = |shape: &Shape, dice: &mut Dice<'_>| Box::new(evolved(shape, dice));
    match shape {
        Shape::Leaf(name) if Number::named(name).is_none() => shape.clone(),
        Shape::Leaf(name) if dice.is_one_in(2) => {
            let from = Number::named(name);
            let at = Number::ALL.iter().position(|number| Some(*number) == from).unwrap_or(0);
            let wider = (at + 2 * dice.below(4)).min(Number::ALL.len() - 1);
            Shape::Leaf(Number::ALL[wider].name().to_owned())
        }
        Shape::Leaf(_) => shape.clone(),
        Shape::Option(item) => Shape::Option(inner(item, dice)),
        Shape::List(item) => Shape::List(inner(item, dice)),
        Shape::Array(item, len) => Shape::Array(inner(item, dice), *len),
        Shape::Map(key, value) => {
            let key = inner(key, dice);
            Shape::Map(key, inner(value, dice))
        }
        Shape::Tuple(items) => Shape::Tuple(items.iter().map(|item| *inner(item, dice)).collect()),
        Shape::Struct(fields) => Shape::Struct(evolved_fields(fields, dice)),
        Shape::Enum(variants) => {
            let mut after: Vec<VariantShape> = Vec::new();
            for variant in variants {
                let renamed = if dice.is_one_in(5) { "New" } else { "" };
                let name = format!("{renamed}{}", variant.name);
                after.push(VariantShape {
                    tag: variant.tag + u32::from(dice.is_one_in(30)),
                    name,
                    fields: evolved_fields(&variant.fields, dice),
                });
            }
            if dice.is_one_in(3) {
                after.insert(0, VariantShape { tag: 9, name: "More".into(), fields: vec![] });
            }
            if dice.is_one_in(20) {
                after.pop();
            }
            Shape::Enum(after)
        }
    }
}

fn evolved_fields(fields: &[NamedShape], dice: &mut Dice<'_>) -> Vec<NamedShape> {
    let mut after: Vec<NamedShape> =
        fields.iter().map(|field| named(field.name.clone(), evolved(&field.shape, dice))).collect();
    if dice.is_one_in(4) {
        let added = any_shape(dice, 0);
        let at = dice.below(after.len() + 1);
        let added = if dice.is_one_in(6) { added } else { Shape::Option(Box::new(added)) };
        after.insert(at, named("added".to_owned(), added));
    }
    if dice.is_one_in(4) {
        after.reverse();
    }
    if dice.is_one_in(20) && !after.is_empty() {
        after.pop();
    }
    after
}

/// Least and greatest value of a whole number, of those that an `i128` can hold.
fn range(number: &str) -> Option<(i128, i128)> {
    Some(match number {
        "u8" => (0, u8::MAX.into()),
        "u16" => (0, u16::MAX.into()),
        "u32" => (0, u32::MAX.into()),
        "u64" => (0, u64::MAX.into()),
        "u128" => (0, i128::MAX),
        "i8" => (i8::MIN.into(), i8::MAX.into()),
        "i16" => (i16::MIN.into(), i16::MAX.into()),
        "i32" => (i32::MIN.into(), i32::MAX.into()),
        "i64" => (i64::MIN.into(), i64::MAX.into()),
        "i128" => (i128::MIN, i128::MAX),
        _ => return None,
    })
}

/// Whether every value of a type is one of the other type.
pub(super) fn fits(from: &Shape, to: &Shape) -> bool {
    match (from, to) {
        (Shape::Option(_), Shape::Option(inner)) if to.options() > from.options() => {
            fits(from, inner)
        }
        (Shape::Option(from), Shape::Option(to)) | (Shape::List(from), Shape::List(to)) => {
            fits(from, to)
        }
        (_, Shape::Option(to)) => fits(from, to),
        (Shape::Leaf(from), Shape::Leaf(to)) => match (range(from), range(to)) {
            _ if from == to => true,
            // What an `i128` cannot hold of a `u128` does not fit into it.
            _ if from == "u128" => false,
            (Some(from), Some(to)) => to.0 <= from.0 && from.1 <= to.1,
            _ => (from.as_str(), to.as_str()) == ("f32", "f64"),
        },
        (Shape::Array(from, len), Shape::Array(to, other)) => len == other && fits(from, to),
        (Shape::Map(key, value), Shape::Map(to_key, to_value)) => {
            fits(key, to_key) && fits(value, to_value)
        }
        (Shape::Tuple(from), Shape::Tuple(to)) => {
            from.len() == to.len() && from.iter().zip(to).all(|(from, to)| fits(from, to))
        }
        (Shape::Struct(from), Shape::Struct(to)) => fields_fit(from, to),
        (Shape::Enum(from), Shape::Enum(to)) => from.iter().all(|from| {
            let moved = to.iter().any(|to| to.name == from.name && to.tag != from.tag);
            let same = to.iter().find(|to| to.tag == from.tag);
            !moved && same.is_some_and(|to| fields_fit(&from.fields, &to.fields))
        }),
        _ => false,
    }
}

fn fields_fit(from: &[NamedShape], to: &[NamedShape]) -> bool {
    let kept = from
        .iter()
        .all(|field| to.iter().any(|to| to.name == field.name && fits(&field.shape, &to.shape)));
    let known = |name: &str| from.iter().any(|field| field.name == name);
    kept && to.iter().all(|to| known(&to.name) || matches!(to.shape, Shape::Option(_)))
}

/// The value of the other type that is the same.
pub(super) fn converted(value: Value, from: &Shape, to: &Shape) -> Value {
    match (value, from, to) {
        (Value::Maybe(value), Shape::Option(from), Shape::Option(to))
            if to.options() <= from.options() =>
        {
            Value::Maybe(value.map(|value| Box::new(converted(*value, from, to))))
        }
        (value, from, Shape::Option(to)) => {
            Value::Maybe(Some(Box::new(converted(value, from, to))))
        }
        (Value::Items(items), Shape::List(from), Shape::List(to))
        | (Value::Items(items), Shape::Array(from, _), Shape::Array(to, _)) => {
            Value::Items(items.into_iter().map(|item| converted(item, from, to)).collect())
        }
        (Value::Items(items), Shape::Tuple(from), Shape::Tuple(to)) => {
            let items = items.into_iter().zip(from.iter().zip(to));
            Value::Items(items.map(|(item, (from, to))| converted(item, from, to)).collect())
        }
        (Value::Pairs(pairs), Shape::Map(key, value), Shape::Map(to_key, to_value)) => {
            let pair = |(a, b)| (converted(a, key, to_key), converted(b, value, to_value));
            Value::Pairs(pairs.into_iter().map(pair).collect())
        }
        (Value::Fields(fields), Shape::Struct(from), Shape::Struct(to)) => {
            Value::Fields(converted_fields(&fields, from, to))
        }
        (Value::Variant(tag, fields), Shape::Enum(from), Shape::Enum(to)) => {
            let from = from.iter().find(|variant| variant.tag == tag).expect("it is a variant");
            let to = to.iter().find(|variant| variant.tag == tag).expect("it fits");
            Value::Variant(tag, converted_fields(&fields, &from.fields, &to.fields))
        }
        (value, ..) => value,
    }
}

fn converted_fields(
    values: &[(String, Value)],
    from: &[NamedShape],
    to: &[NamedShape],
) -> Vec<(String, Value)> {
    let field = |to: &NamedShape| {
        let old = values.iter().zip(from).find(|((name, _), _)| *name == to.name);
        let value = old.map_or(Value::Maybe(None), |((_, value), from)| {
            converted(value.clone(), &from.shape, &to.shape)
        });
        (to.name.clone(), value)
    };
    to.iter().map(field).collect()
}

pub(super) fn any_value(shape: &Shape, dice: &mut Dice<'_>) -> Value {
    match shape {
        Shape::Leaf(name) => match range(name) {
            Some((least, most)) => Value::Whole(match dice.below(4) {
                0 => least,
                1 => most,
                2 => most / 2,
                _ => i128::from(dice.byte()).clamp(least, most),
            }),
            None if name == "string" => Value::Text("x".repeat(dice.below(4))),
            None => Value::Real(f64::from(f32::from(dice.byte()) / 7.0)),
        },
        Shape::Option(inner) => {
            Value::Maybe(dice.is_one_in(2).then(|| Box::new(any_value(inner, dice))))
        }
        Shape::List(item) => {
            Value::Items((0..dice.below(4)).map(|_| any_value(item, dice)).collect())
        }
        Shape::Array(item, len) => Value::Items((0..*len).map(|_| any_value(item, dice)).collect()),
        Shape::Map(key, value) => Value::Pairs(
            (0..dice.below(3)).map(|_| (any_value(key, dice), any_value(value, dice))).collect(),
        ),
        Shape::Tuple(items) => {
            Value::Items(items.iter().map(|item| any_value(item, dice)).collect())
        }
        Shape::Struct(fields) => Value::Fields(any_fields(fields, dice)),
        Shape::Enum(variants) => {
            let variant = &variants[dice.below(variants.len())];
            Value::Variant(variant.tag, any_fields(&variant.fields, dice))
        }
    }
}

fn any_fields(fields: &[NamedShape], dice: &mut Dice<'_>) -> Vec<(String, Value)> {
    fields.iter().map(|field| (field.name.clone(), any_value(&field.shape, dice))).collect()
}

/// The bytes of a value, written by the types of the standard library.
pub(super) fn encoded(value: &Value, shape: &Shape) -> Vec<u8> {
    let mut out = Encoder::default();
    encode(value, shape, &mut out);
    out.into_bytes()
}

fn encode(value: &Value, shape: &Shape, out: &mut Encoder) {
    match (value, shape) {
        (Value::Whole(value), Shape::Leaf(name)) => encode_whole(*value, name, out),
        (Value::Real(value), Shape::Leaf(name)) if name == "f32" => narrow(*value).encode(out),
        (Value::Real(value), _) => value.encode(out),
        (Value::Text(text), _) => text.encode(out),
        (Value::Maybe(None), _) => out.push(&[0]),
        (Value::Maybe(Some(value)), Shape::Option(inner)) => {
            out.push(&[1]);
            encode(value, inner, out);
        }
        (Value::Items(items), Shape::List(item)) => {
            out.push_len(items.len());
            for value in items {
                encode(value, item, out);
            }
        }
        (Value::Items(items), Shape::Array(item, _)) => {
            for value in items {
                encode(value, item, out);
            }
        }
        (Value::Items(items), Shape::Tuple(shapes)) => {
            for (value, shape) in items.iter().zip(shapes) {
                encode(value, shape, out);
            }
        }
        (Value::Pairs(pairs), Shape::Map(key, value)) => {
            out.push_len(pairs.len());
            for (one, other) in pairs {
                encode(one, key, out);
                encode(other, value, out);
            }
        }
        (Value::Fields(values), Shape::Struct(fields)) => encode_fields(values, fields, out),
        (Value::Variant(tag, values), Shape::Enum(variants)) => {
            tag.encode(out);
            let variant = variants.iter().find(|variant| variant.tag == *tag);
            encode_fields(values, &variant.expect("it is a variant").fields, out);
        }
        (value, shape) => panic!("{value:?} is no {shape}"),
    }
}

fn encode_fields(values: &[(String, Value)], fields: &[NamedShape], out: &mut Encoder) {
    for ((_, value), field) in values.iter().zip(fields) {
        encode(value, &field.shape, out);
    }
}

#[expect(clippy::cast_possible_truncation, reason = "the value was made as an f32")]
fn narrow(value: f64) -> f32 {
    value as f32
}

fn exact<T: TryFrom<i128>>(value: i128) -> T {
    T::try_from(value).ok().expect("the value was made for the type")
}

fn encode_whole(value: i128, name: &str, out: &mut Encoder) {
    match name {
        "u8" => exact::<u8>(value).encode(out),
        "u16" => exact::<u16>(value).encode(out),
        "u32" => exact::<u32>(value).encode(out),
        "u64" => exact::<u64>(value).encode(out),
        "u128" => exact::<u128>(value).encode(out),
        "i8" => exact::<i8>(value).encode(out),
        "i16" => exact::<i16>(value).encode(out),
        "i32" => exact::<i32>(value).encode(out),
        "i64" => exact::<i64>(value).encode(out),
        _ => value.encode(out),
    }
}
