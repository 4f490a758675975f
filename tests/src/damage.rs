//! Files that were damaged, and what a database may make of them: the right data, or an error that
//! names the file. Never wrong data, never a panic.

use std::{path::Path, sync::Arc};

use fastrand::Rng;
use sop_core::{Database, Disk, Error, Kind, MemoryDisk, Options, Result, StoreOptions};

use crate::{Contents, Image, Outcome, contents, write};

/// Files up to this length are damaged at every byte, longer ones at so many random places.
const EVERY_BYTE_LEN_MAX: usize = 2_048;

/// The folder that images are put into.
pub const FOLDER: &str = "db";

/// The files of a small database, and what it held.
#[derive(Clone, Debug)]
pub struct Sample {
    /// The files.
    pub image: Image,
    /// The contents after each commit since the last checkpoint, and before the first of them.
    states: Vec<Contents>,
}

impl Sample {
    /// A database with two checkpoints, and some commits after the second one.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn make() -> Outcome<Self> {
        Self::make_with("sample")
    }

    /// The same with values that begin with a text.
    ///
    /// # Errors
    /// If it cannot be made.
    pub fn make_with(text: &str) -> Outcome<Self> {
        let disk = Arc::new(MemoryDisk::default());
        let mut options = Options::default();
        options.log_file_bytes = 64 << 10;
        let db = Database::builder().disk(disk.clone()).options(options).open(FOLDER)?;
        let small = StoreOptions::default().node_size(1_024);
        for round in 0..2 {
            write(&db, |transaction| {
                let store = transaction.open_store("rows", &small)?;
                for row in 0..60 {
                    store.upsert(format!("row {row:02}"), format!("{text} in round {round}"))?;
                }
                store.upsert("large", format!("{text} {round}; ").repeat(300))
            })?;
            db.checkpoint()?;
        }
        let mut states = vec![contents(&db.snapshot()?)?];
        for row in 0..4 {
            write(&db, |transaction| {
                let store = transaction.open_store("rows", &small)?;
                store.upsert(format!("row {row:02}"), format!("{text} after the checkpoint"))?;
                store.remove(format!("row {:02}", row + 30)).map(drop)
            })?;
            states.push(contents(&db.snapshot()?)?);
        }
        drop(db);
        Ok(Self { image: Image::take(disk.as_ref(), Path::new(FOLDER))?, states })
    }

    /// All that it held.
    ///
    /// # Panics
    /// Never: there is at least one state.
    pub fn full(&self) -> &Contents {
        self.states.last().expect("the first state is always there")
    }

    /// Flips one bit after the other, at every byte of small files and at so many random places of
    /// large ones, and judges what each leads to. Gives the number of flips.
    ///
    /// # Panics
    /// If one leads to anything but all the right data or an error that names the file.
    pub fn flip_bits(&self, samples: usize, random: &mut Rng) -> u64 {
        let mut flips = 0;
        for (path, bytes) in &self.image.files {
            for place in places(bytes.len(), samples, random) {
                let bit = random.u32(..8);
                let mut flipped = bytes.clone();
                flipped[place] ^= 1 << bit;
                let how = format!("bit {bit} of byte {place}");
                self.judge(path, &self.image.with(path, flipped), &how);
                flips += 1;
            }
        }
        flips
    }

    /// Lets two copies live on apart from each other, gives one of them each file of the other one
    /// in turn, and judges what that leads to: it is the same database, and the files have the
    /// same names, but no such history ever was.
    ///
    /// # Errors
    /// If the copies cannot be made.
    ///
    /// # Panics
    /// If it leads to anything but the right data or an error that says that something is damaged.
    pub fn mix_with_a_copy(&self) -> Outcome {
        let (here, away) = (self.live_on("here")?, self.live_on("away")?);
        for (path, bytes) in &away.image.files {
            here.judge_mismatch(&here.image.with(path, bytes.clone()), path, "with another day's");
        }
        Ok(())
    }

    /// A copy after some more commits with a checkpoint between them.
    fn live_on(&self, text: &str) -> Outcome<Self> {
        let disk = disk_with(&self.image);
        let db = Database::builder().disk(disk.clone()).open(FOLDER)?;
        let mut states = Vec::new();
        for round in 0..8 {
            write(&db, |transaction| {
                transaction.store("rows")?.upsert("row 00", format!("{text} in round {round}"))
            })?;
            states.push(contents(&db.snapshot()?)?);
            if round == 3 {
                db.checkpoint()?;
                states.clear();
            }
        }
        drop(db);
        Ok(Self { image: Image::take(disk.as_ref(), Path::new(FOLDER))?, states })
    }

    /// Asserts that this image of the same database, in which one file is damaged, gives all the
    /// right data or an error that names the file. Damage to the end of the log may also look as
    /// if the last write had been torn, which is repaired; then it says so.
    ///
    /// # Panics
    /// If it gives anything else.
    #[track_caller]
    pub fn judge(&self, damaged: &Path, image: &Image, how: &str) {
        self.judge_result(damaged, read_image(image), how);
    }

    /// Asserts that an image in which something is missing or foreign gives all the right data or
    /// says that it is damaged, be it in another file that does not fit together with the rest.
    ///
    /// # Panics
    /// If it gives anything else.
    pub fn judge_mismatch(&self, image: &Image, what: &Path, how: &str) {
        let how = format!("{how} {}", what.display());
        match read_image(image) {
            Ok((found, _)) => assert!(found == *self.full(), "{how}: wrong data"),
            Err(error) => assert_eq!(error.kind(), Kind::Corrupt, "{how}: {error}"),
        }
    }

    /// The same as [`Self::judge`] for an image that was read already.
    ///
    /// # Panics
    /// If it gives anything else.
    #[track_caller]
    pub fn judge_result(&self, damaged: &Path, result: Result<(Contents, bool)>, how: &str) {
        let how = format!("{how} of {}", damaged.display());
        match result {
            Ok((found, _)) if found == *self.full() => {}
            Ok((found, is_cut)) => {
                let before_the_last = &self.states[self.states.len() - 2];
                assert!(damaged.starts_with("log"), "{how}: wrong data");
                assert!(is_cut && found == *before_the_last, "{how}: commits are gone");
            }
            Err(error) => assert_names(&error, damaged, &how),
        }
    }
}

/// Opens and reads everything; says also whether recovery cut a torn end from the log. As usual,
/// a database may be created if there is none, which damage must never be mistaken for.
///
/// # Errors
/// If something cannot be read.
pub fn read_all(disk: Arc<dyn Disk>, folder: &Path) -> Result<(Contents, bool)> {
    let db = Database::builder().disk(disk).open(folder)?;
    let found = contents(&db.snapshot()?)?;
    Ok((found, db.recovery().cut.is_some()))
}

/// The same for an image.
///
/// # Errors
/// If something cannot be read.
pub fn read_image(image: &Image) -> Result<(Contents, bool)> {
    read_all(disk_with(image), Path::new(FOLDER))
}

/// A disk in memory with the files of an image.
///
/// # Panics
/// If the image has two things of one name.
pub fn disk_with(image: &Image) -> Arc<MemoryDisk> {
    let disk = Arc::new(MemoryDisk::default());
    image.put(disk.as_ref(), Path::new(FOLDER)).expect("memory takes everything");
    disk
}

/// Asserts that an error says that something is damaged, and what.
///
/// # Panics
/// If it does not.
#[track_caller]
pub fn assert_names(error: &Error, damaged: &Path, how: &str) {
    assert_eq!(error.kind(), Kind::Corrupt, "{how}: {error}");
    let name = damaged.file_name().map(|name| name.to_string_lossy().into_owned());
    let text = error.to_string();
    // What is not a database at all is named by its folder.
    let names_file = name.is_some_and(|name| text.contains(&name));
    let is_foreign = matches!(error, Error::NotADatabase { .. });
    assert!(names_file || is_foreign, "{how}: {text:?} does not name the file");
}

/// Some places in a file: all of a small one, random ones of a large one and those at its ends.
pub fn places(len: usize, samples: usize, random: &mut Rng) -> Vec<usize> {
    if len <= EVERY_BYTE_LEN_MAX {
        return (0..len).collect();
    }
    let random_ones = (0..samples).map(|_| random.usize(..len));
    (0..64).chain(len - 64..len).chain(random_ones).collect()
}
