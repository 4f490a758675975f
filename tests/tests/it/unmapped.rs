//! Segments that are read instead of mapped: what somebody else does to the files while the
//! database is open is an error for who needs what is gone, and nothing to all others.

use std::path::PathBuf;

use sop_core::{
    Access, Database, Disk, Error, MemoryDisk, Options, OsDisk, Snapshot, StoreOptions,
};
use sop_tests::{Home, Outcome};

const ENTRIES: u32 = 2_000;

/// A database with one store in segments, and the disk that it is on.
struct Sample {
    home: Home,
    disk: Box<dyn Disk>,
    db: Database,
}

impl Sample {
    fn in_memory() -> Outcome<Self> {
        let disk = MemoryDisk::default();
        Self::make(Home::on(std::sync::Arc::new(disk.clone())), Box::new(disk))
    }

    fn on_the_real_disk() -> Outcome<Self> {
        Self::make(Home::on_disk(), Box::new(OsDisk))
    }

    fn make(home: Home, disk: Box<dyn Disk>) -> Outcome<Self> {
        let home = home.unmapped(32 << 10);
        let db = home.open_with(Options::default())?;
        let tx = db.begin()?;
        let small = StoreOptions::default().node_size(1 << 10);
        let entries = (0..ENTRIES).map(|number| (number.to_be_bytes(), [7; 100]));
        tx.bulk_load("s", &small, entries)?;
        tx.create_store("long", &small)?.add("key", vec![9; 50_000])?;
        tx.commit()?;
        db.checkpoint()?;
        Ok(Self { home, disk, db })
    }

    fn segments(&self) -> Vec<PathBuf> {
        let folder = self.home.path().join("seg");
        let entries = self.disk.list(&folder).expect("a folder of segments");
        entries.into_iter().map(|entry| folder.join(entry.name)).collect()
    }

    /// Cuts all segments to a length.
    fn cut(&self, len: u64) -> Outcome {
        for path in self.segments() {
            self.disk.open(&path, Access::Write)?.set_len(len)?;
        }
        Ok(())
    }
}

/// How many entries can be read before something fails, and how that fails.
fn read(snapshot: &Snapshot) -> (u32, Option<Error>) {
    let mut count = 0_u32;
    let outcome = (|| {
        for entry in snapshot.store("s")?.iter()? {
            let (key, value) = entry?;
            assert_eq!((key.as_slice(), &*value), (&count.to_be_bytes()[..], &[7; 100][..]));
            count += 1;
        }
        assert_eq!(snapshot.store("long")?.find("key")?.as_deref(), Some(&*vec![9; 50_000]));
        Ok::<_, Error>(())
    })();
    (count, outcome.err())
}

fn cut_under_way(sample: &Sample) -> Outcome {
    let snapshot = sample.db.snapshot()?;
    assert!(matches!(read(&snapshot), (ENTRIES, None)));
    let held = snapshot.store("s")?.find(5_u32.to_be_bytes())?.ok_or("it is there")?;
    sample.cut(20_000)?;
    let (count, error) = read(&snapshot);
    assert!(count < ENTRIES, "the whole of it was read from files that end before");
    let error = error.ok_or("no error, and not all was read")?;
    assert!(
        matches!(&error, Error::Corrupt { path, .. } if sample.segments().contains(path)),
        "{error}"
    );
    assert_eq!(*held, [7; 100], "what is held stays");
    // The log is whole: who needs no more than that goes on.
    let tx = sample.db.begin()?;
    tx.create_store("another", &StoreOptions::default())?.add("key", "value")?;
    tx.commit()?;
    Ok(())
}

fn removed_under_way(sample: Sample) -> Outcome {
    let files = sample.segments();
    let mut contents = Vec::new();
    for path in &files {
        let file = sample.disk.open(path, Access::Read)?;
        let mut bytes = vec![0; usize::try_from(file.len()?)?];
        file.read_exact_at(&mut bytes, 0)?;
        contents.push(bytes);
    }
    // Opened anew, so that no file is held open that is still there without its name.
    let Sample { home, disk, db } = sample;
    db.close()?;
    let db = home.open_with(Options::default())?;
    for path in &files {
        disk.remove(path)?;
    }
    let snapshot = db.snapshot()?;
    let (_, error) = read(&snapshot);
    assert!(
        matches!(&error, Some(Error::SegmentGone { path }) if files.contains(path)),
        "{error:?}"
    );
    for (path, bytes) in files.iter().zip(&contents) {
        disk.open(path, Access::Create)?.write_all_at(bytes, 0)?;
    }
    assert!(matches!(read(&snapshot), (ENTRIES, None)), "and all is there again");
    Ok(())
}

#[test]
fn a_file_that_is_cut_short_under_way_is_an_error_in_memory() -> Outcome {
    cut_under_way(&Sample::in_memory()?)
}

/// Were the file mapped, this would end the process.
#[test]
fn a_file_that_is_cut_short_under_way_is_an_error_on_the_real_disk() -> Outcome {
    cut_under_way(&Sample::on_the_real_disk()?)
}

#[test]
fn a_file_that_is_removed_under_way_is_gone_in_memory() -> Outcome {
    removed_under_way(Sample::in_memory()?)
}

#[test]
fn a_file_that_is_removed_under_way_is_gone_on_the_real_disk() -> Outcome {
    removed_under_way(Sample::on_the_real_disk()?)
}
