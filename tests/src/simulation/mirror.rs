//! What becomes of the two folders of a mirrored database between two of its lives, and whether
//! they hold the same at the end.

use std::{
    io,
    path::{Path, PathBuf},
};

use fastrand::Rng;
use sop_core::{Access, Database, Disk, Error, Mode, Options};

use super::{
    disk::{FOLDER, MIRROR, NodeDisk},
    world::Outcome,
};
use crate::Image;

/// Does harm to one of the two folders: it is emptied, or some of its files are damaged, cut or
/// removed. Which folder, and how.
///
/// # Errors
/// If the disk refuses it.
pub(super) fn harm(disk: &dyn Disk, random: &mut Rng) -> io::Result<String> {
    let root = Path::new(if random.bool() { FOLDER } else { MIRROR });
    let files = files(disk, root)?;
    if random.u8(..4) == 0 {
        files.iter().try_for_each(|file| disk.remove(&root.join(file)))?;
        return Ok(format!("{} is emptied", root.display()));
    }
    let mut harmed = Vec::new();
    for _ in 0..random.u8(1..4) {
        let file = &files[random.usize(..files.len())];
        if !harmed.contains(&file) {
            harm_file(disk, &root.join(file), random)?;
            harmed.push(file);
        }
    }
    Ok(format!("{harmed:?} of {} are harmed", root.display()))
}

fn harm_file(disk: &dyn Disk, path: &Path, random: &mut Rng) -> io::Result<()> {
    let file = disk.open(path, Access::Write)?;
    let len = file.len()?;
    match random.u8(..6) {
        0 => disk.remove(path),
        1 => file.set_len(random.u64(..=len)),
        _ if len == 0 => Ok(()),
        _ => {
            let (at, mut byte) = (random.u64(..len), [0]);
            file.read_exact_at(&mut byte, at)?;
            file.write_all_at(&[byte[0] ^ (1 << random.u8(..8))], at)
        }
    }
}

/// The files of a folder that are not of that folder alone, or are the note on the pair.
fn files(disk: &dyn Disk, root: &Path) -> io::Result<Vec<PathBuf>> {
    let files = Image::take(disk, root)?.files.into_keys();
    Ok(files.filter(|file| file != Path::new("LOCK")).collect())
}

/// Makes both folders what they should be.
pub(super) fn mend(db: &Database) -> Outcome {
    let failed = |error: Error| format!("its folders cannot be made the same: {error:?}");
    db.rebuild_mirror().map_err(failed)?;
    let report = db.scrub_mirror().map_err(failed)?;
    if report.complete && report.problems.is_empty() { Ok(()) } else { Err(format!("{report:?}")) }
}

/// Checks that each of the folders of a closed database is sound by itself, and that they hold the
/// same, but for parts of segments that nobody reads.
pub(super) fn check(disk: &NodeDisk) -> Outcome {
    let unread = |error| format!("a folder cannot be read: {error:?}");
    if let Some(difference) = difference(disk.content()).map_err(unread)? {
        return Err(format!("the folders differ: {difference}"));
    }
    for root in [FOLDER, MIRROR] {
        let options = Options::default().mode(Mode::NoCheck);
        let builder = Database::builder().options(options).disk(disk.disk());
        let checked = builder.open(root).and_then(|db| db.check());
        let checked = checked.map_err(|error| format!("{root} by itself: {error:?}"))?;
        if !checked.is_sound() {
            return Err(format!("{root} by itself: {checked:?}"));
        }
    }
    Ok(())
}

/// What differs between the two folders.
fn difference(disk: &dyn Disk) -> io::Result<Option<String>> {
    let [one, other] = [FOLDER, MIRROR].map(|root| {
        let mut files = Image::take(disk, Path::new(root))?.files;
        files.retain(|file, _| !["LOCK", "MIRROR"].iter().any(|own| file == Path::new(own)));
        Ok::<_, io::Error>(files)
    });
    let (one, other) = (one?, other?);
    let differs = |file: &&PathBuf| match (one.get(*file), other.get(*file)) {
        (Some(one), Some(other)) => one != other && !file.starts_with("seg"),
        _ => true,
    };
    let differing: Vec<_> = one.keys().chain(other.keys()).filter(differs).collect();
    Ok((!differing.is_empty()).then(|| format!("{differing:?}")))
}
