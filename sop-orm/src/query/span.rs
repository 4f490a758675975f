//! Ranges of keys, from the typed bounds of a query; pure.

use std::ops::{Bound, RangeBounds};

use super::explain::Asked;
use crate::{
    error::{Error, Result},
    index::Prefix,
    key::{KeyWriter, Order, successor},
    schema::{self, Column},
    store::invalid,
};

/// The keys from `start` up to but without `end`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Span {
    pub(crate) start: Vec<u8>,
    /// `None` reaches to the end of the index.
    pub(crate) end: Option<Vec<u8>>,
}

impl Span {
    /// All keys that begin with `prefix`.
    pub(crate) fn prefix(prefix: Vec<u8>) -> Self {
        Self { end: successor(&prefix), start: prefix }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.end.as_ref().is_some_and(|end| *end <= self.start)
    }

    /// Leaves the keys that are in `other` too.
    pub(crate) fn intersect(&mut self, other: Self) {
        self.raise_start(other.start);
        if let Some(end) = other.end {
            self.lower_end(end);
        }
    }

    /// Leaves the keys after `key`, or before it if `reverse`.
    pub(crate) fn cut_at(&mut self, mut key: Vec<u8>, reverse: bool) {
        if reverse {
            self.lower_end(key);
        } else {
            // The least key above `key`.
            key.push(0);
            self.raise_start(key);
        }
    }

    /// Leaves `key` and the keys after it, or before it if `reverse`.
    pub(crate) fn cut_before(&mut self, mut key: Vec<u8>, reverse: bool) {
        if reverse {
            key.push(0);
            self.lower_end(key);
        } else {
            self.raise_start(key);
        }
    }

    /// The keys that have these bytes before one that is in the span.
    pub(crate) fn behind(&self, before: &[u8]) -> Self {
        let behind = |key: &Vec<u8>| [before, key].concat();
        let end = self.end.as_ref().map(behind).or_else(|| successor(before));
        Self { start: behind(&self.start), end }
    }

    pub(crate) fn contains(&self, key: &[u8]) -> bool {
        key >= self.start.as_slice() && self.end.as_deref().is_none_or(|end| key < end)
    }

    /// How many leading columns have the same value in all keys of the span.
    pub(crate) fn fixed_columns(&self, columns: &[Column]) -> usize {
        let fixed = |count: &usize| {
            let leading = columns.get(..*count).unwrap_or_default();
            let Ok((leading, _)) = schema::split(leading, &self.start) else { return false };
            match (&self.end, successor(leading)) {
                (Some(end), Some(beyond)) => *end <= beyond,
                (_, beyond) => beyond.is_none(),
            }
        };
        (1..=columns.len()).take_while(fixed).count()
    }

    fn raise_start(&mut self, start: Vec<u8>) {
        if start > self.start {
            self.start = start;
        }
    }

    fn lower_end(&mut self, end: Vec<u8>) {
        if self.end.as_ref().is_none_or(|known| end < *known) {
            self.end = Some(end);
        }
    }

    /// For the engine.
    pub(crate) fn bounds(&self) -> (Bound<&[u8]>, Bound<&[u8]>) {
        let end = self.end.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        (Bound::Included(&self.start), end)
    }
}

/// The columns of a bound as bytes, and where the last of them begins.
struct Encoded {
    bytes: Vec<u8>,
    last_column: usize,
}

impl Encoded {
    fn new<I: Prefix<P>, P>(bound: &P) -> Result<Self> {
        let mut out = KeyWriter::default();
        I::write_prefix(bound, &mut out).map_err(|error| invalid(&error))?;
        Ok(Self { last_column: out.column_start(), bytes: out.into_bytes() })
    }

    fn leading(&self) -> &[u8] {
        self.bytes.get(..self.last_column).unwrap_or_default()
    }
}

/// The span of a range of prefixes: all columns but the last one given select, the last one ranges
/// in the order of its values, whatever the direction of the column.
pub(super) fn of_range<I: Prefix<P>, P>(
    columns: &[Column],
    range: &impl RangeBounds<P>,
) -> Result<(Span, Asked)> {
    let encode = |bound: Bound<&P>| match bound {
        Bound::Included(bound) => Encoded::new::<I, P>(bound).map(Bound::Included),
        Bound::Excluded(bound) => Encoded::new::<I, P>(bound).map(Bound::Excluded),
        Bound::Unbounded => Ok(Bound::Unbounded),
    };
    let (low, high) = (encode(range.start_bound())?, encode(range.end_bound())?);
    let bytes = |bound: &Bound<Encoded>| bound.as_ref().map(|bound| bound.bytes.clone());
    let asked = Asked::Range(bytes(&low), bytes(&high));
    let leading = match (inner(&low), inner(&high)) {
        (Some(low), Some(high)) if low.leading() != high.leading() => {
            let message = "the two ends of a range may differ in their last column only";
            return Err(Error::Invalid(message.into()));
        }
        (Some(bound), _) | (None, Some(bound)) => bound.leading().to_vec(),
        (None, None) => Vec::new(),
    };
    let mut span = Span::prefix(leading);
    let last = I::COLUMNS.checked_sub(1).and_then(|last| columns.get(last));
    let (from, to) = match last.map(|column| column.order) {
        Some(Order::Descending) => (high, low),
        Some(Order::Ascending) | None => (low, high),
    };
    match from {
        Bound::Included(from) => span.raise_start(from.bytes),
        Bound::Excluded(from) => match successor(&from.bytes) {
            Some(start) => span.raise_start(start),
            None => span.lower_end(Vec::new()),
        },
        Bound::Unbounded => {}
    }
    match to {
        Bound::Included(to) => {
            if let Some(end) = successor(&to.bytes) {
                span.lower_end(end);
            }
        }
        Bound::Excluded(to) => span.lower_end(to.bytes),
        Bound::Unbounded => {}
    }
    Ok((span, asked))
}

fn inner(bound: &Bound<Encoded>) -> Option<&Encoded> {
    match bound {
        Bound::Included(bound) | Bound::Excluded(bound) => Some(bound),
        Bound::Unbounded => None,
    }
}

/// The span of everything that begins with some columns, and that it was asked for.
#[expect(clippy::needless_pass_by_value, reason = "callers give away what they ask for")]
pub(super) fn of_prefix<I: Prefix<P>, P>(prefix: P) -> Result<(Span, Asked)> {
    let prefix = Encoded::new::<I, P>(&prefix)?.bytes;
    Ok((Span::prefix(prefix.clone()), Asked::Prefix(prefix)))
}
