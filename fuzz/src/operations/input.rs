//! Operations as data, and the keys and values in them.

use arbitrary::Arbitrary;

use super::StoreName;

/// What happens between transactions, or a transaction.
#[derive(Arbitrary, Debug)]
pub(super) enum Episode {
    /// The steps follow in the input.
    Transaction {
        relaxed: bool,
        snapshot: bool,
    },
    Checkpoint,
    Sync,
    Compact,
    Compare,
    Reopen {
        close: bool,
    },
    LosePower {
        seed: u8,
    },
    /// After so many more calls of the disk each one fails, or the process ends.
    FailAfter {
        calls: u8,
        ended: bool,
    },
}

/// What happens in a transaction.
#[derive(Arbitrary, Debug)]
pub(super) enum Step {
    Commit,
    Abort,
    DropStore(StoreName),
    Load {
        store: StoreName,
        rows: u8,
        len: u8,
    },
    /// Moves with one cursor, and whatever else, follow in the input.
    Work(StoreName),
}

/// What happens to a store.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(super) enum Operation {
    Leave,
    Put {
        key: Key,
        value: Value,
    },
    /// So many keys from this one on.
    PutMany {
        key: Key,
        count: u8,
        value: Value,
    },
    Remove {
        key: Key,
    },
    RemoveMany {
        key: Key,
        count: u8,
    },
    Find {
        key: Key,
    },
    Range {
        from: Key,
        to: Key,
        from_end: u8,
    },
    First,
    Last,
    Next {
        times: u8,
    },
    Prev {
        times: u8,
    },
    Seek {
        key: Key,
    },
    SeekBack {
        key: Key,
    },
    RemoveHere,
}

/// A key: most are near each other, some are long or share a long beginning.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(super) struct Key {
    kind: u8,
    number: u16,
}

impl Key {
    pub(super) fn bytes(self) -> Vec<u8> {
        let number = self.number.to_be_bytes();
        match self.kind % 16 {
            0 => Vec::new(),
            1 => [&[b'p'; 200][..], &number].concat(),
            2 => [&number[..], &[b'l'; 4_000]].concat(),
            3 => vec![0xff; usize::from(self.number % 300)],
            _ => number.to_vec(),
        }
    }

    /// The key that is so many numbers further.
    pub(super) fn plus(self, count: u8) -> Self {
        Self { number: self.number.wrapping_add(count.into()), ..self }
    }
}

/// A value, by its length.
#[derive(Arbitrary, Clone, Copy, Debug)]
pub(super) struct Value {
    kind: u8,
    filled_with: u8,
}

impl Value {
    pub(super) fn bytes(self) -> Vec<u8> {
        let len = match self.kind {
            kind @ 0..200 => usize::from(kind),
            kind @ 200..250 => 40 * usize::from(kind - 190),
            kind => 4_000 * usize::from(kind - 249),
        };
        vec![self.filled_with; len]
    }
}

/// Entries to be loaded.
pub(super) fn rows(count: u8, len: u8) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
    (0..u16::from(count))
        .map(move |row| (row.to_be_bytes().to_vec(), vec![b'b'; usize::from(len) * 4]))
}
