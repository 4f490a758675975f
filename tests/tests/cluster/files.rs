//! Files that somebody damages or removes while processes use them. What is said of it names the file;
//! nothing is invented, and all is there again once the file is.

use std::{fs, path::Path};

use sop_core::{Background, Database, Disk, Error, Mode, Options, OsDisk, Result};
use sop_tests::{
    Outcome,
    crew::Folder,
    full::{add, numbers},
};
use tempfile::TempDir;

/// Opens a folder as one of many that look at it only when they are asked to do something.
fn open(path: &Path) -> Result<Database> {
    let options = Options::default().mode(Mode::Shared).background(Background::Manual);
    Database::builder().options(options.shared_slots_kept(4)).open(path)
}

/// A folder that two have open, with something in it that both know.
struct Pair {
    home: TempDir,
    one: Database,
    other: Database,
}

impl Pair {
    fn open() -> Outcome<Self> {
        let home = TempDir::new()?;
        let path = home.path().join("db");
        let (one, other) = (open(&path)?, open(&path)?);
        add(&one, 0)?;
        other.follow()?;
        Ok(Self { home, one, other })
    }

    fn folder(&self) -> Folder {
        Folder(self.home.path().join("db"))
    }

    /// Opens the folder as a process that was never there before.
    fn join(&self) -> Result<Database> {
        open(&self.folder().0)
    }
}

/// Asserts that a call failed because of damage to something at a path.
#[track_caller]
fn assert_corrupt<T: std::fmt::Debug>(result: Result<T>, damaged: &Path) {
    match result {
        Err(Error::Corrupt { path, .. }) => assert_eq!(path, damaged),
        other => panic!("{other:?} in the place of damage to {}", damaged.display()),
    }
}

fn flip(path: &Path) -> Outcome<Vec<u8>> {
    let before = fs::read(path)?;
    let mut bytes = before.clone();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(path, bytes)?;
    Ok(before)
}

#[test]
fn a_damaged_slot_is_named_by_whoever_has_yet_to_read_it() -> Outcome {
    let pair = Pair::open()?;
    add(&pair.one, 1)?;
    let slot = pair.folder().newest("log")?;
    let before = flip(&slot)?;
    assert_corrupt(add(&pair.other, 2), &slot);
    let refused = add(&pair.other, 2);
    assert!(matches!(refused, Err(Error::Poisoned { .. })), "{refused:?}");
    assert_eq!(numbers(&pair.other)?, [0].into(), "what was known is still there to be read");
    // Whoever has read it before goes on.
    add(&pair.one, 3)?;
    assert_corrupt(pair.join().map(drop), &slot);
    fs::write(&slot, before)?;
    assert_eq!(numbers(&pair.join()?)?, [0, 1, 3].into());
    Ok(())
}

#[test]
fn a_removed_slot_is_a_hole_that_nobody_fills() -> Outcome {
    let pair = Pair::open()?;
    add(&pair.one, 1)?;
    let slot = pair.folder().newest("log")?;
    let aside = pair.home.path().join("aside");
    add(&pair.one, 2)?;
    fs::hard_link(&slot, &aside)?;
    OsDisk.remove(&slot)?;
    assert_corrupt(add(&pair.other, 3), &slot);
    assert_corrupt(pair.join().map(drop), &slot);
    add(&pair.one, 4)?;
    fs::hard_link(&aside, &slot)?;
    add(&pair.other, 5)?;
    assert_eq!(numbers(&pair.join()?)?, [0, 1, 2, 4, 5].into());
    Ok(())
}

#[test]
fn without_the_newest_manifest_nothing_is_committed_to_an_older_state() -> Outcome {
    let pair = Pair::open()?;
    for n in 1..=40 {
        add(&pair.one, n)?;
        if n.is_multiple_of(8) {
            pair.one.checkpoint()?;
        }
    }
    let manifest = pair.folder().newest("man")?;
    let aside = pair.home.path().join("aside");
    OsDisk.rename(&manifest, &aside)?;
    let refused = pair.join().map(drop);
    assert!(matches!(refused, Err(Error::Corrupt { .. })), "{refused:?}");
    OsDisk.rename(&aside, &manifest)?;
    assert_eq!(numbers(&pair.join()?)?.len(), 41);
    Ok(())
}

#[test]
fn a_damaged_manifest_is_named_and_no_older_one_taken_for_it() -> Outcome {
    let pair = Pair::open()?;
    for n in 1..=3 {
        add(&pair.one, n)?;
        pair.one.checkpoint()?;
    }
    let manifest = pair.folder().newest("man")?;
    let before = flip(&manifest)?;
    assert_corrupt(pair.join().map(drop), &manifest);
    assert_corrupt(add(&pair.other, 4), &manifest);
    fs::write(&manifest, before)?;
    assert_eq!(numbers(&pair.join()?)?, [0, 1, 2, 3].into());
    Ok(())
}

#[test]
fn without_any_manifest_the_folder_is_not_begun_anew() -> Outcome {
    let pair = Pair::open()?;
    let folder = pair.folder();
    let man = folder.0.join("man");
    let aside = pair.home.path().join("aside");
    OsDisk.rename(&man, &aside)?;
    fs::create_dir(&man)?;
    assert_corrupt(pair.join().map(drop), &man);
    assert_corrupt(add(&pair.one, 1), &man);
    fs::remove_dir(&man)?;
    OsDisk.rename(&aside, &man)?;
    assert_eq!(numbers(&pair.join()?)?, [0].into());
    Ok(())
}

#[test]
fn a_removed_segment_is_missed_by_whoever_reads_it() -> Outcome {
    let pair = Pair::open()?;
    pair.one.checkpoint()?;
    let segment = pair.folder().newest("seg")?;
    let aside = pair.home.path().join("aside");
    OsDisk.rename(&segment, &aside)?;
    let refused = pair.join().and_then(|db| numbers(&db).map(drop).map_err(|_| Error::Closed));
    assert!(refused.is_err(), "nobody missed it");
    OsDisk.rename(&aside, &segment)?;
    assert_eq!(numbers(&pair.join()?)?, [0].into());
    Ok(())
}

#[test]
fn a_removed_format_is_missed_by_whoever_opens_the_folder() -> Outcome {
    let pair = Pair::open()?;
    let format = pair.folder().0.join("FORMAT");
    let aside = pair.home.path().join("aside");
    OsDisk.rename(&format, &aside)?;
    add(&pair.one, 1)?;
    let refused = pair.join().map(drop);
    assert!(matches!(refused, Err(Error::Corrupt { .. })), "{refused:?}");
    OsDisk.rename(&aside, &format)?;
    assert_eq!(numbers(&pair.join()?)?, [0, 1].into());
    Ok(())
}

#[test]
fn a_removed_folder_is_an_error_for_everybody_and_is_not_made_anew() -> Outcome {
    let pair = Pair::open()?;
    let folder = pair.folder();
    let aside = pair.home.path().join("aside");
    OsDisk.rename(&folder.0, &aside)?;
    for db in [&pair.one, &pair.other] {
        let refused = add(db, 1);
        assert!(matches!(refused, Err(Error::Io { .. })), "{refused:?}");
        assert_eq!(numbers(db)?, [0].into());
    }
    assert!(!folder.0.exists());
    OsDisk.rename(&aside, &folder.0)?;
    add(&pair.one, 2)?;
    add(&pair.other, 3)?;
    assert_eq!(numbers(&pair.join()?)?, [0, 2, 3].into());
    Ok(())
}
