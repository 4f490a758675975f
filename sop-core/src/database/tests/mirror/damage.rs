//! Files of one folder are damaged, while the database is open and while it is closed.

use std::ffi::OsString;

use super::*;
use crate::MemoryDisk;

fn flip(disk: &dyn Disk, path: &Path, bit: usize) {
    let file = disk.open(path, Access::Write).unwrap();
    let (at, mut byte) = ((bit / 8) as u64, [0]);
    file.read_exact_at(&mut byte, at).unwrap();
    file.write_all_at(&[byte[0] ^ 1 << (bit % 8)], at).unwrap();
}

fn cut(disk: &dyn Disk, path: &Path, random: &mut Random) {
    let file = disk.open(path, Access::Write).unwrap();
    let len = usize::try_from(file.len().unwrap()).unwrap();
    file.set_len(random.below(len.max(1)) as u64).unwrap();
}

/// Does some harm to a file of a folder.
fn harm(disk: &dyn Disk, path: &Path, random: &mut Random) {
    let len = usize::try_from(disk.open(path, Access::Read).unwrap().len().unwrap()).unwrap();
    match random.below(8) {
        0 => disk.remove(path).unwrap(),
        1 => cut(disk, path, random),
        _ if len == 0 => {}
        _ => (0..3).for_each(|_| flip(disk, path, random.below(len * 8))),
    }
}

/// A pair with work in it whose log is not empty.
fn with_work(random: &mut Random, disk: &Arc<MemoryDisk>) -> (Database, Model) {
    let (db, mut model) = (open_both(disk).unwrap(), Model::new());
    work(random, &db, &mut model, 12);
    db.checkpoint().unwrap();
    work(random, &db, &mut model, 3);
    (db, model)
}

#[test]
fn any_harm_to_one_folder_while_it_is_closed_is_mended() {
    let mut harmed = BTreeSet::new();
    for_seeds(1..=150, |seed| {
        let (random, disk) = (&mut Random::new(seed), Arc::new(MemoryDisk::default()));
        let (db, mut model) = with_work(random, &disk);
        if random.once_in(2) {
            db.close()?;
        } else {
            drop(db);
        }
        let side = random.below(2);
        let files: Vec<_> = contents(&*disk, ROOTS[side]).into_keys().collect();
        let files: Vec<_> = files.into_iter().chain(["MIRROR".into()]).collect();
        for _ in 0..=random.below(3) {
            let file = &files[random.below(files.len())];
            let path = Path::new(ROOTS[side]).join(file);
            if disk.open(&path, Access::Read).is_ok() {
                harm(&*disk, &path, random);
                harmed.insert(file.components().next().unwrap().as_os_str().to_owned());
            }
        }
        let db = open_both(&disk)?;
        assert!(equals(&db.snapshot()?, &model)?);
        work(random, &db, &mut model, 5);
        db.rebuild_mirror()?;
        let report = db.scrub_mirror()?;
        assert!(report.complete && report.problems.is_empty(), "{report:?}");
        db.rebuild_mirror()?;
        let again = db.scrub_mirror()?;
        assert_eq!((again.mended, again.complete), (0, true));
        assert!(db.check()?.is_sound());
        audit(&db)?;
        db.close()?;
        for root in ROOTS {
            let db = on(&disk).without_mirror().open(root)?;
            assert!(equals(&db.snapshot()?, &model)? && db.check()?.is_sound(), "{root} alone");
        }
        Ok(())
    });
    assert!(
        ["FORMAT", "MIRROR", "log", "man", "seg"]
            .iter()
            .all(|name| harmed.contains(&OsString::from(name))),
        "{harmed:?}"
    );
}

#[test]
fn damage_that_is_met_while_the_database_is_open_is_mended_where_it_is() {
    for side in [0, 1] {
        let (random, disk) = (&mut Random::new(7), Arc::new(MemoryDisk::default()));
        let (db, model) = with_work(random, &disk);
        db.close().unwrap();
        let db = open_both(&disk).unwrap();
        let before = contents(&*disk, ROOTS[1 - side]);
        let mut damaged = 0;
        for (path, bytes) in before.iter().filter(|(path, _)| path.starts_with("seg")) {
            for at in (4_096 * 8..bytes.len() * 8).step_by(997 * 8) {
                flip(&*disk, &Path::new(ROOTS[side]).join(path), at);
                damaged += 1;
            }
        }
        assert!(damaged > 20);
        assert_holds(&db, &model);
        assert!(db.check().unwrap().is_sound());
        let report = db.scrub_mirror().unwrap();
        assert!(report.complete && report.problems.is_empty(), "{report:?}");
        assert!(db.mirror().unwrap().mended > 10, "{:?}", db.mirror());
        assert!(db.mirror().unwrap().is_whole());
        assert_eq!(db.scrub_mirror().unwrap().mended, 0);
        for root in ROOTS {
            db.clone().close().ok();
            let db = on(&disk).without_mirror().open(root).unwrap();
            assert!(db.check().unwrap().is_sound());
            assert_holds(&db, &model);
        }
    }
}

#[test]
fn what_remains_is_mended_from_what_was_lost_before_that_is_made_anew() {
    for side in [0, 1] {
        let (random, disk) = (&mut Random::new(6), Arc::new(MemoryDisk::default()));
        let (db, model) = with_work(random, &disk);
        db.close().unwrap();
        // The other one is used without it, and is the one that has damage in the end.
        drop(on(&disk).without_mirror().open(ROOTS[side]).unwrap());
        let db = open_both(&disk).unwrap();
        assert!(lost(&db)[1 - side]);
        for (path, bytes) in contents(&*disk, ROOTS[side]) {
            if path.starts_with("seg") {
                let path = Path::new(ROOTS[side]).join(path);
                (4_096 * 8..bytes.len() * 8)
                    .step_by(997 * 8)
                    .for_each(|at| flip(&*disk, &path, at));
            }
        }
        db.rebuild_mirror().unwrap();
        assert!(db.scrub_mirror().unwrap().problems.is_empty());
        assert!(db.check().unwrap().is_sound());
        assert_holds(&db, &model);
    }
}

#[test]
fn damage_to_the_log_and_the_manifests_in_use_is_found_by_comparing() {
    for side in [0, 1] {
        for folder in ["log", "man"] {
            let (random, disk) = (&mut Random::new(8), Arc::new(MemoryDisk::default()));
            let (db, mut model) = with_work(random, &disk);
            // What another checkpoint would replace is not compared.
            db.checkpoint().unwrap();
            let files = contents(&*disk, ROOTS[side]);
            let (path, _) = files.iter().rfind(|(path, _)| path.starts_with(folder)).unwrap();
            let path = Path::new(ROOTS[side]).join(path);
            (30 * 8..60 * 8).step_by(9).for_each(|bit| flip(&*disk, &path, bit));
            let report = db.scrub_mirror().unwrap();
            assert!(report.complete && report.mended > 0, "{report:?}, {:?}", db.mirror());
            assert_same(&*disk);
            disk.remove(&path).unwrap();
            let report = db.scrub_mirror().unwrap();
            assert!(!report.complete && lost(&db)[side], "{report:?}");
            db.rebuild_mirror().unwrap();
            assert_same(&*disk);
            work(random, &db, &mut model, 5);
            drop(db);
            assert_holds(&open_both(&disk).unwrap(), &model);
        }
    }
}

#[test]
fn what_is_damaged_in_both_folders_is_told() {
    let (random, disk) = (&mut Random::new(9), Arc::new(MemoryDisk::default()));
    let (db, _) = with_work(random, &disk);
    db.close().unwrap();
    let db = open_both(&disk).unwrap();
    for root in ROOTS {
        for (path, bytes) in contents(&*disk, root) {
            if path.starts_with("seg") {
                let path = Path::new(root).join(path);
                (4_096 * 8..bytes.len() * 8)
                    .step_by(200 * 8)
                    .for_each(|at| flip(&*disk, &path, at));
            }
        }
    }
    let report = db.scrub_mirror().unwrap();
    assert!(!report.problems.is_empty(), "{report:?}");
    assert!(!db.check().unwrap().is_sound());
    assert!(db.mirror().unwrap().is_whole());
}

/// Recovery reads what was loaded in bulk since the last checkpoint in order to change it as newer
/// commits did, although nobody else reads it any more.
#[test]
fn comparing_finds_what_only_recovery_would_read() {
    let disk = Arc::new(MemoryDisk::default());
    let db = open_both(&disk).unwrap();
    let entries: Entries = (0..90_u8).map(|key| (vec![key], vec![key; 50])).collect();
    let tx = db.begin().unwrap();
    tx.bulk_load("s", &StoreOptions::default(), &entries).unwrap();
    tx.commit().unwrap();
    let tx = db.begin().unwrap();
    for key in entries.keys() {
        tx.store("s").unwrap().upsert(key, b"new").unwrap();
    }
    tx.commit().unwrap();
    let harm = |side: usize| {
        let files = contents(&*disk, ROOTS[side]);
        for (path, bytes) in files.iter().filter(|(path, _)| path.starts_with("seg")) {
            let path = Path::new(ROOTS[side]).join(path);
            (300 * 8..bytes.len() * 8).step_by(97 * 8).for_each(|at| flip(&*disk, &path, at));
        }
    };
    harm(1);
    assert!(db.scrub_mirror().unwrap().complete);
    harm(0);
    drop(db);
    let db = open_both(&disk).unwrap();
    let (snapshot, mut found) = (db.snapshot().unwrap(), 0);
    for entry in snapshot.store("s").unwrap().iter().unwrap() {
        assert_eq!(&*entry.unwrap().1, b"new");
        found += 1;
    }
    assert_eq!(found, entries.len());
    audit(&db).unwrap();
}
