//! Values that hold any number of other values.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    hash::{BuildHasher, Hash},
};

use super::{Decoder, Encoder, Field, Signature};
use crate::error::CodecError;

impl<T: Field> Field for Vec<T> {
    const SIGNATURE: Signature = Signature::List(&T::SIGNATURE);

    fn encode(&self, out: &mut Encoder) {
        out.push_len(self.len());
        T::encode_items(self, out);
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
        let len = input.take_len()?;
        T::decode_items(len, input)
    }
}

impl<T: Field + Ord> Field for BTreeSet<T> {
    const SIGNATURE: Signature = Signature::List(&T::SIGNATURE);

    fn encode(&self, out: &mut Encoder) {
        out.push_len(self.len());
        for item in self {
            item.encode(out);
        }
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
        read_items(input, T::decode)
    }
}

impl<K: Field + Ord, V: Field> Field for BTreeMap<K, V> {
    const SIGNATURE: Signature = Signature::Map(&K::SIGNATURE, &V::SIGNATURE);

    fn encode(&self, out: &mut Encoder) {
        out.push_len(self.len());
        for (key, value) in self {
            key.encode(out);
            value.encode(out);
        }
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
        read_items(input, |input| Ok((K::decode(input)?, V::decode(input)?)))
    }
}

impl<T, S> Field for HashSet<T, S>
where
    T: Field + Eq + Hash,
    S: BuildHasher + Default + Send + Sync + 'static,
{
    const SIGNATURE: Signature = Signature::List(&T::SIGNATURE);

    fn encode(&self, out: &mut Encoder) {
        write_sorted(self.iter(), out, Field::encode);
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
        read_items(input, T::decode)
    }
}

impl<K, V, S> Field for HashMap<K, V, S>
where
    K: Field + Eq + Hash,
    V: Field,
    S: BuildHasher + Default + Send + Sync + 'static,
{
    const SIGNATURE: Signature = Signature::Map(&K::SIGNATURE, &V::SIGNATURE);

    fn encode(&self, out: &mut Encoder) {
        write_sorted(self.iter(), out, |(key, value), out| {
            key.encode(out);
            value.encode(out);
        });
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
        read_items(input, |input| Ok((K::decode(input)?, V::decode(input)?)))
    }
}

fn read_items<T, C: FromIterator<T>>(
    input: &mut Decoder<'_>,
    mut read: impl FnMut(&mut Decoder<'_>) -> Result<T, CodecError>,
) -> Result<C, CodecError> {
    let len = input.take_len()?;
    (0..len).map(|_| read(input)).collect()
}

/// Writes items in the order of their bytes: a hash table's own order differs between equal ones.
fn write_sorted<I: ExactSizeIterator>(
    items: I,
    out: &mut Encoder,
    write: impl Fn(I::Item, &mut Encoder),
) {
    out.push_len(items.len());
    let mut encoded: Vec<Vec<u8>> = items
        .map(|item| {
            let mut bytes = Encoder::default();
            write(item, &mut bytes);
            bytes.into_bytes()
        })
        .collect();
    encoded.sort_unstable();
    for item in encoded {
        out.push(&item);
    }
}
