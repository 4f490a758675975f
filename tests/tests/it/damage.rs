//! Damaged files: whatever is done to them, the database answers with the right data or with an
//! error that names the file. Never with wrong data, never by a panic.

use std::{
    path::{Path, PathBuf},
    sync::Arc,
};

use sop_core::{Database, Error, MemoryDisk, OsDisk};
use sop_tests::{
    Image, Outcome, Seed, assert_same,
    damage::{FOLDER, Sample, assert_names, disk_with, places, read_all, read_image},
};
use tempfile::TempDir;

#[test]
fn a_flipped_bit_is_found_or_does_no_harm() -> Outcome {
    Sample::make()?.flip_bits(500, &mut Seed::new(21).stream(0));
    Ok(())
}

/// A backup of one file put among files of another day is no history that ever was.
#[test]
fn a_file_of_a_copy_that_lived_on_elsewhere_is_not_taken_for_ones_own() -> Outcome {
    Sample::make()?.mix_with_a_copy()
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
        // The file that names the database is of the second format once it was restored.
        let newest: u32 = if path.starts_with("FORMAT") { 2 } else { 1 };
        let later = newest + 1;
        // The format number stands behind eight bytes of magic, the header's checksum at its end.
        let mut bytes = sample.image.files[path].clone();
        bytes[8..12].copy_from_slice(&later.to_le_bytes());
        let checksum = crc32c::crc32c(&bytes[..24]);
        bytes[24..28].copy_from_slice(&checksum.to_le_bytes());
        let result = read_image(&sample.image.with(path, bytes)).map(drop);
        let Err(Error::UnsupportedFormat { path: named, found, supported }) = result else {
            panic!("{}: {result:?}", path.display());
        };
        assert_eq!((found, supported), (later, newest), "{}", path.display());
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
