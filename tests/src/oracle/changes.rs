//! When what was changed, and whether that explains a conflict.

use std::collections::BTreeMap;

use sop_core::{Conflict, ConflictKind};

use super::{
    BlobStep, Key,
    model::{Model, OwnStore, covers},
    report::{Report, Step},
};

/// The positions at which each thing was changed, ascending.
#[derive(Debug, Default)]
pub(super) struct Changes {
    entries: BTreeMap<(String, Key), Vec<u64>>,
    names: BTreeMap<String, Vec<u64>>,
    /// Stores of which any entry was changed.
    stores: BTreeMap<String, Vec<u64>>,
}

/// Behind a snapshot, up to and with the state at which somebody was refused.
type Span = (u64, u64);

fn within(positions: Option<&Vec<u64>>, (after, to): Span) -> bool {
    positions.into_iter().flatten().any(|at| (after + 1..=to).contains(at))
}

impl Changes {
    /// Notes what a transaction changes in a model that does not have it yet.
    pub(super) fn note(
        &mut self,
        position: u64,
        model: &Model,
        changes: &BTreeMap<String, Option<OwnStore>>,
    ) {
        for (name, own) in changes {
            let is_other = own.as_ref().is_none_or(|own| own.base.as_ref() != Some(name));
            if is_other || !model.stores.contains_key(name) {
                self.names.entry(name.clone()).or_default().push(position);
            }
            for key in own.iter().flat_map(|own| own.writes.keys()) {
                let entry = (name.clone(), key.clone());
                self.entries.entry(entry).or_default().push(position);
                self.stores.entry(name.clone()).or_default().push(position);
            }
        }
    }

    /// When an entry was changed.
    pub(super) fn of(&self, store: &str, key: &Key) -> &[u64] {
        self.entries.get(&(store.to_owned(), key.clone())).map_or(&[], Vec::as_slice)
    }

    /// The last time that an entry was changed.
    pub(super) fn last(&self, store: &str, key: &Key) -> Option<u64> {
        self.of(store, key).last().copied()
    }

    /// Whether a conflict is the transaction's own and has a reason in what others changed.
    pub(super) fn explain(&self, report: &Report, conflict: &Conflict, told_at: u64) -> bool {
        let span = (report.snapshot, told_at);
        if self.names_explain(report, conflict, span) {
            return true;
        }
        let store = conflict.store.as_str();
        let entry = (conflict.store.clone(), conflict.key.clone());
        let changed = self.entries.get(&entry);
        let is_winner = conflict.winner.is_none_or(|winner| {
            changed.is_some_and(|positions| positions.binary_search(&winner).is_ok())
        });
        // The conflict tells the name that the store has; it may have given it another one.
        let names = report.steps.iter().filter_map(|step| match step {
            Step::Rename { to, .. } => Some(to.as_str()),
            _ => None,
        });
        let names: Vec<&str> = names.chain([store]).collect();
        let drops = report.steps.iter().any(|step| matches!(step, Step::Drop { .. }));
        let concerned =
            |step: &Step| names.iter().any(|name| concerns(step, name, conflict, drops));
        let is_loaded = |step: &Step| matches!(step, Step::Load { store: at, .. } if names.contains(&at.as_str()));
        // Who fills an empty store is in the way of whoever writes anything to it.
        let load = conflict.kind == ConflictKind::Range
            && report.steps.iter().any(is_loaded)
            && within(self.stores.get(store), span);
        // A store that had another name for a while was changed under that name.
        let was_elsewhere = within(self.names.get(store), span);
        let is_changed = (within(changed, span) && is_winner) || was_elsewhere;
        load || (is_changed && report.steps.iter().any(concerned))
    }

    fn names_explain(&self, report: &Report, conflict: &Conflict, span: Span) -> bool {
        let in_conflict = |name: &str| name == conflict.store || name.as_bytes() == conflict.key;
        let is_changed = |name: &String| in_conflict(name) && within(self.names.get(name), span);
        let used = |step: &Step| match step {
            Step::Rename { from, to } => is_changed(from) || is_changed(to),
            Step::List { .. } => self.names.keys().any(is_changed),
            other => other.store().is_some_and(is_changed),
        };
        let by_kind = match conflict.kind {
            ConflictKind::Store => true,
            ConflictKind::Range => report.steps.iter().any(|s| matches!(s, Step::List { .. })),
            _ => false,
        };
        by_kind && report.steps.iter().any(used)
    }
}

/// Whether a step did with the key what the conflict says.
fn concerns(step: &Step, in_store: &str, conflict: &Conflict, drops: bool) -> bool {
    let key = &conflict.key;
    match (step, conflict.kind) {
        (Step::Write { store, key: at, done, kind: how }, kind) => {
            // What was written to a store that is dropped then has at most told of what was there.
            let told = kind == ConflictKind::Read && (!done || drops);
            let wrote = *done && !how.is_blind() && kind == ConflictKind::Write;
            store == in_store && at == key && (told || wrote)
        }
        (Step::Blob(step), kind) => step.store == in_store && step.concerns(key, kind),
        (Step::Find { store, key: at, .. }, ConflictKind::Read) => store == in_store && at == key,
        (
            Step::Range { store, range, .. } | Step::Count { store, range, .. },
            ConflictKind::Range,
        ) => store == in_store && covers(range, key),
        _ => false,
    }
}

impl Step {
    /// The name of the store that it is about, if it is one.
    fn store(&self) -> Option<&String> {
        match self {
            Self::Open { store, .. }
            | Self::Find { store, .. }
            | Self::Range { store, .. }
            | Self::Count { store, .. }
            | Self::Write { store, .. }
            | Self::Create { store, .. }
            | Self::Drop { store }
            | Self::Load { store, .. }
            | Self::Blob(BlobStep { store, .. }) => Some(store),
            Self::List { .. } | Self::Rename { .. } => None,
        }
    }
}
