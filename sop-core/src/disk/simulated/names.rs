//! The names of files and folders: which are safe, and which a power cut leaves.
//!
//! A change of a name survives for itself, but never without those changes before it that had to do
//! with the same name. A rename happens as a whole or not at all. A folder's sync that failed did
//! nothing, and a later one saves what it was to: file systems that cannot write names stop working
//! altogether.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

use super::{
    ledger::{Ledger, Safety},
    survival::Fate,
};

/// Tells files apart, whatever they are called.
pub(super) type FileId = usize;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Folder,
    File(FileId),
}

impl Node {
    pub(super) fn file(self) -> Option<FileId> {
        if let Self::File(file) = self { Some(file) } else { None }
    }
}

/// Every name, as a path, and what it stands for.
pub(super) type NameMap = BTreeMap<PathBuf, Node>;

/// A change of names.
#[derive(Clone, Debug)]
pub(super) enum NameChange {
    Add(PathBuf, Node),
    Remove(PathBuf),
    Rename(PathBuf, PathBuf, FileId),
}

/// Names and how safe they are.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    safe: NameMap,
    since: Ledger<NameChange>,
}

impl NameChange {
    pub(super) fn apply(&self, names: &mut NameMap) {
        match self {
            Self::Add(path, node) => _ = names.insert(path.clone(), *node),
            Self::Remove(path) => _ = names.remove(path),
            Self::Rename(from, to, file) => {
                // What else took the old name since is not what was renamed.
                if names.get(from) == Some(&Node::File(*file)) {
                    names.remove(from);
                }
                names.insert(to.clone(), Node::File(*file));
            }
        }
    }

    /// Whether syncing the folder makes this change safe.
    fn is_in(&self, dir: &Path) -> bool {
        let (Self::Add(path, _) | Self::Remove(path) | Self::Rename(_, path, _)) = self;
        path.parent() == Some(dir)
    }

    /// The names that it has to do with.
    fn paths(&self) -> impl Iterator<Item = &PathBuf> {
        let (first, second) = match self {
            Self::Add(path, _) | Self::Remove(path) => (path, None),
            Self::Rename(from, to, _) => (from, Some(to)),
        };
        std::iter::once(first).chain(second)
    }
}

impl Names {
    pub(super) fn of(safe: NameMap) -> Self {
        Self { safe, since: Ledger::default() }
    }

    pub(super) fn change(&mut self, change: NameChange) {
        self.since.add(change);
    }

    pub(super) fn synced(&mut self, dir: &Path) {
        self.since.synced(true, |change| change.is_in(dir));
        // What is safe now takes along what it builds upon.
        let mut needed: BTreeSet<PathBuf> = BTreeSet::new();
        for (change, safety) in self.since.newest_first() {
            if *safety == Safety::Safe || change.paths().any(|path| needed.contains(path)) {
                *safety = Safety::Safe;
                needed.extend(change.paths().cloned());
            }
        }
        while let Some(change) = self.since.settle() {
            change.apply(&mut self.safe);
        }
    }

    pub(super) fn after_power_cut(&self, fate: &mut Fate) -> NameMap {
        let mut names = self.safe.clone();
        let mut lost: BTreeSet<&PathBuf> = BTreeSet::new();
        for (change, safety) in self.since.iter() {
            let is_bound = change.paths().any(|path| lost.contains(path));
            if *safety == Safety::Safe || (fate.survives() && !is_bound) {
                change.apply(&mut names);
            } else {
                lost.extend(change.paths());
            }
        }
        without_orphans(names)
    }
}

/// What is in a folder that is lost is lost with it.
fn without_orphans(mut names: NameMap) -> NameMap {
    // Folders come before what is in them.
    let mut folders: BTreeSet<PathBuf> = BTreeSet::new();
    names.retain(|path, node| {
        let is_reachable = path
            .parent()
            .is_none_or(|parent| parent.parent().is_none() || folders.contains(parent));
        if is_reachable && *node == Node::Folder {
            folders.insert(path.clone());
        }
        is_reachable
    });
    names
}
