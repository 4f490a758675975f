//! Damaged files: whatever is done to them, the database answers with the right data or with an
//! error that names the file. Never with wrong data, never by a panic.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use fastrand::Rng;
use sop_core::{Database, Disk, Error, Kind, MemoryDisk, Options, OsDisk, Result, StoreOptions};
use sop_tests::{Contents, Image, Outcome, Seed, assert_same, contents, write};
use tempfile::TempDir;

/// Files up to this length are damaged at every byte, longer ones at so many random places.
const EVERY_BYTE_LEN_MAX: usize = 2_048;

const FOLDER: &str = "db";

/// The files of a small database, and what it held.
struct Sample {
    image: Image,
    /// The contents after each commit since the last checkpoint, and before the first of them.
    states: Vec<Contents>,
}

impl Sample {
    fn make() -> Outcome<Self> {
        Self::make_with("sample")
    }

    /// A database with two checkpoints, and some commits after the second one.
    fn make_with(text: &str) -> Outcome<Self> {
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

    fn full(&self) -> &Contents {
        self.states.last().expect("the first state is always there")
    }

    /// Asserts that this image of the same database, in which one file is damaged, gives all the
    /// right data or an error that names the file. Damage to the end of the log may also look as
    /// if the last write had been torn, which is repaired; then it says so.
    #[track_caller]
    fn judge(&self, damaged: &Path, image: &Image, how: &str) {
        self.judge_result(damaged, read_image(image), how);
    }

    /// Asserts that an image in which something is missing or foreign gives all the right data or
    /// says that it is damaged, be it in another file that does not fit together with the rest.
    fn judge_mismatch(&self, image: &Image, what: &Path, how: &str) {
        println!("{how} {}", what.display());
        match read_image(image) {
            Ok((found, _)) => assert_same(&found, self.full()),
            Err(error) => assert_eq!(error.kind(), Kind::Corrupt, "{error}"),
        }
    }

    #[track_caller]
    fn judge_result(&self, damaged: &Path, result: Result<(Contents, bool)>, how: &str) {
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
fn read_all(disk: Arc<dyn Disk>, folder: &Path) -> Result<(Contents, bool)> {
    let db = Database::builder().disk(disk).open(folder)?;
    let found = contents(&db.snapshot()?)?;
    Ok((found, db.recovery().cut.is_some()))
}

/// The same for an image.
fn read_image(image: &Image) -> Result<(Contents, bool)> {
    read_all(disk_with(image), Path::new(FOLDER))
}

fn disk_with(image: &Image) -> Arc<MemoryDisk> {
    let disk = Arc::new(MemoryDisk::default());
    image.put(disk.as_ref(), Path::new(FOLDER)).expect("memory takes everything");
    disk
}

#[track_caller]
fn assert_names(error: &Error, damaged: &Path, how: &str) {
    assert_eq!(error.kind(), Kind::Corrupt, "{how}: {error}");
    let name = damaged.file_name().map(|name| name.to_string_lossy().into_owned());
    let text = error.to_string();
    // What is not a database at all is named by its folder.
    let names_file = name.is_some_and(|name| text.contains(&name));
    let is_foreign = matches!(error, Error::NotADatabase { .. });
    assert!(names_file || is_foreign, "{how}: {text:?} does not name the file");
}

/// Some places in a file: all of a small one, random ones of a large one and those at its ends.
fn places(len: usize, samples: usize, random: &mut Rng) -> Vec<usize> {
    if len <= EVERY_BYTE_LEN_MAX {
        return (0..len).collect();
    }
    let random_ones = (0..samples).map(|_| random.usize(..len));
    (0..64).chain(len - 64..len).chain(random_ones).collect()
}

#[test]
fn a_flipped_bit_is_found_or_does_no_harm() -> Outcome {
    let sample = Sample::make()?;
    let mut random = Seed::new(21).stream(0);
    for (path, bytes) in &sample.image.files {
        for place in places(bytes.len(), 500, &mut random) {
            let bit = random.u32(..8);
            let mut flipped = bytes.clone();
            flipped[place] ^= 1 << bit;
            let how = format!("bit {bit} of byte {place}");
            sample.judge(path, &sample.image.with(path, flipped), &how);
        }
    }
    Ok(())
}

/// Damage inside of what was acknowledged long ago must not be taken for a torn end.
#[test]
fn a_flipped_bit_before_the_last_commit_is_never_repaired_by_forgetting() -> Outcome {
    let sample = Sample::make()?;
    for (path, bytes) in sample.image.files.iter().filter(|(path, _)| path.starts_with("log")) {
        let text = b"after the checkpoint";
        let found = bytes.windows(text.len()).position(|window| window == text);
        let Some(place) = found else { continue };
        let mut flipped = bytes.clone();
        flipped[place] ^= 1;
        let damaged = read_image(&sample.image.with(path, flipped));
        let error = damaged.err().ok_or("damage was not noticed")?;
        assert_names(&error, path, "a flipped bit");
        return Ok(());
    }
    panic!("the first commit after the checkpoint is in no file of the log");
}

#[test]
fn a_flipped_bit_on_the_real_disk_is_found_or_does_no_harm() -> Outcome {
    let sample = Sample::make()?;
    let mut random = Seed::new(22).stream(0);
    for (path, bytes) in &sample.image.files {
        for _ in 0..bytes.len().min(25) {
            let mut flipped = bytes.clone();
            flipped[random.usize(..bytes.len())] ^= 1 << random.u32(..8);
            let folder = TempDir::new()?;
            let top = folder.path().join(FOLDER);
            sample.image.with(path, flipped).put(&OsDisk, &top)?;
            sample.judge_result(path, read_all(Arc::new(OsDisk), &top), "a flipped bit");
        }
    }
    Ok(())
}

#[test]
fn a_file_cut_short_is_found_or_does_no_harm() -> Outcome {
    let sample = Sample::make()?;
    let mut random = Seed::new(23).stream(0);
    for (path, bytes) in &sample.image.files {
        let len = bytes.len();
        let edges = [0, 1, len / 4, len / 2, len.saturating_sub(1)];
        for new_len in edges.into_iter().chain(places(len, 100, &mut random)) {
            let short = bytes[..new_len.min(len)].to_vec();
            sample.judge(path, &sample.image.with(path, short), &format!("a cut to {new_len}"));
        }
    }
    Ok(())
}

#[test]
fn a_file_with_something_after_its_end_is_found_or_does_no_harm() -> Outcome {
    let sample = Sample::make()?;
    for (path, bytes) in &sample.image.files {
        for tail in [vec![0; 1], vec![0; 5_000], vec![0xa5; 1], vec![0xa5; 5_000], bytes.clone()] {
            let long = [bytes.as_slice(), &tail].concat();
            let how = format!("a tail of {} bytes", tail.len());
            sample.judge(path, &sample.image.with(path, long), &how);
        }
    }
    Ok(())
}

#[test]
fn a_file_full_of_something_else_is_found_or_does_no_harm() -> Outcome {
    let sample = Sample::make()?;
    let mut random = Seed::new(24).stream(0);
    for (path, bytes) in &sample.image.files {
        let noise = bytes.iter().map(|_| random.u8(..)).collect();
        for other in [vec![0; bytes.len()], vec![0xff; bytes.len()], noise] {
            sample.judge(path, &sample.image.with(path, other), "a replacement");
        }
    }
    Ok(())
}

#[test]
fn a_missing_file_is_found_or_does_no_harm() -> Outcome {
    let sample = Sample::make()?;
    for path in sample.image.files.keys() {
        sample.judge_mismatch(&sample.image.without(path), path, "without");
    }
    Ok(())
}

#[test]
fn a_missing_folder_is_found_or_does_no_harm() -> Outcome {
    let sample = Sample::make()?;
    let inner = sample.image.folders().iter().filter(|path| **path != PathBuf::new());
    for path in inner {
        sample.judge_mismatch(&sample.image.without_folder(path), path, "without");
    }
    Ok(())
}

/// An opening that finds damage must not make it worse.
#[test]
fn everything_is_there_again_once_the_damaged_file_is_restored() -> Outcome {
    let sample = Sample::make()?;
    for (path, bytes) in &sample.image.files {
        let middle_flipped: Vec<u8> =
            bytes.iter().enumerate().map(|(at, b)| b ^ u8::from(at == bytes.len() / 2)).collect();
        let half = bytes[..bytes.len() / 2].to_vec();
        for damaged in [Some(middle_flipped), Some(half), Some(Vec::new()), None] {
            let image = match &damaged {
                Some(bytes) => sample.image.with(path, bytes.clone()),
                None => sample.image.without(path),
            };
            let disk = disk_with(&image);
            if let Ok((found, is_cut)) = read_all(disk.clone(), Path::new(FOLDER)) {
                assert!(is_cut || found == *sample.full(), "without {}", path.display());
                continue;
            }
            let restored = Image::take(disk.as_ref(), Path::new(FOLDER))?.with(path, bytes.clone());
            println!("{} was damaged and restored", path.display());
            let (found, _) = read_image(&restored)?;
            assert_same(&found, sample.full());
        }
    }
    Ok(())
}

/// Two databases of the same history have files of the same names, but not of the same contents.
#[test]
fn a_file_of_another_database_is_not_taken_for_ones_own() -> Outcome {
    let sample = Sample::make()?;
    let other = Sample::make_with("foreign")?;
    for (path, foreign) in &other.image.files {
        if sample.image.files.contains_key(path) {
            sample.judge_mismatch(
                &sample.image.with(path, foreign.clone()),
                path,
                "with a foreign",
            );
        }
    }
    Ok(())
}

/// Damage that only a look at that very node can find is found when it is read, and by the check.
#[test]
fn the_check_finds_every_damaged_node_without_any_read() -> Outcome {
    let sample = Sample::make()?;
    let mut random = Seed::new(25).stream(0);
    let mut noticed = 0;
    for (path, bytes) in sample.image.files.iter().filter(|(path, _)| path.starts_with("seg")) {
        for place in places(bytes.len(), 200, &mut random) {
            let mut flipped = bytes.clone();
            flipped[place] ^= 0x10;
            let disk = disk_with(&sample.image.with(path, flipped));
            let open = || Database::builder().disk(disk.clone()).open(FOLDER);
            let is_sound = open().and_then(|db| db.check()).is_ok_and(|r| r.problems.is_empty());
            let is_readable = read_all(disk.clone(), Path::new(FOLDER)).is_ok();
            assert!(is_readable || !is_sound, "byte {place} of {}", path.display());
            noticed += usize::from(!is_sound);
        }
    }
    assert!(noticed > 0, "not one of the damaged nodes was noticed");
    Ok(())
}

/// A later version of the format is told apart from damage, so that nobody restores a backup where
/// a newer program is needed.
#[test]
fn a_file_of_a_later_format_is_named_with_both_formats() -> Outcome {
    let sample = Sample::make()?;
    let is_sealed = |path: &&PathBuf| path.starts_with("FORMAT") || path.starts_with("man");
    for path in sample.image.files.keys().filter(is_sealed) {
        // The format number stands behind eight bytes of magic, the header's checksum at its end.
        let mut bytes = sample.image.files[path].clone();
        bytes[8..12].copy_from_slice(&2_u32.to_le_bytes());
        let checksum = crc32c::crc32c(&bytes[..24]);
        bytes[24..28].copy_from_slice(&checksum.to_le_bytes());
        let result = read_image(&sample.image.with(path, bytes)).map(drop);
        let Err(Error::UnsupportedFormat { path: named, found: 2, supported: 1 }) = result else {
            panic!("{}: {result:?}", path.display());
        };
        assert!(named.ends_with(path), "{} is named for {}", named.display(), path.display());
    }
    Ok(())
}

#[test]
fn a_folder_with_other_things_in_it_is_not_a_database_and_stays_as_it_is() -> Outcome {
    let disk = Arc::new(MemoryDisk::default());
    let foreign = Image::default()
        .with(Path::new("notes.txt"), b"not a database".to_vec())
        .with(Path::new("data.bin"), vec![0; 4_096]);
    foreign.put(disk.as_ref(), Path::new(FOLDER))?;
    let before = Image::take(disk.as_ref(), Path::new(FOLDER))?;
    let result = Database::builder().disk(disk.clone()).open(FOLDER).map(drop);
    let Err(Error::NotADatabase { path, .. }) = result else { panic!("{result:?}") };
    assert_eq!(path, PathBuf::from(FOLDER));
    assert_eq!(Image::take(disk.as_ref(), Path::new(FOLDER))?, before);
    Ok(())
}
