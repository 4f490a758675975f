//! What a transaction can do, drawn as data before it is done, so that a trace says it.

use std::ops::Bound;

use fastrand::Rng;
use sop_core::{Result, Transaction};

use super::{
    blobs::{BlobReading, BlobWriting},
    plan::Plan,
};
use crate::oracle::{Direction, KeyRange, Readable, Value, Witness, WriteKind};

/// Something that reads. Stores are named by their numbers in the plan.
#[derive(Debug)]
pub(in crate::simulation) enum Reading {
    Find { store: usize, key: String },
    Scan { store: usize, from: Option<String>, to: Option<String>, front: usize, back: usize },
    Walk { store: usize, key: String, direction: Direction, moves: usize },
    Count { store: usize, from: Option<String>, to: Option<String> },
    List,
    Blob(BlobReading),
}

/// Something that writes, or may.
#[derive(Debug)]
pub(in crate::simulation) enum Writing {
    Add { store: usize, key: String, value: Text },
    Update { store: usize, key: String, value: Text },
    Upsert { store: usize, key: String, value: Text },
    Remove { store: usize, key: String },
    Create { store: usize, exclusive: bool },
    Rename { from: usize, to: usize },
    Drop { store: usize },
    Load { store: usize, rows: u32, value: Text },
    Blob(BlobWriting),
}

/// A value: a number, which only this one has, or few others, at some length.
#[derive(Clone, Copy, Debug)]
pub(in crate::simulation) struct Text {
    number: u64,
    len: usize,
}

impl Text {
    pub(in crate::simulation) fn bytes(self) -> Value {
        let Self { number, len } = self;
        format!("{number}{:.<len$}", "").into_bytes().into()
    }
}

pub(in crate::simulation) fn store_name(store: usize) -> String {
    format!("s{store}")
}

fn range(from: Option<&String>, to: Option<&String>) -> KeyRange {
    let bytes = |key: &String| key.clone().into_bytes();
    (
        from.map_or(Bound::Unbounded, |key| Bound::Included(bytes(key))),
        to.map_or(Bound::Unbounded, |key| Bound::Excluded(bytes(key))),
    )
}

impl Reading {
    pub(in crate::simulation) fn draw(plan: &Plan, random: &mut Rng) -> Self {
        let store = plan.any_store(random);
        let any = random.u32(..plan.mix.reads());
        if any < plan.mix.find {
            return Self::Find { store, key: plan.any_key(random) };
        }
        if any < plan.mix.find + plan.mix.blob {
            return Self::Blob(BlobReading::draw(plan, random));
        }
        let bound = |random: &mut Rng| (random.u8(..4) > 0).then(|| plan.any_key(random));
        match random.u8(..8) {
            0..3 => {
                let (mut from, mut to) = (bound(random), bound(random));
                if from > to && to.is_some() && random.u8(..10) > 0 {
                    (from, to) = (to, from);
                }
                let (front, back) = (random.usize(..20), random.usize(..6));
                Self::Scan { store, from, to, front, back }
            }
            3..6 => {
                let direction =
                    if random.bool() { Direction::Forwards } else { Direction::Backwards };
                Self::Walk {
                    store,
                    key: plan.any_key(random),
                    direction,
                    moves: random.usize(..12),
                }
            }
            6 => Self::Count { store, from: bound(random), to: bound(random) },
            _ if random.u8(..4) == 0 => Self::List,
            _ => {
                let (front, back) = (usize::MAX, 0);
                Self::Scan { store, from: None, to: None, front, back }
            }
        }
    }

    pub(in crate::simulation) fn perform(
        &self,
        witness: &mut Witness<impl Readable>,
    ) -> Result<()> {
        match self {
            Self::Find { store, key } => witness.find(&store_name(*store), key.as_bytes()),
            Self::Scan { store, from, to, front, back } => {
                let range = range(from.as_ref(), to.as_ref());
                witness.scan(&store_name(*store), range, *front, *back)
            }
            Self::Walk { store, key, direction, moves } => {
                witness.walk(&store_name(*store), key.as_bytes(), *direction, *moves)
            }
            Self::Count { store, from, to } => {
                witness.count(&store_name(*store), range(from.as_ref(), to.as_ref()))
            }
            Self::List => witness.list(),
            Self::Blob(reading) => reading.perform(witness),
        }
    }
}

impl Writing {
    /// `number` is one that no value has so far.
    pub(in crate::simulation) fn draw(plan: &Plan, number: u64, random: &mut Rng) -> Self {
        let (store, key) = (plan.any_store(random), plan.any_key(random));
        // Some values come back, so that what was changed and changed back can be met.
        let number = if random.u8(..8) == 0 { number % 3 } else { number };
        let value = Text { number, len: plan.value_len(random) };
        let mix = &plan.mix;
        let any = random.u32(..mix.writes());
        if any < mix.write {
            return match random.u8(..6) {
                0 | 1 => Self::Add { store, key, value },
                2 => Self::Update { store, key, value },
                _ => Self::Upsert { store, key, value },
            };
        }
        if any < mix.write + mix.remove {
            return Self::Remove { store, key };
        }
        if any < mix.write + mix.remove + mix.blob {
            return Self::Blob(BlobWriting::draw(plan, number, random));
        }
        match random.u8(..8) {
            0 => Self::Rename { from: store, to: plan.any_store(random) },
            1 | 2 => Self::Drop { store },
            3..6 => Self::Create { store, exclusive: random.bool() },
            _ => Self::Load { store, rows: random.u32(..60).min(plan.keys), value },
        }
    }

    /// Whether it changes, or may change, a store as a whole.
    pub(in crate::simulation) fn concerns_stores(&self) -> bool {
        matches!(
            self,
            Self::Create { .. }
                | Self::Rename { .. }
                | Self::Drop { .. }
                | Self::Load { .. }
                | Self::Blob(_)
        )
    }

    pub(in crate::simulation) fn perform(
        &self,
        plan: &Plan,
        witness: &mut Witness<Transaction>,
    ) -> Result<()> {
        let mut write = |store: &usize, key: &String, kind| {
            witness.write(&store_name(*store), key.as_bytes(), kind)
        };
        match self {
            Self::Add { store, key, value } => write(store, key, WriteKind::Add(value.bytes())),
            Self::Update { store, key, value } => {
                write(store, key, WriteKind::Update(value.bytes()))
            }
            Self::Upsert { store, key, value } => {
                write(store, key, WriteKind::Upsert(value.bytes()))
            }
            Self::Remove { store, key } => write(store, key, WriteKind::Remove),
            Self::Create { store, exclusive } => {
                witness.create(&store_name(*store), &plan.store_options(*store), *exclusive)
            }
            Self::Rename { from, to } => witness.rename(&store_name(*from), &store_name(*to)),
            Self::Drop { store } => witness.drop_store(&store_name(*store)),
            Self::Load { store, rows, value } => {
                let rows = (0..*rows).map(|row| (plan.key(row).into_bytes(), value.bytes()));
                witness.load(&store_name(*store), &plan.store_options(*store), rows.collect())
            }
            Self::Blob(writing) => writing.perform(plan, witness),
        }
    }
}
