//! Folders that are no mirrors of each other.

use std::io::ErrorKind;

use super::*;
use crate::{Call, Fault, FaultyDisk, MemoryDisk, MirrorProblem, Mode};

#[track_caller]
fn assert_refused(outcome: Result<Database>, path: &str, problem: MirrorProblem) {
    match outcome {
        Err(Error::Mirror { path: found, problem: what }) => {
            assert_eq!((found, what), (PathBuf::from(path), problem));
        }
        other => panic!("{other:?}"),
    }
}

fn some_work(db: Database) {
    let tx = db.begin().unwrap();
    tx.open_store("s", &StoreOptions::default()).unwrap().upsert("key", "value").unwrap();
    tx.commit().unwrap();
    drop(db);
}

/// Nothing is touched by what is refused.
#[track_caller]
fn leaves_all(disk: &dyn Disk, act: impl FnOnce()) {
    let before = ["/db", "/mirror", "/other"].map(|root| contents(disk, root));
    act();
    assert_eq!(["/db", "/mirror", "/other"].map(|root| contents(disk, root)), before);
}

#[test]
fn a_folder_is_no_mirror_of_itself_nor_of_one_in_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("db");
    std::fs::create_dir(&path).unwrap();
    std::os::unix::fs::symlink(&path, folder.path().join("link")).unwrap();
    for mirror in ["db", "db/.", "db/in/it", "link", "link/in/it", "."] {
        let refused = Database::builder().mirror(folder.path().join(mirror)).open(&path);
        assert!(matches!(refused, Err(Error::Invalid(_))), "{mirror}: {refused:?}");
    }
    assert_eq!(std::fs::read_dir(&path).unwrap().count(), 0);
}

#[test]
fn other_modes_have_no_mirror() {
    for mode in [Mode::Shared, Mode::NoCheck] {
        let options = Options::default().mode(mode);
        let disk = Arc::new(MemoryDisk::default());
        let builder = Database::builder().disk(disk).options(options).mirror(ROOTS[1]);
        let refused = builder.open(ROOTS[0]);
        assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    }
    let refused = Database::builder().mirror(ROOTS[1]).in_memory();
    assert!(matches!(refused, Err(Error::Invalid(_))), "{refused:?}");
    let db = Database::builder().in_memory().unwrap();
    assert!(matches!(db.rebuild_mirror(), Err(Error::Invalid(_))));
    assert!(matches!(db.scrub_mirror(), Err(Error::Invalid(_))));
}

#[test]
fn what_a_folder_holds_is_never_taken_for_a_mirror() {
    let disk = Arc::new(MemoryDisk::default());
    some_work(on(&disk).open("/other").unwrap());
    // An unrelated database, for a new pair and for one that is there.
    leaves_all(&*disk, || {
        assert_refused(on(&disk).mirror("/other").open("/db"), "/other", MirrorProblem::Foreign);
    });
    some_work(on(&disk).open("/db").unwrap());
    leaves_all(&*disk, || {
        assert_refused(on(&disk).mirror("/other").open("/db"), "/other", MirrorProblem::Foreign);
    });
    let db = open_both(&disk).unwrap();
    db.rebuild_mirror().unwrap();
    db.close().unwrap();
    leaves_all(&*disk, || {
        assert_refused(on(&disk).mirror("/other").open("/db"), "/other", MirrorProblem::Foreign);
        assert_refused(on(&disk).mirror("/db").open("/other"), "/db", MirrorProblem::Foreign);
    });
    // Half of another pair.
    let db = on(&disk).mirror("/more").open("/other").unwrap();
    db.rebuild_mirror().unwrap();
    db.close().unwrap();
    assert_refused(on(&disk).mirror("/more").open("/db"), "/more", MirrorProblem::Foreign);
    // No database at all.
    let file = disk.open(Path::new("/notes.txt"), Access::Create).unwrap();
    file.write_all_at(b"notes", 0).unwrap();
    disk.create_dir_all(Path::new("/notes")).unwrap();
    disk.rename(Path::new("/notes.txt"), Path::new("/notes/today.txt")).unwrap();
    for mirror in ["/notes", "/notes/today.txt"] {
        let refused = on(&disk).mirror(mirror).open("/db");
        assert!(matches!(refused, Err(Error::NotADatabase { .. })), "{refused:?}");
    }
}

#[test]
fn a_restored_database_is_no_mirror_of_the_one_it_was() {
    let disk = Arc::new(MemoryDisk::default());
    let db = open_both(&disk).unwrap();
    db.backup("/backup").unwrap();
    some_work(db);
    on(&disk).restore("/backup", "/other", None).unwrap();
    leaves_all(&*disk, || {
        assert_refused(on(&disk).mirror("/other").open("/db"), "/other", MirrorProblem::Foreign);
    });
    some_work(on(&disk).open("/other").unwrap());
}

#[test]
fn one_of_two_folders_is_opened_alone_only_if_that_is_meant() {
    let disk = Arc::new(MemoryDisk::default());
    some_work(open_both(&disk).unwrap());
    leaves_all(&*disk, || {
        for root in ROOTS {
            assert_refused(on(&disk).open(root), root, MirrorProblem::OneOfTwo);
        }
    });
    // Reading only changes nothing.
    let options = Options::default().mode(Mode::NoCheck);
    drop(on(&disk).options(options).open(ROOTS[1]).unwrap());
    assert!(open_both(&disk).unwrap().mirror().unwrap().is_whole());
}

#[test]
fn folders_that_were_each_used_alone_are_refused_until_one_is_emptied() {
    for kept in [0, 1] {
        let disk = Arc::new(MemoryDisk::default());
        some_work(open_both(&disk).unwrap());
        for root in ROOTS {
            some_work(on(&disk).without_mirror().open(root).unwrap());
        }
        leaves_all(&*disk, || {
            assert_refused(open_both(&disk), ROOTS[0], MirrorProblem::Parted);
        });
        wipe(&*disk, ROOTS[1 - kept]);
        let db = open_both(&disk).unwrap();
        db.rebuild_mirror().unwrap();
        assert_same(&*disk);
    }
}

#[test]
fn a_pair_is_in_use_as_a_whole() {
    let disk = Arc::new(MemoryDisk::default());
    let db = open_both(&disk).unwrap();
    for root in ROOTS {
        let refused = on(&disk).without_mirror().open(root);
        assert!(matches!(refused, Err(Error::InUse { .. })), "{refused:?}");
    }
    assert!(matches!(open_both(&disk), Err(Error::InUse { .. })));
    db.close().unwrap();
    let alone = on(&disk).without_mirror().open(ROOTS[1]).unwrap();
    assert!(matches!(open_both(&disk), Err(Error::InUse { .. })));
    drop(alone);
    some_work(open_both(&disk).unwrap());
}

#[test]
fn a_pair_is_not_created_where_one_folder_cannot_be_or_is_not_to_be() {
    let disk = FaultyDisk::new(Arc::new(MemoryDisk::default()));
    let faults = disk.faults().clone();
    let disk = Arc::new(disk);
    let absent = on(&disk).options(Options::default().create(false)).mirror(ROOTS[1]);
    assert!(matches!(absent.open(ROOTS[0]), Err(Error::NotADatabase { .. })));
    for root in ROOTS {
        faults.judge(move |call, path| {
            let denied = call == Call::Create && path.starts_with(root);
            denied.then_some(Fault::Error(ErrorKind::PermissionDenied))
        });
        assert!(matches!(open_both(&disk), Err(Error::Io { .. })));
        faults.clear();
    }
    some_work(open_both(&disk).unwrap());
    assert_same(&*disk);
}

#[test]
fn neither_folder_can_be_read() {
    let disk = FaultyDisk::new(Arc::new(MemoryDisk::default()));
    let faults = disk.faults().clone();
    let disk = Arc::new(disk);
    some_work(open_both(&disk).unwrap());
    faults.from(faults.calls(), Fault::Error(ErrorKind::Other));
    let failed = open_both(&disk);
    assert!(matches!(failed, Err(Error::Io { .. })), "{failed:?}");
    faults.clear();
    assert!(open_both(&disk).unwrap().mirror().unwrap().is_whole());
}
