//! Ranges of keys, all brought to one form.

use std::ops::{Bound, RangeBounds};

/// The keys from `start` up to but without `end`; without an end, all from `start` on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct KeyRange {
    pub(crate) start: Vec<u8>,
    pub(crate) end: Option<Vec<u8>>,
}

impl KeyRange {
    pub(crate) const ALL: Self = Self { start: Vec::new(), end: None };

    pub(crate) fn new<K: AsRef<[u8]>>(bounds: &impl RangeBounds<K>) -> Self {
        let start = match bounds.start_bound() {
            Bound::Included(key) => key.as_ref().to_vec(),
            Bound::Excluded(key) => successor(key.as_ref()),
            Bound::Unbounded => Vec::new(),
        };
        let end = match bounds.end_bound() {
            Bound::Included(key) => Some(successor(key.as_ref())),
            Bound::Excluded(key) => Some(key.as_ref().to_vec()),
            Bound::Unbounded => None,
        };
        Self { start, end }
    }

    /// All keys that begin with `prefix`.
    pub(crate) fn prefix(prefix: &[u8]) -> Self {
        let mut end = prefix.to_vec();
        while let Some(last) = end.pop() {
            if let Some(next) = last.checked_add(1) {
                end.push(next);
                return Self { start: prefix.to_vec(), end: Some(end) };
            }
        }
        Self { start: prefix.to_vec(), end: None }
    }

    pub(crate) fn contains(&self, key: &[u8]) -> bool {
        key >= self.start.as_slice() && self.end.as_deref().is_none_or(|end| key < end)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.end.as_ref().is_some_and(|end| *end <= self.start)
    }

    /// The least range that has all keys of both.
    pub(crate) fn hull(self, other: Self) -> Self {
        let end = match (self.end, other.end) {
            (Some(a), Some(b)) => Some(a.max(b)),
            _ => None,
        };
        Self { start: self.start.min(other.start), end }
    }

    /// What both have.
    pub(crate) fn within(self, other: &Self) -> Self {
        let end = match (self.end, &other.end) {
            (Some(a), Some(b)) => Some(a.min(b.clone())),
            (a, b) => a.or_else(|| b.clone()),
        };
        Self { start: self.start.max(other.start.clone()), end }
    }
}

/// The least key that is greater than `key`.
pub(crate) fn successor(key: &[u8]) -> Vec<u8> {
    [key, &[0]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_ends_before_the_next_one() {
        assert_eq!(KeyRange::prefix(b"ab").end.as_deref(), Some(&b"ac"[..]));
        assert_eq!(KeyRange::prefix(b"a\xff").end.as_deref(), Some(&b"b"[..]));
        assert_eq!(KeyRange::prefix(b"\xff\xff").end, None);
        assert_eq!(KeyRange::prefix(b""), KeyRange::ALL);
    }

    #[test]
    fn bounds_of_every_kind_contain_what_they_say() {
        let inside =
            |range: &KeyRange| [&b"a"[..], b"b", b"b\0", b"c"].map(|key| range.contains(key));
        assert_eq!(
            inside(&KeyRange::new::<&[u8]>(&(&b"b"[..]..=b"b"))),
            [false, true, false, false]
        );
        assert_eq!(inside(&KeyRange::new::<&[u8]>(&(&b"a"[..]..b"c"))), [true, true, true, false]);
        let after = (Bound::Excluded(&b"b"[..]), Bound::<&[u8]>::Unbounded);
        assert_eq!(inside(&KeyRange::new::<&[u8]>(&after)), [false, false, true, true]);
        assert!(KeyRange::new::<&[u8]>(&(&b"c"[..]..b"a")).is_empty());
    }
}
