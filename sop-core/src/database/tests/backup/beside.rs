//! Backups beside writers, checkpoints and compaction.

use std::thread;

use super::*;
use crate::sync::atomic::{AtomicBool, Ordering};

const COMMITS: u64 = 400;

/// Writes the same number to two stores, and something long, again and again.
fn write(db: &Database) -> Result<()> {
    for number in 0..COMMITS {
        let tx = begin(db)?;
        for store in ["one", "other"] {
            let store = tx.open_store(store, &nodes_of(1_024))?;
            store.upsert("number", number.to_be_bytes())?;
            store.upsert_placed(&(number % 40).to_be_bytes(), &[7; 5_000])?;
        }
        tx.commit()?;
    }
    Ok(())
}

fn number(snapshot: &Snapshot, store: &str) -> Result<Option<u64>> {
    let found = snapshot.store(store)?.find("number")?;
    Ok(found.map(|bytes| u64::from_be_bytes(bytes[..].try_into().unwrap())))
}

#[test]
fn what_is_copied_beside_writers_is_one_state() {
    let disk = Arc::new(MemoryDisk::default());
    let db = on(&disk).open(SOURCE).unwrap();
    write(&db).unwrap();
    let is_over = AtomicBool::new(false);
    let mut backups = 0;
    thread::scope(|scope| {
        scope.spawn(|| {
            write(&db).unwrap();
            is_over.store(true, Ordering::Release);
        });
        scope.spawn(|| {
            while !is_over.load(Ordering::Acquire) {
                db.compact().unwrap();
            }
        });
        while !is_over.load(Ordering::Acquire) || backups < 3 {
            let before = db.snapshot().unwrap().position();
            let report = db.backup(BACKUP).unwrap();
            assert!(report.position >= before);
            assert_eq!(restore(&disk, None).unwrap().position, report.position);
            let restored = on(&disk).open(TARGET).unwrap();
            audit(&restored).unwrap();
            let snapshot = restored.snapshot().unwrap();
            let found = number(&snapshot, "one").unwrap();
            assert!(found.is_some());
            assert_eq!(found, number(&snapshot, "other").unwrap());
            drop((snapshot, restored));
            clear(&*disk, TARGET);
            backups += 1;
        }
    });
    audit(&db).unwrap();
}
