//! Whether exactly the entries are there that should be.

use crate::{
    Result, data,
    engines::{Engine, Reader as _},
};

/// Scans everything, and fails unless exactly these entries are there.
pub(super) fn expect(engine: &impl Engine, expected: &Tally) -> Result<()> {
    let mut found = Tally::default();
    engine.read(|reader| reader.scan(None, usize::MAX, |_, value| found.add(data::read(value))))?;
    if found == *expected { Ok(()) } else { Err(format!("{found:?}, not {expected:?}").into()) }
}

/// A fingerprint of a set of entries, whatever their order.
#[derive(Debug, Default, PartialEq)]
pub(super) struct Tally {
    count: u64,
    sum: u64,
    squares: u64,
    strangers: u64,
}

impl Tally {
    /// Of the entries with these tags.
    pub(super) fn of(tags: impl Iterator<Item = u64>) -> Self {
        let mut tally = Self::default();
        tags.for_each(|tag| tally.add(Some(tag)));
        tally
    }

    fn add(&mut self, tag: Option<u64>) {
        self.count += 1;
        match tag {
            Some(tag) => {
                self.sum = self.sum.wrapping_add(tag);
                self.squares = self.squares.wrapping_add(tag.wrapping_mul(tag));
            }
            None => self.strangers += 1,
        }
    }
}
