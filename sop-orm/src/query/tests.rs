//! Typed bounds become the right ranges of keys.

use std::ops::Bound;

use super::span::{Span, of_range};
use crate::{
    error::CodecError,
    field::Signature,
    index::Prefix,
    key::{KeyPart, KeyWriter, Order},
    schema::Column,
};

/// An index of two columns: `u8`, then `u8 desc`.
struct Two;

impl Prefix<u8> for Two {
    const COLUMNS: usize = 1;

    fn write_prefix(prefix: &u8, out: &mut KeyWriter) -> Result<(), CodecError> {
        out.arg::<u8>(Order::Ascending, prefix)
    }
}

impl Prefix<(u8, u8)> for Two {
    const COLUMNS: usize = 2;

    fn write_prefix(prefix: &(u8, u8), out: &mut KeyWriter) -> Result<(), CodecError> {
        out.arg::<u8>(Order::Ascending, &prefix.0)?;
        out.arg::<u8>(Order::Descending, &prefix.1)
    }
}

fn columns() -> [Column; 2] {
    [Order::Ascending, Order::Descending].map(|order| Column {
        field: "x",
        source: None,
        signature: Signature::Leaf("u8"),
        order,
        each: false,
        sensitive: false,
        skip: u8::skip_part,
    })
}

/// All pairs of small numbers that a range selects.
fn selected<P>(range: impl std::ops::RangeBounds<P>) -> Vec<(u8, u8)>
where
    Two: Prefix<P>,
{
    let (span, _) = of_range::<Two, P>(&columns(), &range).unwrap();
    let all = (0..4).flat_map(|one| (0..4).map(move |two| (one, two)));
    let inside = |pair: &(u8, u8)| {
        let mut out = KeyWriter::default();
        <Two as Prefix<(u8, u8)>>::write_prefix(pair, &mut out).unwrap();
        let key = out.into_bytes();
        key >= span.start && span.end.as_ref().is_none_or(|end| key < *end)
    };
    all.filter(inside).collect()
}

fn pairs(keep: impl Fn(u8, u8) -> bool) -> Vec<(u8, u8)> {
    let all = (0..4).flat_map(|one| (0..4).map(move |two| (one, two)));
    all.filter(|(one, two)| keep(*one, *two)).collect()
}

#[test]
fn a_range_of_the_first_column_takes_all_of_the_second() {
    assert_eq!(selected(1..3_u8), pairs(|one, _| (1..3).contains(&one)));
    assert_eq!(selected(1..=3_u8), pairs(|one, _| (1..=3).contains(&one)));
    assert_eq!(selected(..2_u8), pairs(|one, _| one < 2));
    let above = (Bound::Excluded(1_u8), Bound::Unbounded);
    assert_eq!(selected(above), pairs(|one, _| one > 1));
    assert_eq!(selected::<u8>(..), pairs(|_, _| true));
}

#[test]
fn a_range_of_a_later_column_stays_within_the_columns_before() {
    assert_eq!(selected((1_u8, 2_u8)..), pairs(|one, two| one == 1 && two >= 2));
    assert_eq!(selected(..(1_u8, 2_u8)), pairs(|one, two| one == 1 && two < 2));
    assert_eq!(
        selected((2_u8, 1_u8)..=(2, 2)),
        pairs(|one, two| one == 2 && (1..=2).contains(&two))
    );
    let between = (Bound::Excluded((0_u8, 0_u8)), Bound::Excluded((0_u8, 3_u8)));
    assert_eq!(selected(between), pairs(|one, two| one == 0 && (1..3).contains(&two)));
}

#[test]
fn empty_ranges_are_empty_and_not_an_error() {
    assert_eq!(selected(2..2_u8), []);
    assert_eq!(selected((Bound::Excluded(3_u8), Bound::Included(1))), []);
}

#[test]
fn the_ends_of_a_range_may_not_differ_in_a_leading_column() {
    assert!(of_range::<Two, (u8, u8)>(&columns(), &((1, 0)..(2, 0))).is_err());
}

#[test]
fn spans_narrow_and_never_widen() {
    let mut span = Span::prefix(vec![1]);
    span.intersect(Span::prefix(vec![1, 5]));
    assert_eq!(span, Span::prefix(vec![1, 5]));
    span.intersect(Span::prefix(vec![2]));
    assert!(span.is_empty());
    let mut all = Span::default();
    all.cut_at(vec![7], true);
    assert_eq!(all.end, Some(vec![7]));
    all.cut_at(vec![9], true);
    assert_eq!(all.end, Some(vec![7]), "a cursor beyond the range does not widen it");
}

#[test]
fn columns_are_fixed_where_all_keys_of_a_span_agree() {
    let fixed = |span: &Span| span.fixed_columns(&columns());
    assert_eq!(fixed(&Span::default()), 0);
    assert_eq!(fixed(&Span::prefix(vec![1])), 1);
    assert_eq!(fixed(&Span::prefix(vec![1, 5])), 2);
    assert_eq!(fixed(&Span::prefix(vec![255, 255])), 2, "nothing is above these keys");
    let fixed_by = |range| fixed(&of_range::<Two, (u8, u8)>(&columns(), &range).unwrap().0);
    assert_eq!(fixed_by((Bound::Included((1, 2)), Bound::Unbounded)), 1);
    assert_eq!(fixed_by((Bound::Included((1, 2)), Bound::Included((1, 2)))), 2);
    let (from_one, _) = of_range::<Two, u8>(&columns(), &(1_u8..)).unwrap();
    assert_eq!(fixed(&from_one), 0);
}

#[test]
fn a_span_is_cut_on_either_side_of_a_key() {
    for reverse in [false, true] {
        let mut with = Span::default();
        with.cut_before(vec![7], reverse);
        let mut without = Span::default();
        without.cut_at(vec![7], reverse);
        assert!(with.contains(&[7]) && !without.contains(&[7]));
        assert!(with.contains(&[8]) != reverse && with.contains(&[6]) == reverse);
        assert!(without.contains(&[7, 0]) != reverse && without.contains(&[6]) == reverse);
    }
}
