//! What the log of a folder really holds, as the server sees it: slot by slot, read from the bytes
//! when they are linked, whoever is told what about it.
//!
//! The first link of a position is the one that counts, until a power cut takes its name away. What
//! is linked there once more after the slot was removed is nobody's.

use std::{
    collections::{BTreeMap, BTreeSet},
    io,
    path::Path,
    sync::Arc,
};

use parking_lot::Mutex;
use sop_core::{Access, Disk, Entry, File, Lock, LockKind, SimulatedDisk};

/// The parts of a slot that are of use here; see `docs/format.md`.
const KIND_AT: usize = 40;
const BODY_AT: usize = 112;

/// The kinds of slots that are of interest.
const BATCH: u32 = 0;
const EXPEL: u32 = 3;

/// A slot.
#[derive(Debug)]
struct Slot {
    kind: u32,
    /// The numbers of the marks in it, in order, and how often each is there.
    marks: Vec<(u64, usize)>,
    is_removed: bool,
}

/// Where a transaction has left its mark.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Place {
    pub(super) position: u64,
    /// As the how many-th of its position.
    pub(super) index: u32,
    /// How often: twice where a transaction is prepared and where a prepared one is committed, by its
    /// name and by the mark itself; else once.
    pub(super) times: usize,
}

/// The slots that there were.
#[derive(Debug, Default)]
pub(super) struct History {
    slots: BTreeMap<u64, Slot>,
    /// The highest position of a slot that was removed.
    removed: u64,
    /// How many slots were linked once more after they were removed.
    ghosts: u64,
    /// The position for which somebody came too late last, and what was to be linked there.
    late: Option<(u64, Arc<[u8]>)>,
}

/// A server's disk, watched.
#[derive(Debug)]
pub(super) struct Watched {
    disk: SimulatedDisk,
    history: Arc<Mutex<History>>,
}

/// What a transaction leaves in the log, so that it can be told from all others.
pub(super) fn mark(number: u64) -> String {
    format!("<{number:08}>")
}

/// The numbers of all marks in some bytes. Those of one transaction stand behind each other.
fn marks(bytes: &[u8]) -> Vec<(u64, usize)> {
    let number = |window: &[u8]| match window {
        [b'<', digits @ .., b'>'] => str::from_utf8(digits).ok()?.parse().ok(),
        _ => None,
    };
    let mut marks: Vec<(u64, usize)> = Vec::new();
    for number in bytes.windows(mark(0).len()).filter_map(number) {
        match marks.last_mut() {
            Some((last, times)) if *last == number => *times += 1,
            _ => marks.push((number, 1)),
        }
    }
    marks
}

/// The position of a slot, if a path is that of one.
fn position(path: &Path) -> Option<u64> {
    if path.extension()? != "slot" {
        return None;
    }
    u64::from_str_radix(path.file_stem()?.to_str()?, 16).ok()
}

fn read(disk: &dyn Disk, path: &Path) -> io::Result<Vec<u8>> {
    let file = disk.open(path, Access::Read)?;
    let mut bytes = vec![0; usize::try_from(file.len()?).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

impl History {
    fn linked(&mut self, position: u64, bytes: &[u8]) {
        let field = |at: usize| bytes.get(at..at + 4).and_then(|four| four.try_into().ok());
        self.slots.entry(position).or_insert_with(|| Slot {
            kind: field(KIND_AT).map_or(u32::MAX, u32::from_le_bytes),
            marks: marks(bytes.get(BODY_AT..).unwrap_or_default()),
            is_removed: false,
        });
    }

    fn removed(&mut self, position: u64) {
        if let Some(slot) = self.slots.get_mut(&position) {
            slot.is_removed = true;
            self.removed = self.removed.max(position);
        }
    }

    /// The power went, and this is left. How many slots are not.
    pub(super) fn keep(&mut self, left: &dyn Disk, folder: &Path) -> io::Result<u64> {
        // Without a folder of the log there is nothing in it.
        let entries = left.list(folder).unwrap_or_default();
        let there: BTreeSet<u64> =
            entries.iter().filter_map(|entry| position(Path::new(&entry.name))).collect();
        let before = self.slots.len();
        self.slots.retain(|position, slot| slot.is_removed || there.contains(position));
        let lost = before - self.slots.len();
        for position in there {
            let path = folder.join(format!("{position:016x}.slot"));
            self.linked(position, &read(left, &path)?);
        }
        Ok(lost as u64)
    }

    /// Slots up to this one may have been removed.
    pub(super) fn removed_up_to(&self) -> u64 {
        self.removed
    }

    /// How often a member was taken for dead.
    pub(super) fn expelled(&self) -> u64 {
        self.slots.values().filter(|slot| slot.kind == EXPEL).count() as u64
    }

    /// What somebody wanted to link at a position, and was too late.
    pub(super) fn too_late_for(&self, wanted: u64) -> Option<Arc<[u8]>> {
        self.late.as_ref().filter(|(position, _)| *position == wanted).map(|(_, slot)| slot.clone())
    }

    /// How many slots were linked once more after they were removed.
    pub(super) fn ghosts(&self) -> u64 {
        self.ghosts
    }

    /// The newest position.
    pub(super) fn end(&self) -> u64 {
        self.slots.last_key_value().map_or(0, |(position, _)| *position)
    }

    /// Where each mark is, in order.
    pub(super) fn places(&self) -> BTreeMap<u64, Vec<Place>> {
        let mut places: BTreeMap<u64, Vec<Place>> = BTreeMap::new();
        for (&position, slot) in &self.slots {
            for (index, &(number, times)) in (0..).zip(&slot.marks) {
                places.entry(number).or_default().push(Place { position, index, times });
            }
        }
        places
    }

    /// The positions that hold something else than transactions.
    pub(super) fn others(&self) -> BTreeSet<u64> {
        self.slots
            .iter()
            .filter(|(_, slot)| slot.kind != BATCH)
            .map(|(position, _)| *position)
            .collect()
    }
}

impl Watched {
    pub(super) fn new(disk: SimulatedDisk, history: Arc<Mutex<History>>) -> Self {
        Self { disk, history }
    }
}

impl Disk for Watched {
    fn create_dir_all(&self, dir: &Path) -> io::Result<()> {
        self.disk.create_dir_all(dir)
    }

    fn open(&self, path: &Path, access: Access) -> io::Result<Arc<dyn File>> {
        self.disk.open(path, access)
    }

    fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        self.disk.rename(from, to)
    }

    fn link(&self, from: &Path, to: &Path) -> io::Result<()> {
        let linked = self.disk.link(from, to);
        if let (Err(_), Some(position)) = (&linked, position(to))
            && let Ok(slot) = read(&self.disk, from)
        {
            self.history.lock().late = Some((position, slot.into()));
        }
        linked?;
        if let Some(position) = position(to) {
            let bytes = read(&self.disk, to)?;
            let mut history = self.history.lock();
            let is_ghost = history.slots.get(&position).is_some_and(|slot| slot.is_removed);
            history.ghosts += u64::from(is_ghost);
            history.linked(position, &bytes);
        }
        Ok(())
    }

    fn remove(&self, path: &Path) -> io::Result<()> {
        self.disk.remove(path)?;
        if let Some(position) = position(path) {
            self.history.lock().removed(position);
        }
        Ok(())
    }

    fn list(&self, dir: &Path) -> io::Result<Vec<Entry>> {
        self.disk.list(dir)
    }

    fn sync_dir(&self, dir: &Path) -> io::Result<()> {
        self.disk.sync_dir(dir)
    }

    fn lock(&self, path: &Path, kind: LockKind) -> io::Result<Option<Box<dyn Lock>>> {
        self.disk.lock(path, kind)
    }
}
