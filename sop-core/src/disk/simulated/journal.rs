//! Everything that was done to a disk, in order: from it comes what a power cut would have left at
//! any time.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{
    content::{Change, Content},
    names::{FileId, NameChange, NameMap, Names, Node},
    survival::{Fate, Survival},
};

/// Something that was done.
#[derive(Clone, Debug)]
pub(super) enum Event {
    Name(NameChange),
    Content(FileId, Change),
    /// A sync of a file, and whether it succeeded.
    Synced(FileId, bool),
    /// A sync of a folder that succeeded.
    SyncedDir(PathBuf),
}

/// A disk and how safe everything on it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Platter {
    names: Names,
    files: BTreeMap<FileId, Content>,
}

/// What a disk was at first, and what was done to it.
#[derive(Debug, Default)]
pub(super) struct Journal {
    first: Platter,
    /// With the number of calls that the disk had had by then.
    events: Vec<(u64, Event)>,
    /// The platter after so many of the events, so that looking at one moment after the other need
    /// not begin from the first each time.
    reached: (usize, Platter),
    /// The names as they are now.
    now: NameMap,
    next_file: FileId,
}

/// Names, and the bytes of the files they stand for.
#[derive(Debug, Default)]
pub(super) struct Image {
    pub(super) names: NameMap,
    pub(super) files: BTreeMap<FileId, Vec<u8>>,
}

impl Journal {
    /// Of a disk that has this on it, safely.
    pub(super) fn of(image: Image) -> Self {
        let Image { names, files } = image;
        let next_file = files.keys().next_back().map_or(0, |last| last + 1);
        let files = files.into_iter().map(|(file, bytes)| (file, Content::of(bytes))).collect();
        let now = names.clone();
        let first = Platter { names: Names::of(names), files };
        let reached = (0, first.clone());
        Self { first, events: Vec::new(), reached, now, next_file }
    }

    pub(super) fn record(&mut self, calls: u64, event: Event) {
        if let Event::Name(change) = &event {
            change.apply(&mut self.now);
        }
        self.events.push((calls, event));
    }

    /// A number for a file that is new.
    pub(super) fn new_file(&mut self) -> FileId {
        self.next_file += 1;
        self.next_file - 1
    }

    pub(super) fn node(&self, path: &Path) -> Option<Node> {
        self.now.get(path).copied()
    }

    /// The numbers of the calls that changed or synced something, in order.
    pub(super) fn changes(&self) -> Vec<u64> {
        let mut numbers: Vec<u64> = self.events.iter().map(|(calls, _)| calls - 1).collect();
        numbers.dedup();
        numbers
    }

    /// What is there if the power goes when the disk has had so many calls.
    pub(super) fn after_power_cut(&mut self, calls: u64, survival: Survival) -> Image {
        let end = self.events.partition_point(|(number, _)| *number <= calls);
        let (reached, platter) = &mut self.reached;
        if end < *reached {
            (*reached, *platter) = (0, self.first.clone());
        }
        for (_, event) in &self.events[*reached..end] {
            platter.apply(event);
        }
        *reached = end;
        platter.after_power_cut(&mut Fate::new(survival))
    }
}

impl Platter {
    fn apply(&mut self, event: &Event) {
        match event {
            Event::Name(change) => self.names.change(change.clone()),
            Event::Content(file, change) => {
                self.files.entry(*file).or_default().change(change.clone());
            }
            Event::Synced(file, succeeded) => {
                self.files.entry(*file).or_default().synced(*succeeded);
            }
            Event::SyncedDir(dir) => self.names.synced(dir),
        }
    }

    fn after_power_cut(&self, fate: &mut Fate) -> Image {
        let names = self.names.after_power_cut(fate);
        let mut files = BTreeMap::new();
        for file in names.values().filter_map(|node| node.file()) {
            let content = self.files.get(&file);
            files.entry(file).or_insert_with(|| {
                content.map_or_else(Vec::new, |content| content.after_power_cut(fate))
            });
        }
        Image { names, files }
    }
}
