//! The records every typed database is given: made from a number, so that nothing is stored.

use crate::typed::{Row, Seen};

/// Larger than any number of records, and prime: `joined` is a permutation of the numbers.
const SPREAD: u64 = 4_294_967_291;

/// A supply of records, numbered from zero.
#[derive(Clone, Copy, Debug)]
pub(super) struct Accounts {
    count: u64,
}

impl Accounts {
    /// So many records, fewer than four thousand million.
    pub(super) fn new(count: u64) -> Self {
        Self { count }
    }

    /// The record of a number.
    pub(super) fn row(self, id: u64) -> Row {
        Row {
            id,
            email: email(id),
            name: format!("Account number {id}"),
            joined: self.joined(id),
            active: id.is_multiple_of(3),
            score: f64::from(u16::try_from(id % 1_000).unwrap_or_default()) / 7.0,
            note: (!id.is_multiple_of(4))
                .then(|| format!("opened by clerk {} at counter {}", id % 97, id % 5)),
            balance: 0,
        }
    }

    /// Whether this is the record of a number, by the two fields that tell records apart, and
    /// nobody has changed it. Cheap, so that it can be asked of every answer.
    pub(super) fn is(self, id: u64, seen: &Seen<'_>) -> bool {
        seen.id == id && seen.joined == self.joined(id) && seen.balance == 0
    }

    /// Each of the numbers below that of the records, once.
    fn joined(self, id: u64) -> u64 {
        id * SPREAD % self.count
    }
}

/// The value of the unique index of a record. Neighbours in the order of keys are none in its order.
pub(super) fn email(id: u64) -> String {
    format!("{:016x}@example.org", id.wrapping_mul(0x9e37_79b9_7f4a_7c15))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn indexed_fields_are_distinct_and_dates_are_all_numbers() {
        let accounts = Accounts::new(10_000);
        let rows: Vec<Row> = (0..10_000).map(|id| accounts.row(id)).collect();
        let joined: BTreeSet<u64> = rows.iter().map(|row| row.joined).collect();
        assert!(joined.into_iter().eq(0..10_000));
        let emails: BTreeSet<&str> = rows.iter().map(|row| row.email.as_str()).collect();
        assert_eq!(emails.len(), rows.len());
    }

    #[test]
    fn a_record_is_known_by_its_number_until_it_is_changed() {
        let accounts = Accounts::new(10_000);
        let mut row = accounts.row(77);
        assert!(accounts.is(77, &row.seen()));
        assert!(!accounts.is(78, &row.seen()));
        row.balance = 1;
        assert!(!accounts.is(77, &row.seen()));
    }
}
