//! Everything that can be done to blobs, in random order: by one thread on a sound disk, and on one
//! that fails and loses its power.

use std::io::{Read, Seek, SeekFrom, Write};

use super::{
    super::crash::{Work, live_and_crash},
    *,
};
use crate::random::{Counts, run_seeds};

const LIVES: usize = 3;
const STEPS: usize = 25;

/// A few names, some of which begin with others.
const NAMES: [&[u8]; 5] = [b"", b"a", b"a\0", b"a\0\x01", b"film"];

/// Longest content, about.
const LEN: usize = 12 * CHUNK;

fn any_options(random: &mut Random) -> BlobOptions {
    let chunk_len = random.pick(&[CHUNK, CHUNK, CHUNK + 100]);
    options().chunk_len(chunk_len).logged_len(random.pick(&[0, 0, 10_000, 1 << 20]))
}

fn any_content(random: &mut Random) -> Vec<u8> {
    let len = random.pick(&[0, 1, 100, CHUNK - 1, CHUNK, 2 * CHUNK, 3 * CHUNK + 7]);
    content(random.below(1 << 20), len)
}

/// Does one thing to the blobs of a transaction, and to the model.
fn change(random: &mut Random, blobs: &BlobStore<'_>, model: &mut Objects) -> Result<()> {
    let name = random.pick(&NAMES);
    let Some(object) = model.get_mut(name) else {
        let blob = blobs.create(name)?;
        let object = model.entry(name.to_vec()).or_default();
        object.content = any_content(random);
        return blob.append(&object.content);
    };
    let blob = blobs.open(name)?;
    let len = object.content.len();
    match random.below(9) {
        0 => {
            assert!(blobs.delete(name)?);
            model.remove(name);
        }
        1 => {
            object.metadata = content(random.below(100), random.pick(&[0, 5, 5_000]));
            blob.set_metadata(&object.metadata)?;
        }
        2 => {
            let len = random.below(len + 1);
            blob.truncate(len as u64)?;
            object.content.truncate(len);
        }
        3 => copy(random, blobs, name, model)?,
        4 => stream(random, &blob, &mut object.content)?,
        5 if len < LEN => {
            let more = any_content(random);
            blob.append(&more)?;
            object.content.extend(more);
        }
        _ => {
            let (at, new) = (random.below(len + 1), any_content(random));
            blob.write_at(at as u64, &new)?;
            overwrite(&mut object.content, at, &new);
        }
    }
    Ok(())
}

fn overwrite(content: &mut Vec<u8>, at: usize, new: &[u8]) {
    content.resize(content.len().max(at + new.len()), 0);
    content[at..at + new.len()].copy_from_slice(new);
}

fn copy(
    random: &mut Random,
    blobs: &BlobStore<'_>,
    name: &[u8],
    model: &mut Objects,
) -> Result<()> {
    let to = random.pick(&NAMES);
    if model.contains_key(to) {
        assert!(matches!(blobs.copy(name, to), Err(Error::KeyExists { .. })));
        return Ok(());
    }
    blobs.copy(name, to)?;
    model.insert(to.to_vec(), model[name].clone());
    Ok(())
}

/// Writes pieces of any length one after the other, and looks now and then.
fn stream(random: &mut Random, blob: &Blob<'_>, content: &mut Vec<u8>) -> Result<()> {
    let mut at = random.below(content.len() + 1);
    let mut writer = blob.writer(at as u64)?;
    for _ in 0..random.below(10) {
        let piece = any_content(random);
        let piece = &piece[..random.below(piece.len() + 1)];
        if let Err(error) = writer.write_all(piece) {
            return Err(error.downcast().expect("an error of the database"));
        }
        overwrite(content, at, piece);
        at += piece.len();
        assert_eq!(writer.position(), at as u64);
        if random.once_in(5) {
            if let Err(error) = writer.flush() {
                return Err(error.downcast().expect("an error of the database"));
            }
            assert_eq!(blob.checksum()?, crc32c::crc32c(content));
        }
    }
    assert_eq!(writer.finish()?, at as u64);
    Ok(())
}

/// Reads pieces here and there.
fn look(random: &mut Random, blob: &BlobView<'_>, content: &[u8]) {
    let mut reader = blob.reader();
    for _ in 0..random.below(20) {
        let mut at = usize::try_from(reader.position()).unwrap();
        if random.once_in(2) {
            at = random.below(content.len() + 10);
            let from_end = i64::try_from(at).unwrap() - i64::try_from(content.len()).unwrap();
            let to = random.pick(&[SeekFrom::Start(at as u64), SeekFrom::End(from_end)]);
            assert_eq!(reader.seek(to).unwrap(), at as u64);
        }
        let mut piece = vec![0; random.pick(&[1, 100, CHUNK, 2 * CHUNK])];
        let len = reader.read(&mut piece).unwrap();
        let expected = content.get(at..).unwrap_or_default();
        assert_eq!(len == 0, expected.is_empty());
        assert!(piece[..len] == expected[..len], "{len} bytes from {at} on");
    }
    assert!(read(blob).unwrap() == content);
}

/// All that can be told of blobs is as in the model.
fn assert_equal(random: &mut Random, store: &BlobStoreView<'_>, model: &Objects) -> Result<()> {
    assert!(seem_equal(store, model)?);
    for (name, object) in model {
        look(random, &store.find(name)?.expect("it was listed"), &object.content);
    }
    Ok(())
}

/// A transaction of some changes, which is committed unless it is `in_vain`.
fn transact(
    random: &mut Random,
    db: &Database,
    model: &mut Objects,
    check: impl Fn(&mut Random, &BlobStoreView<'_>, &Objects) -> Result<()>,
) -> Result<()> {
    let tx = db.begin()?;
    let blobs = tx.open_blobs(STORE, &any_options(random))?;
    let mut after = model.clone();
    for _ in 0..=random.below(4) {
        let (savepoint, before) = (tx.savepoint(), after.clone());
        change(random, &blobs, &mut after)?;
        if random.once_in(4) {
            tx.rollback_to(&savepoint)?;
            after = before;
        }
        check(random, &blobs, &after)?;
    }
    if random.once_in(6) {
        return Ok(());
    }
    *model = after;
    tx.commit().map(drop)
}

fn run(seed: u64) -> Counts {
    let (mut random, mut counts) = (Random::new(seed), Counts::default());
    let (mut model, mut held) = (Objects::new(), Vec::new());
    let disk = Arc::new(MemoryDisk::default());
    for _ in 0..LIVES {
        let db = open(&disk).unwrap();
        transact(&mut random, &db, &mut model, assert_equal).unwrap();
        for _ in 0..STEPS {
            match random.below(10) {
                0 => db.checkpoint().unwrap(),
                1 => db.compact().unwrap(),
                2 => held.push((db.snapshot().unwrap(), model.clone())),
                3 if !held.is_empty() => {
                    let (old, model): (Snapshot, _) = held.swap_remove(random.below(held.len()));
                    if !model.is_empty() {
                        assert_equal(&mut random, &old.blobs(STORE).unwrap(), &model).unwrap();
                        counts.note("an old state");
                    }
                }
                _ => transact(&mut random, &db, &mut model, assert_equal).unwrap(),
            }
            if !model.is_empty() {
                let now = db.snapshot().unwrap();
                assert_equal(&mut random, &now.blobs(STORE).unwrap(), &model).unwrap();
                counts.note("a state");
            }
            audit(&db).unwrap();
            if held.is_empty() {
                assert_no_leftovers(&db, &*disk).unwrap();
                counts.note("no leftovers");
            }
        }
        if random.once_in(2) {
            db.close().unwrap();
            // A snapshot that outlives the database keeps reading what it has mapped.
            counts.note("closed");
        }
        held.clear();
    }
    counts
}

#[test]
fn blobs_equal_their_model_and_leave_nothing_behind() {
    run_seeds(25, run, 10, &["a state", "an old state", "no leftovers", "closed"]);
}

struct Blobs;

impl Work for Blobs {
    type Model = Objects;

    fn step(random: &mut Random, db: &Database, model: &mut Objects) -> Result<()> {
        match random.below(8) {
            0 | 1 => db.checkpoint(),
            2 => db.compact(),
            _ => transact(random, db, model, |_, _, _| Ok(())),
        }
    }

    /// Reads nothing, which could fail; `audit` reads all that there is.
    fn equals(snapshot: &Snapshot, model: &Objects) -> Result<bool> {
        match snapshot.blobs(STORE) {
            Ok(store) => seem_equal(&store, model),
            Err(Error::StoreNotFound { .. }) => Ok(model.is_empty()),
            Err(error) => Err(error),
        }
    }
}

#[test]
fn failures_and_crashes_at_any_call_lose_no_blob_and_leave_none_behind() {
    live_and_crash::<Blobs>(60, 50);
}
