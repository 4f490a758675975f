//! How pairs of folders begin, go on with one, and are made whole again.

use super::*;
use crate::{MemoryDisk, MirrorProgress, Work as Due};

/// A pair with some work in it.
fn with_work(random: &mut Random, disk: &Arc<MemoryDisk>) -> (Database, Model) {
    let (db, mut model) = (open_both(disk).unwrap(), Model::new());
    work(random, &db, &mut model, 30);
    (db, model)
}

#[test]
fn both_folders_hold_the_same_from_the_begin_to_the_end() {
    let (disk, random) = (Arc::new(MemoryDisk::default()), &mut Random::new(1));
    let (db, mut model) = with_work(random, &disk);
    assert!(db.mirror().unwrap().is_whole());
    assert_same(&*disk);
    db.close().unwrap();
    for roots in [ROOTS, [ROOTS[1], ROOTS[0]]] {
        let db = on(&disk).mirror(roots[1]).open(roots[0]).unwrap();
        assert_holds(&db, &model);
        work(random, &db, &mut model, 20);
        assert_same(&*disk);
        db.close().unwrap();
        assert_same(&*disk);
    }
}

#[test]
fn a_database_gets_a_mirror_and_one_that_lost_it_gets_it_back() {
    for side in [0, 1] {
        let (disk, random) = (Arc::new(MemoryDisk::default()), &mut Random::new(2));
        let db = on(&disk).open(ROOTS[0]).unwrap();
        let mut model = Model::new();
        work(random, &db, &mut model, 20);
        drop(db);
        let db = open_both(&disk).unwrap();
        assert_eq!(lost(&db), [false, true]);
        assert_eq!(db.work().unwrap(), Some(Due::Rebuild));
        assert_eq!((lost(&db), db.work().unwrap()), ([false; 2], None));
        assert_same(&*disk);
        work(random, &db, &mut model, 20);
        drop(db);

        wipe(&*disk, ROOTS[side]);
        let db = open_both(&disk).unwrap();
        assert!(lost(&db)[side] && !lost(&db)[1 - side]);
        assert_holds(&db, &model);
        work(random, &db, &mut model, 10);
        assert_eq!(db.work().unwrap(), Some(Due::Rebuild));
        assert_same(&*disk);
        work(random, &db, &mut model, 10);
        assert_same(&*disk);
        db.close().unwrap();
        assert_holds(&on(&disk).without_mirror().open(ROOTS[side]).unwrap(), &model);
    }
}

#[test]
fn a_folder_that_was_used_alone_has_everything_and_the_other_follows() {
    for side in [0, 1] {
        let (disk, random) = (Arc::new(MemoryDisk::default()), &mut Random::new(3));
        let (db, mut model) = with_work(random, &disk);
        drop(db);
        let db = on(&disk).without_mirror().open(ROOTS[side]).unwrap();
        assert_eq!(db.mirror(), None);
        work(random, &db, &mut model, 20);
        drop(db);
        let db = open_both(&disk).unwrap();
        assert!(lost(&db)[1 - side]);
        assert_holds(&db, &model);
        db.rebuild_mirror().unwrap();
        assert_same(&*disk);
        assert_holds(&db, &model);
    }
}

#[test]
fn work_goes_on_while_a_folder_is_rebuilt_and_is_in_it() {
    let (disk, random) = (Arc::new(MemoryDisk::default()), &mut Random::new(4));
    let (db, mut model) = with_work(random, &disk);
    // In a store that nothing else is done to.
    let large: Entries = (0..80_u8).map(|key| (vec![key], vec![key; 100_000])).collect();
    let tx = db.begin().unwrap();
    tx.bulk_load(&name(9), &StoreOptions::default(), &large).unwrap();
    tx.commit().unwrap();
    model.insert(9, large);
    db.checkpoint().unwrap();
    drop(db);
    wipe(&*disk, ROOTS[0]);
    let db = open_both(&disk).unwrap();
    let mut told = Vec::new();
    db.rebuild_mirror_with(&mut |progress| {
        assert_eq!(db.mirror().unwrap().rebuilding, Some(progress));
        told.push(progress);
        // Not at its end, where whoever writes waits for it.
        if told.len() < 4 {
            work(random, &db, &mut model, 3);
        }
    })
    .unwrap();
    assert_eq!(db.mirror().unwrap().rebuilding, None);
    assert!(told.len() > 8, "{told:?}");
    let is_sound = |progress: &MirrorProgress| progress.done <= progress.total;
    assert!(told.iter().all(is_sound) && told.is_sorted_by_key(|progress| progress.done));
    assert_same(&*disk);
    assert_holds(&db, &model);
    work(random, &db, &mut model, 20);
    assert_same(&*disk);
}

#[test]
fn a_rebuild_that_is_ended_by_closing_is_begun_again() {
    let (disk, random) = (Arc::new(MemoryDisk::default()), &mut Random::new(5));
    let (db, model) = with_work(random, &disk);
    drop(db);
    wipe(&*disk, ROOTS[1]);
    let db = open_both(&disk).unwrap();
    let other = db.clone();
    let mut closing = Some(other);
    let ended = db.rebuild_mirror_with(&mut |progress| {
        if progress.done > 0
            && let Some(other) = closing.take()
        {
            other.close().unwrap();
        }
    });
    assert!(matches!(ended, Err(Error::Closed)), "{ended:?}");
    drop(db);
    let refused = on(&disk).without_mirror().open(ROOTS[1]);
    let unfinished = crate::MirrorProblem::Unfinished;
    assert!(matches!(refused, Err(Error::Mirror { problem, .. }) if problem == unfinished));
    let db = open_both(&disk).unwrap();
    assert_eq!(db.work().unwrap(), Some(Due::Rebuild));
    assert_same(&*disk);
    assert_holds(&db, &model);
}

#[test]
fn threads_rebuild_what_is_lost_on_the_real_disk() {
    let folder = tempfile::tempdir().unwrap();
    let roots = ["db", "mirror"].map(|name| folder.path().join(name));
    let open = || Database::builder().mirror(&roots[1]).open(&roots[0]).unwrap();
    let put = |db: &Database, key: &str| {
        let tx = db.begin().unwrap();
        tx.open_store("s", &StoreOptions::default()).unwrap().upsert(key, key).unwrap();
        tx.commit().unwrap();
    };
    let db = open();
    put(&db, "one");
    db.close().unwrap();
    for root in &roots {
        std::fs::remove_dir_all(root).unwrap();
        let db = open();
        assert!(!db.mirror().unwrap().is_whole());
        put(&db, "two");
        // The disk of a folder that is not there may only not be mounted.
        db.close().unwrap();
        assert!(!root.exists());
        std::fs::create_dir(root).unwrap();
        let db = open();
        while !db.mirror().unwrap().is_whole() {
            std::thread::yield_now();
        }
        put(&db, "three");
        db.close().unwrap();
    }
    let db = open();
    assert!(db.mirror().unwrap().is_whole());
    assert_eq!(db.snapshot().unwrap().store("s").unwrap().count_prefix("").unwrap(), 3);
}
