//! Which bytes a request asks for, as RFC 9110 says it in section 14.

use std::ops::Range;

/// What is to be sent of some content.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Asked {
    Whole,
    Part(Range<u64>),
    /// There are no such bytes.
    Nothing,
}

impl Asked {
    /// What the header `Range` asks for of `len` bytes. Several ranges at once, other units and what
    /// makes no sense count as none: who sends all is always right.
    pub(crate) fn of(header: Option<&str>, len: u64) -> Self {
        let range = header.and_then(|header| header.trim().strip_prefix("bytes="));
        let Some((first, last)) = range.and_then(|range| range.split_once('-')) else {
            return Self::Whole;
        };
        let (first, last) = (first.trim(), last.trim());
        match (number(first), number(last)) {
            (Some(first), Some(last)) if first > last => Self::Whole,
            (Some(first), Some(last)) => Self::part(first..last.saturating_add(1).min(len)),
            (Some(first), None) if last.is_empty() => Self::part(first..len),
            // The last so many of them.
            (None, Some(count)) if first.is_empty() => Self::part(len.saturating_sub(count)..len),
            _ => Self::Whole,
        }
    }

    fn part(range: Range<u64>) -> Self {
        if range.is_empty() { Self::Nothing } else { Self::Part(range) }
    }
}

/// Digits and nothing else.
fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok())?
}
