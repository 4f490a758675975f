//! The bytes of fields are those that are written down, and hostile ones are refused.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    fmt::Debug,
    time::Duration,
};

use proptest::prelude::*;
use uuid::Uuid;

use super::{Decoder, Encoder, Field};
use crate::{Id, Timestamp, error::CodecError};

fn encode<T: Field>(value: &T) -> Vec<u8> {
    let mut out = Encoder::default();
    value.encode(&mut out);
    out.into_bytes()
}

fn decode<T: Field>(bytes: &[u8]) -> Result<T, CodecError> {
    let mut input = Decoder::new(bytes);
    let value = T::decode(&mut input)?;
    input.finish()?;
    Ok(value)
}

/// The value has just these bytes, comes back, and no beginning of the bytes is a value.
#[expect(clippy::needless_pass_by_value, reason = "reads like the table it checks")]
fn golden<T: Field + Debug + PartialEq>(value: T, bytes: &[u8]) {
    assert_eq!(encode(&value), bytes, "{value:?}");
    assert_eq!(decode::<T>(bytes).as_ref(), Ok(&value));
    for cut in 0..bytes.len() {
        assert!(decode::<T>(&bytes[..cut]).is_err(), "{value:?} cut at {cut}");
    }
}

#[test]
fn numbers_have_their_golden_bytes() {
    golden(0x7F_u8, &[0x7F]);
    golden(-1_i8, &[0xFF]);
    golden(250_u16, &[250]);
    golden(251_u32, &[0xFB, 251, 0]);
    golden(0x1_0000_u64, &[0xFC, 0, 0, 1, 0]);
    golden(1_u64 << 32, &[0xFD, 0, 0, 0, 0, 1, 0, 0, 0]);
    golden(1_u128 << 64, &[0xFE, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
    golden(-1_i64, &[1]);
    golden(1_i32, &[2]);
    golden(-126_i16, &[0xFB, 251, 0]);
    golden(1.5_f32, &[0, 0, 0xC0, 0x3F]);
    golden(-2.0_f64, &[0, 0, 0, 0, 0, 0, 0, 0xC0]);
    golden(true, &[1]);
    golden('\u{e9}', &[0xC3, 0xA9]);
    golden(Timestamp::from_micros(-2), &[3]);
    golden(Duration::new(3, 4), &[3, 4]);
}

#[test]
fn compound_values_have_their_golden_bytes() {
    golden("h\u{e9}".to_owned(), &[3, b'h', 0xC3, 0xA9]);
    golden(vec![1_u8, 2], &[2, 1, 2]);
    golden(vec![300_u16], &[1, 0xFB, 0x2C, 1]);
    golden(None::<u8>, &[0]);
    golden(Some(9_u8), &[1, 9]);
    golden([1_u8, 2], &[1, 2]);
    golden((1_u8, false), &[1, 0]);
    golden(Box::new(5_u32), &[5]);
    golden(BTreeSet::from([2_u8, 1]), &[2, 1, 2]);
    golden(BTreeMap::from([(1_u8, "a".to_owned())]), &[1, 1, 1, b'a']);
    let uuid = Uuid::from_bytes([7; 16]);
    golden(uuid, &[7; 16]);
    golden(Id::<()>::from_uuid(uuid), &[7; 16]);
}

#[cfg(feature = "ulid")]
#[test]
fn a_ulid_has_its_golden_bytes() {
    let ulid: ulid::Ulid = "01D39ZY06FGSCTVN4T2V9PKHFZ".parse().unwrap();
    golden(ulid, b"\x01\x68\xd3\xff\x00\xcf\x86\x59\xad\xd4\x9a\x16\xd3\x69\xc5\xff");
    golden(Some(ulid::Ulid(7)), &[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 7]);
    assert_eq!(<Vec<ulid::Ulid>>::SIGNATURE.to_string(), "list<ulid>");
}

#[test]
fn equal_hash_tables_have_equal_bytes() {
    let forth: HashSet<u32> = (0..1000).collect();
    let back: HashSet<u32> = (0..1000).rev().collect();
    assert_eq!(encode(&forth), encode(&back));
    assert_eq!(decode(&encode(&forth)), Ok(forth));
    let map: HashMap<String, u8> = [("b".to_owned(), 1), ("a".to_owned(), 2)].into();
    assert_eq!(encode(&map), [2, 1, b'a', 2, 1, b'b', 1]);
}

#[test]
fn a_length_beyond_the_bytes_allocates_nothing() {
    let huge = [0xFD, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0xFF, 0x7F];
    assert_eq!(decode::<Vec<u8>>(&huge), Err(CodecError::LengthTooBig));
    assert_eq!(decode::<Vec<[u64; 64]>>(&huge), Err(CodecError::LengthTooBig));
    assert_eq!(decode::<String>(&huge), Err(CodecError::LengthTooBig));
    assert_eq!(decode::<BTreeMap<u8, u8>>(&huge), Err(CodecError::LengthTooBig));
    assert_eq!(decode::<HashSet<u8>>(&huge), Err(CodecError::LengthTooBig));
}

#[test]
fn malformed_values_are_refused() {
    assert_eq!(decode::<bool>(&[2]), Err(CodecError::UnknownTag { tag: 2 }));
    assert_eq!(decode::<Option<u8>>(&[2, 0]), Err(CodecError::UnknownTag { tag: 2 }));
    assert_eq!(decode::<String>(&[1, 0xFF]), Err(CodecError::NotUtf8));
    assert_eq!(decode::<u8>(&[1, 2]), Err(CodecError::TrailingBytes));
    assert!(decode::<u16>(&[0xFC, 0, 0, 1, 0]).is_err(), "too large for the type");
    assert!(
        decode::<Duration>(&[0, 0xFC, 0, 0xCA, 0x9A, 0x3B]).is_err(),
        "a second of nanoseconds"
    );
}

#[test]
fn signatures_tell_types_apart() {
    type Nested = BTreeMap<String, Vec<Option<(u8, [i16; 3])>>>;
    assert_eq!(Nested::SIGNATURE.to_string(), "map<string, list<option<(u8, [i16; 3])>>>");
    assert_eq!(HashSet::<Id<()>>::SIGNATURE.to_string(), "list<uuid>");
}

proptest! {
    #[test]
    fn random_values_come_back(
        value in any::<(i64, Option<String>, Vec<u32>, (bool, char), BTreeMap<u8, i128>)>(),
    ) {
        prop_assert_eq!(decode(&encode(&value)), Ok(value));
    }

    #[test]
    fn the_bytes_are_those_of_bincode(value in any::<(u64, i32, String, Vec<u8>, Option<f32>)>()) {
        let standard = bincode::encode_to_vec(&value, bincode::config::standard()).unwrap();
        prop_assert_eq!(encode(&value), standard);
    }

    #[test]
    fn random_bytes_never_panic(bytes in any::<Vec<u8>>()) {
        drop(decode::<(Vec<String>, HashMap<char, Duration>, Box<Uuid>)>(&bytes));
        drop(decode::<(i128, Option<Vec<bool>>, BTreeSet<i8>)>(&bytes));
    }
}
