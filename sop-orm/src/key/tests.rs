//! The order of keys is the order of values: all pairs of many values, and every value comes back.

use std::{cmp::Ordering, fmt::Debug};

use proptest::prelude::*;
use uuid::Uuid;

use super::{
    Key, KeyArg, KeyPart, KeyReader, KeyTail, KeyWriter, Order, decode, encode, starts_with,
    successor,
};
use crate::{Id, Timestamp, error::CodecError};

/// Compares each value with each other one, and reads each back.
fn check<K: Key + KeyArg<K> + Debug>(values: &[K], order: impl Fn(&K, &K) -> Ordering) {
    let encoded: Vec<Vec<u8>> = values.iter().map(|value| encode::<K>(value).unwrap()).collect();
    for (one, one_bytes) in values.iter().zip(&encoded) {
        let back = decode::<K>(one_bytes).unwrap();
        assert_eq!(order(one, &back), Ordering::Equal, "{one:?} came back as {back:?}");
        for (other, other_bytes) in values.iter().zip(&encoded) {
            assert_eq!(one_bytes.cmp(other_bytes), order(one, other), "{one:?} against {other:?}");
            let prefix = one_bytes != other_bytes && other_bytes.starts_with(one_bytes);
            assert!(!prefix, "{one:?} is a prefix of {other:?}");
        }
    }
}

fn check_ord<K: Key + KeyArg<K> + Debug + Ord>(values: &[K]) {
    check(values, K::cmp);
}

/// Short texts of the letters that have a meaning in the encoding.
fn texts() -> Vec<String> {
    const LETTERS: [char; 4] = ['\0', '\u{1}', '\u{ff}', 'a'];
    let mut texts = vec![String::new()];
    let mut from = 0;
    for _ in 0..3 {
        let to = texts.len();
        for at in from..to {
            for letter in LETTERS {
                texts.push(format!("{}{letter}", texts[at]));
            }
        }
        from = to;
    }
    texts
}

fn byte_strings() -> Vec<Vec<u8>> {
    let letters = [0, 1, 2, 0xFE, 0xFF];
    let pairs = letters.iter().flat_map(|one| letters.iter().map(move |two| vec![*one, *two]));
    pairs.chain(letters.map(|one| vec![one])).chain([vec![]]).collect()
}

#[test]
fn numbers_sort_as_numbers() {
    check_ord(&[0_u8, 1, 127, 128, 255]);
    check_ord(&[0_u16, 1, 255, 256, u16::MAX]);
    check_ord(&[0_u64, 1, 255, 256, 1 << 40, u64::MAX]);
    check_ord(&[0_u128, 1, 1 << 100, u128::MAX]);
    check_ord(&[i8::MIN, -1, 0, 1, i8::MAX]);
    check_ord(&[i32::MIN, -256, -255, -1, 0, 1, 255, 256, i32::MAX]);
    check_ord(&[i128::MIN, -1, 0, 1, i128::MAX]);
    check_ord(&[false, true]);
    check_ord(&['\0', 'a', '\u{ff}', '\u{d7ff}', '\u{e000}', char::MAX]);
    check_ord(&[i64::MIN, -1, 0, i64::MAX].map(Timestamp::from_micros));
    check_ord(&[0, 1, u128::MAX].map(|bits| Id::<()>::from_uuid(Uuid::from_u128(bits))));
}

#[cfg(feature = "ulid")]
#[test]
fn ulids_sort_as_their_texts() {
    use ulid::Ulid;

    let ulids = [
        Ulid::nil(),
        Ulid(1),
        Ulid::from_parts(0, u128::MAX),
        Ulid::from_parts(1, 0),
        Ulid::from_parts(255, 1 << 79),
        Ulid::from_parts(256, 0),
        Ulid::max(),
    ];
    check_ord(&ulids);
    assert!(ulids.map(|ulid| ulid.to_string()).is_sorted());
    check_ord(&ulids.map(Some));
    assert_eq!(encode::<Ulid>(&Ulid(0x0102)).unwrap(), [&[0; 14][..], &[1, 2]].concat());
}

#[test]
fn floats_sort_as_numbers_and_zero_has_no_sign() {
    let values = [
        f64::NEG_INFINITY,
        f64::MIN,
        -1.5,
        -f64::MIN_POSITIVE,
        -5e-324,
        0.0,
        5e-324,
        f64::MIN_POSITIVE,
        0.5,
        2.0,
        f64::MAX,
        f64::INFINITY,
    ];
    check(&values, f64::total_cmp);
    check(&[f32::NEG_INFINITY, -7.0, -1.5, 0.0, 0.5, 2.0, f32::INFINITY], f32::total_cmp);
    assert_eq!(encode::<f64>(&-0.0), encode::<f64>(&0.0));
    assert_eq!(encode::<f32>(&-0.0), encode::<f32>(&0.0));
}

#[test]
fn nan_is_refused_both_ways() {
    assert_eq!(encode::<f64>(&f64::NAN), Err(CodecError::NotANumber));
    assert_eq!(encode::<f32>(&-f32::NAN), Err(CodecError::NotANumber));
    assert_eq!(encode::<Option<f64>>(&Some(f64::NAN)), Err(CodecError::NotANumber));
    assert_eq!(decode::<f64>(&[0xFF; 8]), Err(CodecError::NotANumber));
}

#[test]
fn texts_sort_by_bytes() {
    check_ord(&texts());
    check_ord(&byte_strings());
}

#[test]
fn pairs_of_texts_do_not_run_together() {
    let texts = texts();
    let short: Vec<&String> = texts.iter().filter(|text| text.chars().count() < 3).collect();
    let pairs =
        short.iter().flat_map(|one| short.iter().map(move |two| ((*one).clone(), (*two).clone())));
    check_ord(&pairs.collect::<Vec<_>>());
}

#[test]
fn options_and_lists_sort_as_in_rust() {
    let options = texts().into_iter().map(Some).chain([None]);
    check_ord(&options.collect::<Vec<_>>());
    check_ord(&[None, Some(None), Some(Some(0_u8)), Some(Some(1))]);
    let short: Vec<String> = texts().into_iter().filter(|text| text.chars().count() < 2).collect();
    let mut lists: Vec<Vec<String>> = vec![vec![]];
    for _ in 0..3 {
        let longer = lists.iter().flat_map(|list| {
            short.iter().map(move |text| [list.as_slice(), std::slice::from_ref(text)].concat())
        });
        let mut longer: Vec<_> = longer.collect();
        longer.push(vec![]);
        lists = longer;
    }
    lists.sort();
    lists.dedup();
    check_ord(&lists);
    check_ord(&[[0_u16, 1], [1, 0], [1, 1], [u16::MAX, 0]]);
}

/// The encoding of a column sorted the other way.
fn descending<T: KeyPart>(value: &T) -> Vec<u8> {
    let mut out = KeyWriter::default();
    out.column(Order::Descending, |out| value.write_part(out)).unwrap();
    out.into_bytes()
}

#[test]
fn a_descending_column_sorts_the_other_way_and_comes_back() {
    for one in texts() {
        let bytes = descending(&one);
        let mut input = KeyReader::new(&bytes);
        assert_eq!(input.column(Order::Descending, String::read_part), Ok(one.clone()));
        input.finish().unwrap();
        for other in texts() {
            assert_eq!(bytes.cmp(&descending(&other)), other.cmp(&one), "{one:?} {other:?}");
        }
    }
}

#[test]
fn an_open_end_selects_what_begins_with_a_text() {
    for prefix in texts() {
        let mut out = KeyWriter::default();
        KeyTail::<String>::write_tail(&starts_with(&prefix), &mut out).unwrap();
        let (start, end) = (out.into_bytes(), successor(&encode::<String>(&prefix).unwrap()));
        assert!(end.is_some());
        for text in texts() {
            let key = encode::<String>(&text).unwrap();
            assert_eq!(key.starts_with(&start), text.starts_with(&prefix), "{prefix:?} {text:?}");
        }
    }
}

#[test]
fn the_successor_is_just_above_all_that_begins_alike() {
    assert_eq!(successor(&[1, 2]), Some(vec![1, 3]));
    assert_eq!(successor(&[1, 0xFF, 0xFF]), Some(vec![2]));
    assert_eq!(successor(&[0xFF]), None);
    assert_eq!(successor(&[]), None);
}

#[test]
fn arguments_have_the_bytes_of_their_columns() {
    let text = encode::<String>(&"a\0b".to_owned());
    assert_eq!(text, Ok(vec![b'a', 0, 0xFF, b'b', 0, 1]));
    assert_eq!(encode::<String>(&"a\0b"), text);
    assert_eq!(encode::<Vec<u8>>(&b"a\0b".as_slice()), text);
    let option = encode::<Option<String>>(&Some("x".to_owned()));
    assert_eq!(encode::<Option<String>>(&"x"), option);
    assert_eq!(encode::<Option<String>>(&"x".to_owned()), option);
    assert_eq!(encode::<Option<String>>(&&"x".to_owned()), option);
    assert_eq!(encode::<Option<Vec<u8>>>(&b"x".as_slice()), option);
    assert_eq!(encode::<Option<u8>>(&7_u8), Ok(vec![1, 7]));
    assert_eq!(encode::<Option<u8>>(&&7_u8), Ok(vec![1, 7]));
    assert_eq!(encode::<(u8, String)>(&(7_u8, "x")), Ok(vec![7, b'x', 0, 1]));
}

proptest! {
    #[test]
    fn random_keys_sort_as_their_values(
        keys in prop::collection::vec(
            (any::<i64>(), any::<Option<String>>(), any::<Vec<u8>>(), any::<bool>()), 2..8),
    ) {
        check_ord(&keys);
    }

    #[test]
    fn random_bytes_never_panic(bytes in any::<Vec<u8>>()) {
        type Everything = (Option<String>, Vec<Vec<u8>>, f64, char, [Timestamp; 2], Vec<bool>);
        if let Ok(key) = decode::<Everything>(&bytes) {
            prop_assert!(encode::<Everything>(&key).is_ok());
        }
        drop(decode::<(bool, i16, Uuid)>(&bytes));
    }
}

#[test]
fn a_second_key_of_zero_is_refused() {
    let zero = encode::<f64>(&-0.0).unwrap();
    assert_eq!(zero, encode::<f64>(&0.0).unwrap());
    // The bits of -0.0, as if they had not been made those of 0.0 before they were written.
    let minus_zero = (!(-0.0_f64).to_bits()).to_be_bytes();
    assert!(decode::<f64>(&minus_zero).is_err());
    assert_eq!(decode::<f64>(&zero), Ok(0.0));
}
