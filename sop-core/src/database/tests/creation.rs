//! The creation of a database stops at each of its calls in turn; the next opening creates it, or
//! finds it whole, whether the process died or the power failed.

use std::sync::Arc;

use super::{audit, open};
use crate::{
    Result, StoreOptions,
    disk::{Fault, SimulatedDisk, Survival},
};

/// That a database without stores is there, or can be, and keeps what is written to it.
fn assert_usable(disk: &Arc<SimulatedDisk>) -> Result<()> {
    let db = open(disk)?;
    assert_eq!(db.snapshot()?.stores()?, []);
    audit(&db)?;
    let tx = db.begin()?;
    tx.create_store("s", &StoreOptions::default())?.add("key", "value")?;
    tx.commit()?;
    drop(db);
    let db = open(&Arc::new(disk.cut_now(Survival::Nothing)))?;
    assert!(!db.recovery().created);
    assert!(db.snapshot()?.store("s")?.contains("key")?);
    audit(&db)
}

#[test]
fn a_creation_that_was_interrupted_at_any_call_is_begun_again() {
    for calls in 0.. {
        let disk = Arc::new(SimulatedDisk::new());
        disk.faults().from(calls, Fault::Ended);
        if open(&disk).is_ok() {
            assert!(calls > 15, "there is a lot that can be interrupted");
            return;
        }
        super::for_seeds(0..=15, |seed| {
            let survival = match seed {
                0 => Survival::Nothing,
                1 => Survival::Everything,
                _ => Survival::Random(seed),
            };
            assert_usable(&Arc::new(disk.cut_now(survival)))
        });
        disk.faults().clear();
        let outcome = assert_usable(&disk);
        assert!(outcome.is_ok(), "stopped after {calls} calls: {outcome:?}");
    }
}
