//! What is left of a database on a disk, and whether it is what it may be.

use std::{
    collections::{BTreeMap, BTreeSet},
    ops::RangeInclusive,
    path::Path,
};

use sop_core::{Background, Database, Disk, SimulatedDisk, StoreOptions, Survival};

use super::run::{FOLDER, open};
use crate::{Contents, Context, Outcome, assert_same, assert_sound, contents, write};

/// How many log files the engine keeps for another life.
const SPARES_MAX: usize = 2;

/// The states of which one must be there.
#[derive(Clone, Debug)]
pub struct Left<'s> {
    states: &'s [Contents],
    range: RangeInclusive<usize>,
}

impl<'s> Left<'s> {
    pub(super) fn new(states: &'s [Contents], range: RangeInclusive<usize>) -> Self {
        Self { states, range }
    }

    /// Opens what is left on the disk, and asserts that it is one of the states, sound, without
    /// files that nobody needs, and that work can go on at once. What was found and what is
    /// committed then must be there after a power cut, whatever the disk had before.
    ///
    /// # Errors
    /// If the database cannot be opened or written to.
    ///
    /// # Panics
    /// If something is lost, there in part, counted wrong, or left over.
    pub fn judge(&self, disk: &SimulatedDisk) -> Outcome {
        let database = open(disk, Background::Manual)?;
        self.recognise(&database);
        assert_sound(&database);
        assert_tidy(disk, &database);
        write(&database, |transaction| {
            transaction.create_store("afterwards", &StoreOptions::default())?.add("key", "value")
        })?;
        let shown = contents(&database.snapshot()?)?;
        assert!(shown.contains_key("afterwards"), "it is as good as new");
        let again = open(&disk.cut_now(Survival::Nothing), Background::Manual)?;
        assert_same(&contents(&again.snapshot()?)?, &shown);
        Ok(())
    }

    /// The same for a disk that another process has left in the middle: the database is opened, and
    /// what that shows must still be there when the power goes right afterwards.
    ///
    /// # Errors
    /// If the database cannot be opened or written to.
    ///
    /// # Panics
    /// Like [`Self::judge`].
    pub fn judge_taken_over(&self, disk: &SimulatedDisk) -> Outcome {
        let database = open(disk, Background::Manual)?;
        let shown = self.recognise(&database);
        let left = disk.cut_now(Survival::Nothing);
        drop(database);
        Left::new(self.states, shown..=shown).judge(&left)?;
        self.judge(disk)
    }

    /// Which of the states a database is in.
    ///
    /// # Panics
    /// If it is in none of them, or counts otherwise.
    pub(super) fn recognise(&self, database: &Database) -> usize {
        let snapshot = database.snapshot().expect("an open database can be read");
        let found = contents(&snapshot).expect("what was recovered can be read");
        let known = self.range.clone().rev().find(|state| self.states[*state] == found);
        let state = known.unwrap_or_else(|| self.differ(&found));
        for (name, rows) in &found {
            let counted = snapshot.store(name).and_then(|store| store.len());
            assert_eq!(counted.expect("a store can be read"), rows.len() as u64, "{name:?}");
        }
        state
    }

    /// Says what is wrong with contents that are none of the states, by the one nearest to them.
    fn differ(&self, found: &Contents) -> ! {
        let rows = |contents: &Contents| contents.values().map(BTreeMap::len).sum::<usize>();
        let distance = |state: &usize| rows(&self.states[*state]).abs_diff(rows(found));
        let nearest = self.range.clone().min_by_key(distance).unwrap_or_default();
        let range = self.range.clone();
        let _context = Context(format!("none of the states {range:?}; {nearest} is the nearest"));
        assert_same(found, &self.states[nearest]);
        unreachable!("it differs, but nobody can say where");
    }
}

fn names(disk: &SimulatedDisk, folder: &Path) -> Vec<String> {
    let entries = disk.list(folder).expect("a database has its folders");
    entries.into_iter().map(|entry| entry.name.to_string_lossy().into_owned()).collect()
}

/// Asserts that the folder of an open database holds what it needs, and no more.
fn assert_tidy(disk: &SimulatedDisk, database: &Database) {
    let folder = Path::new(FOLDER);
    let top: BTreeSet<String> = names(disk, folder).into_iter().collect();
    let expected = ["FORMAT", "LOCK", "log", "man", "seg", "tmp"];
    assert_eq!(top, expected.map(str::to_owned).into());
    assert_eq!(names(disk, &folder.join("tmp")), [""; 0], "files that were never completed");
    let manifests = names(disk, &folder.join("man"));
    assert_eq!(manifests.len(), 1, "{manifests:?}");
    let segments = names(disk, &folder.join("seg"));
    assert_eq!(segments.len() as u64, database.stats().segment_files, "{segments:?}");
    let (spares, log): (Vec<_>, Vec<_>) =
        names(disk, &folder.join("log")).into_iter().partition(|name| name.starts_with("spare-"));
    assert!(spares.len() <= SPARES_MAX, "{spares:?}");
    let numbers: Vec<u64> = log.iter().filter_map(|name| log_number(name)).collect();
    let consecutive = numbers.windows(2).all(|pair| pair[0] + 1 == pair[1]);
    assert!(!log.is_empty() && numbers.len() == log.len() && consecutive, "{log:?}");
}

fn log_number(name: &str) -> Option<u64> {
    u64::from_str_radix(name.strip_suffix(".log")?, 16).ok()
}
