//! What is reported to the oracle, as data.

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
};

use sop_core::Conflict;
pub use sop_core::Isolation;

use super::{BlobStep, Key, KeyRange, Value};

/// What a database went through between being opened and its end.
#[derive(Clone, Debug, Default)]
pub struct Life {
    /// The log position found when it was opened.
    pub opened_at: u64,
    /// Everything up to here was promised to outlast what ended this life.
    pub lasting: u64,
    /// Positions that hold something else than transactions.
    pub others: BTreeSet<u64>,
    /// [Digests](super::Digest) of whole states, as somebody saw them, by their positions.
    pub digests: BTreeMap<u64, u64>,
    /// Whoever read or wrote, in any order.
    pub reports: Vec<Report>,
}

/// What a transaction, or a snapshot, did and was told.
#[derive(Clone, Debug)]
pub struct Report {
    /// The log position of the state that it reads.
    pub snapshot: u64,
    /// What was asked for. Of reports that wrote nothing it makes no difference.
    pub isolation: Isolation,
    /// The highest position that was acknowledged to anybody before it began.
    pub begun_after: u64,
    /// What it did, in order.
    pub steps: Vec<Step>,
    /// How it ended.
    pub end: End,
}

/// How a transaction ended.
#[derive(Clone, Debug)]
pub enum End {
    /// Without an effect: rolled back, never committed, failed for another reason than a conflict,
    /// or for reading only.
    NoEffect,
    /// Acknowledged.
    Committed {
        /// The log position.
        position: u64,
        /// Orders those of one position: numbers that ascend, with gaps or without.
        order: u64,
        /// What the engine said about that order.
        index: Option<u32>,
        /// The highest position that was acknowledged to anybody before it was submitted.
        submitted_after: u64,
    },
    /// Refused for others.
    Refused {
        /// For what.
        conflict: Conflict,
        /// The newest position when it was told so, or the one that had failed by then.
        told_at: u64,
    },
    /// It did not happen, but whoever came later in its batch may have been refused for it.
    Lost {
        /// The position that it was to have.
        position: u64,
        /// Orders those of one position.
        order: u64,
    },
    /// It may have happened.
    Unknown {
        /// At this position, if it did.
        position: u64,
        /// Orders those of one position.
        order: u64,
    },
}

/// One thing that a transaction did, and what came of it.
#[derive(Clone, Debug)]
pub enum Step {
    /// Looked up the name of a store.
    Open {
        /// The name.
        store: String,
        /// Whether there was one.
        found: bool,
    },
    /// Listed the names of all stores.
    List {
        /// What was there.
        stores: Vec<String>,
    },
    /// Read an entry.
    Find {
        /// In which store.
        store: String,
        /// Under which key.
        key: Key,
        /// What was there.
        found: Option<Value>,
    },
    /// Read all entries of a range.
    Range {
        /// In which store.
        store: String,
        /// As far as it was walked.
        range: KeyRange,
        /// What was there.
        found: Vec<(Key, Value)>,
    },
    /// Counted the entries of a range.
    Count {
        /// In which store.
        store: String,
        /// Between which keys.
        range: KeyRange,
        /// How many there were.
        found: u64,
    },
    /// Wrote an entry, or tried to.
    Write {
        /// In which store.
        store: String,
        /// Under which key.
        key: Key,
        /// How.
        kind: WriteKind,
        /// Whether it was written: not if the key was, or was not, there already.
        done: bool,
    },
    /// Created a store, or opened it if there was one.
    Create {
        /// Its name.
        store: String,
        /// Whether there had to be none.
        exclusive: bool,
    },
    /// Gave a store another name.
    Rename {
        /// The name before.
        from: String,
        /// The name since.
        to: String,
    },
    /// Dropped a store.
    Drop {
        /// Its name.
        store: String,
    },
    /// Filled a store that was empty.
    Load {
        /// Its name.
        store: String,
        /// With what.
        rows: Vec<(Key, Value)>,
    },
    /// Did something with a blob.
    Blob(BlobStep),
}

impl Step {
    /// Whether it changed nothing, though it may have tried to.
    pub fn only_reads(&self) -> bool {
        match self {
            Self::Write { done, .. } => !done,
            Self::Blob(step) => step.only_reads(),
            Self::Create { .. } | Self::Rename { .. } | Self::Drop { .. } | Self::Load { .. } => {
                false
            }
            _ => true,
        }
    }
}

/// How an entry is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WriteKind {
    /// Only if the key is not there.
    Add(Value),
    /// Only if the key is there.
    Update(Value),
    /// In any case.
    Upsert(Value),
    /// Taken away, if the key is there.
    Remove,
    /// In any case, and whatever others do.
    BlindUpsert(Value),
    /// Taken away whatever others do, if the key is there by then.
    BlindRemove,
}

impl WriteKind {
    /// Whether it writes to a key that is there, or is not.
    pub fn applies(&self, is_there: bool) -> bool {
        match self {
            Self::Add(_) => !is_there,
            Self::Update(_) | Self::Remove => is_there,
            Self::Upsert(_) | Self::BlindUpsert(_) | Self::BlindRemove => true,
        }
    }

    /// What is there afterwards.
    pub fn value(&self) -> Option<&Value> {
        match self {
            Self::Add(value)
            | Self::Update(value)
            | Self::Upsert(value)
            | Self::BlindUpsert(value) => Some(value),
            Self::Remove | Self::BlindRemove => None,
        }
    }

    /// Whether it is for no state in particular.
    pub fn is_blind(&self) -> bool {
        matches!(self, Self::BlindUpsert(_) | Self::BlindRemove)
    }
}

/// Bytes as a person can read them, and not too many.
pub(super) fn show(bytes: &[u8]) -> String {
    const SHOWN_MAX: usize = 24;
    let text = String::from_utf8_lossy(bytes);
    let text = text.trim_end_matches([' ', '.']);
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}..", &text[..end]),
        None => text.to_owned(),
    }
}

fn show_bound(bound: &std::ops::Bound<Key>) -> String {
    match bound {
        std::ops::Bound::Included(key) => show(key),
        std::ops::Bound::Excluded(key) => format!("without {}", show(key)),
        std::ops::Bound::Unbounded => "the end".to_owned(),
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let between = |(from, to): &KeyRange| format!("{} to {}", show_bound(from), show_bound(to));
        match self {
            Self::Open { store, found } => write!(f, "open {store} -> {found}"),
            Self::List { stores } => write!(f, "list -> {stores:?}"),
            Self::Find { store, key, found } => {
                write!(f, "find {store} {} -> {:?}", show(key), found.as_ref().map(|v| show(v)))
            }
            Self::Range { store, range, found } => {
                write!(f, "read {store} {} ->", between(range))?;
                found
                    .iter()
                    .try_for_each(|(key, value)| write!(f, " {}={}", show(key), show(value)))
            }
            Self::Count { store, range, found } => {
                write!(f, "count {store} {} -> {found}", between(range))
            }
            Self::Write { store, key, kind, done } => {
                let how = match kind {
                    WriteKind::Add(_) => "add",
                    WriteKind::Update(_) => "update",
                    WriteKind::Upsert(_) => "upsert",
                    WriteKind::Remove => "remove",
                    WriteKind::BlindUpsert(_) => "blindly upsert",
                    WriteKind::BlindRemove => "blindly remove",
                };
                let value = kind.value().map(|value| show(value)).unwrap_or_default();
                write!(f, "{how} {store} {} {value} -> {done}", show(key))
            }
            Self::Create { store, exclusive } => {
                write!(f, "create {store}, exclusive: {exclusive}")
            }
            Self::Rename { from, to } => write!(f, "rename {from} to {to}"),
            Self::Drop { store } => write!(f, "drop {store}"),
            Self::Load { store, rows } => write!(f, "load {store} with {} rows", rows.len()),
            Self::Blob(step) => step.fmt(f),
        }
    }
}

impl Report {
    /// The position that it has, or would have, if it changes something.
    pub fn place(&self) -> Option<u64> {
        match self.end {
            _ if self.steps.iter().all(Step::only_reads) => None,
            End::Committed { position, .. }
            | End::Lost { position, .. }
            | End::Unknown { position, .. } => Some(position),
            End::NoEffect | End::Refused { .. } => None,
        }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "on {} under {:?} it did", self.snapshot, self.isolation)?;
        self.steps.iter().try_for_each(|step| write!(f, "\n    {step}"))
    }
}
