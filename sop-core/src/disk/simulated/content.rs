//! A file's bytes: what is safe, and what a power cut leaves of the rest.

use std::sync::Arc;

use super::{
    ledger::{Ledger, Safety},
    survival::{Fate, Outcome},
};

/// A drive writes this much at once or not at all, in bytes.
const SECTOR: usize = 512;

/// A change of a file's bytes.
#[derive(Clone, Debug)]
pub(super) enum Change {
    /// These bytes at this offset.
    Write(usize, Arc<[u8]>),
    SetLen(usize),
}

/// A file apart from its names.
#[derive(Clone, Debug, Default)]
pub(super) struct Content {
    safe: Vec<u8>,
    since: Ledger<Change>,
}

impl Content {
    pub(super) fn of(safe: Vec<u8>) -> Self {
        Self { safe, since: Ledger::default() }
    }

    pub(super) fn change(&mut self, change: Change) {
        self.since.add(change);
    }

    /// A sync of the file succeeded, or failed.
    pub(super) fn synced(&mut self, succeeded: bool) {
        self.since.synced(succeeded, |_| true);
        while let Some(change) = self.since.settle() {
            change.apply(&mut self.safe);
        }
    }

    pub(super) fn after_power_cut(&self, fate: &mut Fate) -> Vec<u8> {
        let mut bytes = self.safe.clone();
        for (change, safety) in self.since.iter() {
            match safety {
                Safety::Safe => change.apply(&mut bytes),
                Safety::Unsynced | Safety::Forsaken => change.apply_fate(&mut bytes, fate),
            }
        }
        bytes
    }
}

impl Change {
    fn apply(&self, bytes: &mut Vec<u8>) {
        match self {
            Self::SetLen(len) => bytes.resize(*len, 0),
            Self::Write(offset, written) => put(bytes, *offset, written),
        }
    }

    /// Applies what survives. Of a write that made the file longer the new length may survive
    /// without the bytes, which are zeros then.
    fn apply_fate(&self, bytes: &mut Vec<u8>, fate: &mut Fate) {
        let Self::Write(offset, written) = self else {
            if fate.survives() {
                self.apply(bytes);
            }
            return;
        };
        match fate.of_a_write() {
            Outcome::Lost => {}
            Outcome::Kept => self.apply(bytes),
            Outcome::Torn => {
                let end = offset + written.len();
                if end > bytes.len() && fate.survives() {
                    bytes.resize(end, 0);
                }
                for (at, sector) in sectors(*offset, written) {
                    if fate.survives() {
                        put(bytes, at, sector);
                    }
                }
            }
        }
    }
}

/// The parts of a write that fall into the sectors of the file, with their offsets.
fn sectors(offset: usize, written: &[u8]) -> impl Iterator<Item = (usize, &[u8])> {
    let mut rest = (offset, written);
    std::iter::from_fn(move || {
        let (at, bytes) = rest;
        let (sector, behind) = bytes.split_at((SECTOR - at % SECTOR).min(bytes.len()));
        rest = (at + sector.len(), behind);
        (!sector.is_empty()).then_some((at, sector))
    })
}

fn put(bytes: &mut Vec<u8>, offset: usize, written: &[u8]) {
    let end = offset + written.len();
    bytes.resize(bytes.len().max(end), 0);
    bytes[offset..end].copy_from_slice(written);
}
