//! ULIDs as fields and keys: identifiers that begin with the time, short as text and in its order.

use parking_lot::Mutex;
use ulid::Ulid;
use uuid::Uuid;

use crate::{
    auto::AutoUlid,
    error::CodecError,
    field::{Decoder, Encoder, Field, Signature},
    key::{KeyPart, KeyReader, KeyWriter},
    timestamp::Timestamp,
};

impl Field for Ulid {
    const SIGNATURE: Signature = Signature::Leaf("ulid");

    fn encode(&self, out: &mut Encoder) {
        out.push(&self.to_bytes());
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, CodecError> {
        input.take().map(Self::from_bytes)
    }
}

impl KeyPart for Ulid {
    fn write_part(&self, out: &mut KeyWriter) -> Result<(), CodecError> {
        out.push(&self.to_bytes());
        Ok(())
    }

    fn read_part(input: &mut KeyReader<'_>) -> Result<Self, CodecError> {
        input.take().map(Self::from_bytes)
    }
}

/// The last one that was made in this process.
static LAST: Mutex<Option<Ulid>> = Mutex::new(None);

impl AutoUlid for Ulid {
    fn auto() -> Self {
        let millis = u64::try_from(Timestamp::now().as_micros() / 1_000).unwrap_or(0);
        let mut last = LAST.lock();
        let next = last.map_or_else(|| fresh(millis), |last| after(last, millis));
        *last = Some(next);
        next
    }
}

/// One that begins with the time in milliseconds since 1970.
fn fresh(millis: u64) -> Ulid {
    Ulid::from_parts(millis, random())
}

/// One that is greater than the last. When the clock has not moved on, or went back, the last one
/// is counted on: from its millisecond into the next ones, should their random part be used up.
fn after(last: Ulid, millis: u64) -> Ulid {
    if millis > last.timestamp_ms() {
        fresh(millis)
    } else {
        last.increment().unwrap_or_else(|in_the_next_millisecond| in_the_next_millisecond)
    }
}

/// Of which the lowest eighty bits are random.
fn random() -> u128 {
    // A UUID of version 4 has six bits that are always the same, the highest of them the eightieth.
    // What is above these is random, and covers them.
    let bits = Uuid::new_v4().as_u128();
    bits ^ (bits >> 48)
}

#[cfg(test)]
mod tests {
    use std::{collections::BTreeSet, thread};

    use super::*;

    #[test]
    fn ulids_of_one_thread_grow() {
        let made: Vec<Ulid> = (0..100_000).map(|_| Ulid::auto()).collect();
        assert!(made.is_sorted_by(|one, other| one < other));
    }

    #[test]
    fn ulids_of_many_threads_differ_and_grow_in_each() {
        let make = || (0..10_000).map(|_| Ulid::auto()).collect::<Vec<_>>();
        let made = thread::scope(|scope| {
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(make)).collect();
            threads.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
        });
        assert!(made.iter().all(|made| made.is_sorted_by(|one, other| one < other)));
        assert_eq!(made.concat().into_iter().collect::<BTreeSet<_>>().len(), 40_000);
    }

    #[test]
    fn a_ulid_begins_with_the_time() {
        let before = Timestamp::now().as_micros() / 1_000;
        let millis = i64::try_from(fresh(before.unsigned_abs()).timestamp_ms()).unwrap();
        assert_eq!(millis, before);
        assert!(i64::try_from(Ulid::auto().timestamp_ms()).unwrap() >= before);
    }

    #[test]
    fn a_clock_that_stands_still_or_goes_back_is_counted_over() {
        let last = Ulid::from_parts(1_000, 7);
        assert_eq!(after(last, 1_000), Ulid::from_parts(1_000, 8));
        assert_eq!(after(last, 3), Ulid::from_parts(1_000, 8));
        assert_eq!(after(last, 1_001).timestamp_ms(), 1_001);
        let used_up = Ulid::from_parts(1_000, u128::MAX);
        assert_eq!(after(used_up, 1_000), Ulid::from_parts(1_001, 0));
    }

    #[test]
    fn every_bit_of_the_random_part_is_random() {
        let made: Vec<u128> = (0..256).map(|_| fresh(0).random()).collect();
        let set = |bit: u32| made.iter().filter(|random| *random >> bit & 1 == 1).count();
        // Each is set in about half of them; less than 60 of 256 have a chance of 10^-17.
        for bit in 0..u32::from(Ulid::RAND_BITS) {
            assert!((60..196).contains(&set(bit)), "bit {bit} was set {} times", set(bit));
        }
    }
}
