//! What a power cut took although it was acknowledged.

use std::{io::ErrorKind, sync::Arc};

use sop_core::{Database, Fault, Options, Result, SimulatedDisk, StoreOptions, Survival};

use super::{assert_well, keys};

fn open(disk: &SimulatedDisk) -> Result<Database> {
    let options = Options::default().log_file_bytes(64 << 10);
    Database::builder().options(options).disk(Arc::new(disk.clone())).open("db")
}

/// The first opening fails from some call on, a sync of a new log file among them; the second one
/// finds the file, with a length that only the system's memory has.
#[test]
fn a_log_file_whose_sync_had_failed_was_taken_for_written() -> Result<()> {
    for number in 0.. {
        let disk = SimulatedDisk::new();
        disk.faults().from(number, Fault::Error(ErrorKind::Other));
        if open(&disk).is_ok() {
            assert!(number > 20, "there is a lot that can fail");
            break;
        }
        disk.faults().clear();
        let db = open(&disk)?;
        let tx = db.begin()?;
        tx.create_store("s", &StoreOptions::default())?.add("key", "value")?;
        tx.commit()?;
        let db = open(&disk.cut_now(Survival::Nothing))?;
        assert_eq!(keys(&db, "s")?, ["key"], "failed from call {number} on");
        assert_well(&db)?;
    }
    Ok(())
}
