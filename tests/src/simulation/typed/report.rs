//! What is reported to the judge, as data.

use std::{collections::BTreeSet, fmt};

use super::operation::{Answer, Op};

/// What a database went through between being opened and its end.
#[derive(Clone, Debug, Default)]
pub(super) struct Life {
    /// The position found when it was opened.
    pub(super) opened_at: u64,
    /// Everything up to here was promised to outlast what ended this life.
    pub(super) lasting: u64,
    /// Positions of commits that filled or cleared indexes, or may have.
    pub(super) built: Vec<u64>,
    /// Positions of commits that moved codes of vectors, or may have.
    pub(super) moved: Vec<u64>,
    /// Whether something was written of which it is not known whether it took effect.
    pub(super) is_poisoned: bool,
    /// All sessions.
    pub(super) reports: Vec<Report>,
}

/// What a session did and was told.
#[derive(Clone, Debug)]
pub(super) struct Report {
    pub(super) terms: Terms,
    pub(super) told: Vec<(Op, Answer)>,
    pub(super) end: End,
}

/// What a session began with.
#[derive(Clone, Debug)]
pub(super) struct Terms {
    /// The position of the state that it reads.
    pub(super) snapshot: u64,
    /// The highest position that was acknowledged to anybody before it began.
    pub(super) begun_after: u64,
    pub(super) is_serializable: bool,
    pub(super) is_lazy: bool,
    /// The indexes that held all records.
    pub(super) ready: BTreeSet<&'static str>,
    /// Whether there were others, by the place of their store.
    pub(super) unready: [bool; 2],
}

/// How a session ended.
#[derive(Clone, Debug)]
pub(super) enum End {
    /// Without an effect: rolled back, never committed, failed for another reason than others, or
    /// for reading only.
    NoEffect,
    /// Acknowledged, or found to have taken effect.
    Committed(Place),
    /// Refused for others.
    Refused {
        /// The newest position when it was told so, or the one that had failed by then.
        told_at: u64,
        /// What it was told, in words.
        why: String,
    },
    /// It may have happened at this place.
    Unknown(Place),
}

/// Where in the order of commits a session took effect.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) position: u64,
    /// Orders those of one position.
    pub(super) order: u64,
    /// The number that it left.
    pub(super) mark: u64,
    /// How many records it was told were merged, if it was told.
    pub(super) merges: Option<usize>,
    /// The highest position that was acknowledged to anybody before it was submitted.
    pub(super) submitted_after: u64,
}

impl Report {
    /// Where it took effect, or would have.
    pub(super) fn place(&self) -> Option<Place> {
        match self.end {
            End::Committed(place) | End::Unknown(place) => Some(place),
            End::NoEffect | End::Refused { .. } => None,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:?} it did", self.end, self.terms)?;
        self.told.iter().try_for_each(|(op, answer)| write!(f, "\n    {op:?} -> {answer:?}"))?;
        if let End::Refused { why, .. } = &self.end {
            write!(f, "\n    refused: {why}")?;
        }
        Ok(())
    }
}
