//! Stored types that become others: single cases, and random pairs against a model.

mod model;

use proptest::prelude::*;

use super::{Carried, Layouts, Plan, RowReader, RowWriter, Shape, Source, carry, of_field};
use crate::{
    error::CodecError,
    field::{Decoder, Encoder, Field},
};

fn shape(text: &str) -> Shape {
    Shape::parse(text).unwrap_or_else(|| panic!("{text} is a shape"))
}

fn convert(from: &Shape, to: &Shape, bytes: &[u8]) -> Result<Vec<u8>, CodecError> {
    let (mut input, mut out) = (Decoder::new(bytes), Encoder::default());
    of_field(from, to).expect("the types fit").apply(&mut input, &mut out)?;
    input.finish()?;
    Ok(out.into_bytes())
}

/// The value `from` becomes the value `to`, and no beginning of its bytes does.
#[track_caller]
fn becomes<A: Field, B: Field>(from: &A, to: &B) {
    let encode = |write: &dyn Fn(&mut Encoder)| {
        let mut out = Encoder::default();
        write(&mut out);
        out.into_bytes()
    };
    let (before, after) = (encode(&|out| from.encode(out)), encode(&|out| to.encode(out)));
    let shapes = (Shape::from(&A::SIGNATURE), Shape::from(&B::SIGNATURE));
    assert_eq!(convert(&shapes.0, &shapes.1, &before), Ok(after));
    if !matches!(&shapes.1, Shape::Option(inner) if **inner == shapes.0) {
        for cut in 0..before.len() {
            assert!(convert(&shapes.0, &shapes.1, &before[..cut]).is_err(), "cut at {cut}");
        }
    }
}

#[track_caller]
fn refused(from: &str, to: &str) -> String {
    of_field(&shape(from), &shape(to)).expect_err("the types do not fit").to_string()
}

#[test]
fn numbers_become_wider_ones() {
    becomes(&255_u8, &255_u16);
    becomes(&251_u16, &251_u128);
    becomes(&u64::MAX, &i128::from(u64::MAX));
    becomes(&i64::MIN, &i128::from(i64::MIN));
    becomes(&-1_i8, &-1_i16);
    becomes(&200_u8, &200_i16);
    becomes(&-0.1_f32, &f64::from(-0.1_f32));
}

#[test]
fn values_become_optional_and_options_become_wider() {
    becomes(&"x".to_owned(), &Some("x".to_owned()));
    becomes(&7_u8, &Some(7_u32));
    becomes(&Some(7_u8), &Some(7_u32));
    becomes(&None::<u8>, &None::<i64>);
    becomes(&None::<u8>, &Some(None::<u8>));
    becomes(&vec![Some(1_u8), None], &vec![Some(Some(1_u16)), Some(None)]);
}

#[test]
fn what_is_inside_of_other_values_is_converted_too() {
    use std::collections::BTreeMap;
    becomes(&vec![1_u8, 255], &vec![1_u16, 255]);
    becomes(&[1_i8, -1], &[Some(1_i8), Some(-1)]);
    becomes(&('x', 300_u16), &('x', 300_u64));
    becomes(
        &BTreeMap::from([("a".to_owned(), vec![Some(1_u8), None])]),
        &BTreeMap::from([("a".to_owned(), vec![Some(1_u64), None])]),
    );
    becomes(
        &vec![(std::time::Duration::new(1 << 40, 5), crate::Timestamp::from_micros(-300), true)],
        &vec![Some((
            std::time::Duration::new(1 << 40, 5),
            crate::Timestamp::from_micros(-300),
            true,
        ))],
    );
}

#[test]
fn embedded_structs_gain_options_wherever_these_stand() {
    let (old, new) = ("{a: u8, b: string}", "{c: option<u8>, b: string, a: u16}");
    let bytes = convert(&shape(old), &shape(new), &[9, 1, b'x']);
    assert_eq!(bytes, Ok(vec![0, 1, b'x', 9]));
    let list = |text: &str| shape(&format!("list<{text}>"));
    let bytes = convert(&list(old), &list(new), &[2, 9, 0, 7, 1, b'x']);
    assert_eq!(bytes, Ok(vec![2, 0, 0, 9, 0, 1, b'x', 7]));
}

#[test]
fn variants_keep_their_tags_and_may_be_renamed_reordered_and_appended() {
    let old = shape("option<enum{0 Draft, 7 Live{since: u32}}>");
    let new = shape("option<enum{9 Gone, 7 Public{since: u64, by: option<string>}, 0 Draft}>");
    assert_eq!(convert(&old, &new, &[1, 7, 250]), Ok(vec![1, 7, 250, 0]));
    assert_eq!(convert(&old, &new, &[1, 0]), Ok(vec![1, 0]));
    assert_eq!(convert(&old, &new, &[1, 9]), Err(CodecError::UnknownTag { tag: 9 }));
}

#[test]
fn what_could_lose_a_value_is_refused_with_the_place_and_the_way_out() {
    assert_eq!(refused("u32", "u16"), "not every u32 is a u16");
    assert_eq!(refused("i8", "u64"), "not every i8 is a u64");
    assert_eq!(refused("u64", "f64"), "not every u64 is a f64");
    assert_eq!(refused("u32", "string"), "u32 does not become string by itself");
    let lost = refused("list<{zip: u32}>", "list<{zip: u16}>");
    assert_eq!(lost, "at [].zip: not every u32 is a u16");
    let none = refused("{a: option<u8>}", "{a: u8}");
    assert!(none.starts_with("at a: option<u8> may be none"), "{none}");
    let lacks = refused("{a: u8}", "{a: u8, b: u8}");
    assert_eq!(lacks, "stored values lack the field b: u8: make it an Option");
    let dropped = refused("{a: u8, b: u8}", "{a: u8}");
    assert!(dropped.contains("the field b: u8, which would be lost"), "{dropped}");
    let gone = refused("enum{0 A, 1 B}", "enum{0 A}");
    assert!(gone.contains("variant B with #[sop(tag = 1)], which is gone"), "{gone}");
    let moved = refused("enum{0 A, 1 B}", "enum{0 A, 1 C, 2 B}");
    assert!(moved.contains("give it back #[sop(tag = 1)]"), "{moved}");
    let own = refused("list<acme>", "list<option<acme>>");
    assert!(own.contains("acme is an encoding of your own"), "{own}");
}

#[test]
fn text_that_no_type_has_is_no_shape() {
    for text in [
        "",
        "option<",
        "option<u8",
        "list<u8>>",
        "[u8]",
        "[u8; x]",
        "[u8; 0]",
        "map<u8>",
        "()",
        "map<u8, u8, u8>",
        "(u8",
        "{}",
        "{a}",
        "{a: }",
        "enum{A}",
        "enum{0}",
        "enum{-1 A}",
        "u8,",
        "list<{}>",
        "enum{}",
        "enum{0 A{}}",
    ] {
        assert_eq!(Shape::parse(text), None, "{text:?}");
    }
    let deep = |depth: usize| "option<".repeat(depth) + "u8" + &">".repeat(depth);
    assert!(Shape::parse(&deep(60)).is_some());
    assert_eq!(Shape::parse(&deep(100_000)), None, "and the stack holds");
}

#[test]
fn rows_carry_what_the_struct_does_not_know() {
    let carried = |fields: Vec<usize>| Some(Carried { fields, layout: 3 });
    let plan = |stored, sources: Vec<usize>, carried| Plan {
        version: 1,
        stored,
        sources: sources.into_iter().map(Source::Read).collect(),
        carried,
    };
    let others =
        [(2, plan(3, vec![1], carried(vec![0, 2]))), (3, plan(3, vec![0], carried(vec![1, 2])))];
    let layouts = Layouts { current: 1, fields: 1, others: others.into() };
    let row = |fields: &[&str], layout| {
        let mut row = RowWriter::default();
        for field in fields {
            row.field(&(*field).to_owned());
        }
        row.finish(layout)
    };
    let after = carry(&layouts, &row(&["a", "old", "b"], 2), &row(&["new"], 1)).unwrap().unwrap();
    assert_eq!(after, row(&["new", "a", "b"], 3));
    assert_eq!(RowReader::new(&layouts, &after).unwrap().field(0), Ok("new".to_owned()));
    let again = carry(&layouts, &after, &row(&["newer"], 1)).unwrap();
    assert_eq!(again, Some(row(&["newer", "a", "b"], 3)));
    assert_eq!(carry(&layouts, &row(&["x"], 1), &row(&["y"], 1)), Ok(None));
    assert!(carry(&layouts, &row(&["a", "old"], 2), &row(&["new"], 1)).is_err(), "too short");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn random_pairs_of_types_convert_as_their_values_do_or_are_refused(
        choices in proptest::collection::vec(any::<u8>(), 0..120),
    ) {
        let mut dice = model::Dice::new(&choices);
        let from = model::any_shape(&mut dice, 3);
        let to = model::evolved(&from, &mut dice);
        prop_assert_eq!(Shape::parse(&from.to_string()), Some(from.clone()));
        let built = of_field(&from, &to);
        prop_assert_eq!(built.is_ok(), model::fits(&from, &to), "{} to {}: {:?}", from, to, built);
        if built.is_ok() {
            let value = model::any_value(&from, &mut dice);
            let bytes = model::encoded(&value, &from);
            let expected = model::encoded(&model::converted(value, &from, &to), &to);
            prop_assert_eq!(convert(&from, &to, &bytes), Ok(expected), "{} to {}", from, to);
        }
    }

    #[test]
    fn hostile_bytes_are_converted_or_refused_and_grow_little(
        choices in proptest::collection::vec(any::<u8>(), 0..80),
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let mut dice = model::Dice::new(&choices);
        let from = model::any_shape(&mut dice, 3);
        let to = model::evolved(&from, &mut dice);
        if of_field(&from, &to).is_ok()
            && let Ok(out) = convert(&from, &to, &bytes)
        {
            let most = to.to_string().len() * (bytes.len() + 1) * 4;
            prop_assert!(out.len() <= most, "{} bytes from {}", out.len(), bytes.len());
        }
    }

    #[test]
    fn hostile_text_is_no_panic(text in "[a-z0-9<>{}(), ;:\\[\\]]{0,40}") {
        if let Some(shape) = Shape::parse(&text) {
            prop_assert_eq!(shape.to_string(), text);
        }
    }
}
