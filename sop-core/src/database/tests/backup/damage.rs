//! Backups whose files are not what they were.

use super::*;
use crate::Access;

/// A backup of some work, with a segment and a run at least.
fn with_backup() -> Result<Arc<MemoryDisk>> {
    let disk = Arc::new(MemoryDisk::default());
    let (db, mut model, mut random) = (on(&disk).open(SOURCE)?, Model::new(), Random::new(7));
    for _ in 0..4 {
        work(&mut random, &db, &mut model, 6)?;
        db.checkpoint()?;
        let tx = db.begin()?;
        tx.open_store("more", &nodes_of(1_024))?.upsert("key", vec![3; 2_000])?;
        tx.commit()?;
        db.backup(BACKUP)?;
    }
    Ok(disk)
}

/// That the backup is refused, and that nothing is left of the attempt to use it.
#[track_caller]
fn assert_refused(disk: &Arc<MemoryDisk>, what: &str) {
    let checked = on(disk).check_backup(BACKUP);
    let is_told = |error: &Error| {
        let kinds = [crate::Kind::Corrupt, crate::Kind::Invalid];
        kinds.contains(&error.kind())
    };
    assert!(checked.as_ref().is_err_and(is_told), "{what}: {checked:?}");
    let restored = restore(disk, None);
    // What is not needed for the newest position is not read.
    if let Ok(report) = restored {
        on(disk).open(TARGET).and_then(|db| audit(&db)).unwrap();
        assert!(report.position > 0, "{what}");
        clear(&**disk, TARGET);
        return;
    }
    assert!(restored.as_ref().is_err_and(is_told), "{what}: {restored:?}");
    assert_eq!(files(&**disk, TARGET).into_values().map(|bytes| bytes.len()).sum::<usize>(), 0);
}

#[test]
fn damage_in_any_file_is_found() {
    let disk = with_backup().unwrap();
    let whole = files(&*disk, BACKUP);
    assert!(["/seg/", "/log/"].iter().all(|part| whole.keys().any(|path| path.contains(part))));
    let mut random = Random::new(3);
    for (path, bytes) in whole.iter().filter(|(path, _)| !path.ends_with("LOCK")) {
        for _ in 0..6 {
            // Segments may be the database's own files as well.
            let at = random.below(bytes.len());
            let mut damaged = bytes.clone();
            damaged[at] ^= 1 << random.below(8);
            replace(&*disk, path, Some(&damaged));
            assert_refused(&disk, &format!("{path}, byte {at}"));
        }
        replace(&*disk, path, Some(&bytes[..bytes.len() - 1]));
        assert_refused(&disk, &format!("{path}, cut"));
        replace(&*disk, path, Some(&[&bytes[..], b"x"].concat()));
        assert_refused(&disk, &format!("{path}, longer"));
        replace(&*disk, path, None);
        assert_refused(&disk, &format!("{path}, missing"));
        replace(&*disk, path, Some(bytes));
    }
    restore(&disk, None).unwrap();
}

#[test]
fn a_file_that_does_not_belong_to_a_backup_is_found() {
    let disk = with_backup().unwrap();
    for name in ["seg/0000ffff.seg", "log/0000000000000000-0000000000000001.run", "notes.txt"] {
        let path = format!("{BACKUP}/{name}");
        replace(&*disk, &path, Some(b"surplus"));
        let refused = on(&disk).check_backup(BACKUP);
        assert!(refused.is_err_and(|error| error.to_string().contains(name)), "{name}");
        assert!(restore(&disk, None).is_err(), "{name}");
        replace(&*disk, &path, None);
    }
    restore(&disk, None).unwrap();
}

/// Gives a name another file, or none, and leaves the old one to whoever has it by another name.
fn replace(disk: &dyn Disk, path: &str, bytes: Option<&[u8]>) {
    let path = Path::new(path);
    drop(disk.remove(path));
    if let Some(bytes) = bytes {
        disk.open(path, Access::Create).unwrap().write_all_at(bytes, 0).unwrap();
    }
}
