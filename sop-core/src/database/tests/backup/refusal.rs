//! What cannot be backed up or restored, and what is said then.

use super::*;
use crate::{Access, Mode};

fn with_entry(disk: &Arc<MemoryDisk>, root: &str) -> Database {
    let db = on(disk).open(root).unwrap();
    let tx = db.begin().unwrap();
    tx.open_store("s", &StoreOptions::default()).unwrap().upsert("key", root).unwrap();
    tx.commit().unwrap();
    db
}

#[test]
fn a_backup_goes_to_a_folder_of_its_own() {
    let disk = Arc::new(MemoryDisk::default());
    let db = with_entry(&disk, "/a/db");
    for inside in ["/a/db", "/a/db/backup", "/a/db/seg", "/a", "/a/b/../db", "/"] {
        let refused = db.backup(inside);
        assert!(matches!(refused, Err(Error::Invalid(_))), "{inside}: {refused:?}");
    }
    disk.create_dir_all(Path::new("/full")).unwrap();
    disk.open(Path::new("/full/letter.txt"), Access::Create).unwrap();
    disk.open(Path::new("/file"), Access::Create).unwrap();
    with_entry(&disk, "/other").close().unwrap();
    for taken in ["/full", "/file", "/other"] {
        let before = files(&*disk, taken);
        let refused = db.backup(taken);
        assert!(matches!(refused, Err(Error::NotABackup { .. })), "{taken}: {refused:?}");
        assert_eq!(files(&*disk, taken), before, "{taken}");
    }
    db.backup(BACKUP).unwrap();
}

#[test]
fn a_backup_is_continued_by_its_own_database_only() {
    let disk = Arc::new(MemoryDisk::default());
    let (db, other) = (with_entry(&disk, SOURCE), with_entry(&disk, "/other"));
    db.backup(BACKUP).unwrap();
    let before = files(&*disk, BACKUP);
    assert!(matches!(other.backup(BACKUP), Err(Error::NotABackup { .. })));
    restore(&disk, None).unwrap();
    let again = on(&disk).open(TARGET).unwrap();
    let refused = again.backup(BACKUP).unwrap_err().to_string();
    assert!(refused.contains("restored"), "{refused}");
    assert_eq!(files(&*disk, BACKUP), before);
    // It has backups of its own, and can be restored again.
    again.backup("/of-the-restored").unwrap();
    on(&disk).restore("/of-the-restored", "/again", None).unwrap();
    db.backup(BACKUP).unwrap();
}

#[test]
fn a_database_is_restored_to_an_empty_folder_only() {
    let disk = Arc::new(MemoryDisk::default());
    let db = with_entry(&disk, SOURCE);
    db.backup(BACKUP).unwrap();
    disk.open(Path::new("/file"), Access::Create).unwrap();
    disk.create_dir_all(Path::new("/full/deep")).unwrap();
    for taken in [SOURCE, "/file", "/full"] {
        let refused = on(&disk).restore(BACKUP, taken, None);
        assert!(matches!(refused, Err(Error::NotEmpty { .. })), "{taken}: {refused:?}");
    }
    for inside in [BACKUP, "/backup/new", "/"] {
        let refused = on(&disk).restore(BACKUP, inside, None);
        assert!(matches!(refused, Err(Error::Invalid(_))), "{inside}: {refused:?}");
    }
    audit(&db).unwrap();
    disk.create_dir_all(Path::new("/empty")).unwrap();
    on(&disk).restore(BACKUP, "/empty", None).unwrap();
    assert!(matches!(on(&disk).restore(BACKUP, "/empty", None), Err(Error::NotEmpty { .. })));
}

#[test]
fn what_is_no_backup_is_not_restored() {
    let disk = Arc::new(MemoryDisk::default());
    disk.create_dir_all(Path::new("/empty")).unwrap();
    disk.open(Path::new("/file"), Access::Create).unwrap();
    drop(with_entry(&disk, SOURCE));
    for other in ["/nowhere", "/empty", "/file", SOURCE] {
        let refused = on(&disk).restore(other, TARGET, None);
        assert!(matches!(refused, Err(Error::NotABackup { .. })), "{other}: {refused:?}");
        assert!(disk.list(Path::new(TARGET)).is_err(), "{other}");
    }
}

#[test]
fn a_position_that_is_not_held_is_told_with_those_that_are() {
    let disk = Arc::new(MemoryDisk::default());
    let db = with_entry(&disk, SOURCE);
    db.backup(BACKUP).unwrap();
    let Err(Error::PositionNotHeld { position, held }) = restore(&disk, Some(99)) else {
        panic!("there is no such position")
    };
    assert_eq!((position, held), (99, vec![0..=1]));
    assert_eq!(restore(&disk, Some(0)).unwrap().position, 0);
    assert!(on(&disk).open(TARGET).unwrap().snapshot().unwrap().stores().unwrap().is_empty());
}

#[test]
fn a_database_that_is_open_for_reading_only_or_closed_is_not_backed_up() {
    let disk = Arc::new(MemoryDisk::default());
    let db = with_entry(&disk, SOURCE);
    db.clone().close().unwrap();
    assert!(matches!(db.backup(BACKUP), Err(Error::Closed)));
    drop(db);
    let reader = on(&disk).options(Options::default().mode(Mode::NoCheck)).open(SOURCE).unwrap();
    assert!(matches!(reader.backup(BACKUP), Err(Error::ReadOnly)));
    assert!(disk.list(Path::new(BACKUP)).is_err());
}

#[test]
fn one_backup_at_a_time_goes_to_a_folder() {
    let disk = Arc::new(MemoryDisk::default());
    let db = with_entry(&disk, SOURCE);
    let mut refused = 0;
    db.backup_with(BACKUP, &mut |_| {
        refused += u32::from(matches!(db.backup(BACKUP), Err(Error::InUse { .. })));
    })
    .unwrap();
    assert!(refused > 0);
}

#[test]
fn a_backup_that_nobody_could_find_again_is_refused() {
    let db = Database::builder().in_memory().unwrap();
    assert!(matches!(db.backup(BACKUP), Err(Error::Invalid(_))));
}
