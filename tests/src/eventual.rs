//! Commits that are acknowledged before they are durable, and a power loss.
//!
//! Such commits may be lost, but only from the end, and not what a sync has made durable. What is
//! lost is lost for good: who does a part of it again gets that part and no more, although the
//! disk may still hold what followed, written by the same hand in the same words.

use std::sync::Arc;

use fastrand::Rng;
use sop_core::{Database, Durability, Result, StoreOptions, TransactionOptions};

use crate::{
    Outcome, assert_sound,
    full::numbers,
    power::{PowerDisk, Survival},
    trial::{Failing, failing_disk, open},
};

/// How many commits there are.
const COMMITS: u64 = 40;

/// How often the power goes.
const LOSSES: u32 = 4;

/// Commits until the power goes, at some call of the disk, and judges what is left; then does what
/// was lost again until the power goes again.
///
/// # Errors
/// If the database cannot be opened afterwards.
///
/// # Panics
/// If more than the end is lost, or something comes back.
pub fn lose_power(random: &mut Rng) -> Outcome {
    let mut disk = PowerDisk::default();
    let mut begun = 0;
    for loss in 0..LOSSES {
        let end = if loss == 0 { random.u64(60..400) } else { random.u64(..100) };
        let (ending, _) = failing_disk(Arc::new(disk.clone()), Failing::From(end));
        let synced = match open(ending) {
            Ok(db) => go_on(&db, begun)?,
            Err(_) => begun,
        };
        disk = disk.after_power_loss(&mut Survival::Random(Rng::with_seed(random.u64(..))));
        let db = open(Arc::new(disk.clone()))?;
        assert_sound(&db);
        let found = numbers(&db)?;
        assert!(found.iter().copied().eq(1..=found.len() as u64), "a gap in {found:?}");
        assert!(found.len() as u64 >= synced, "{synced} were synced of {found:?}");
        begun = found.len() as u64;
    }
    Ok(())
}

/// Adds what follows `begun` until the disk fails. Gives up to where all is durable.
fn go_on(db: &Database, begun: u64) -> Result<u64> {
    let found = numbers(db)?;
    assert_eq!(found.len() as u64, begun, "what was lost has come back");
    let mut synced = begun;
    for n in begun + 1..=COMMITS {
        if add(db, n).is_err() {
            break;
        }
        if n % 8 == 0 && db.sync().is_ok() {
            synced = n;
        }
    }
    Ok(synced)
}

fn add(db: &Database, n: u64) -> Result<()> {
    let options = TransactionOptions::default().durability(Durability::Eventual);
    let transaction = db.begin_with(options)?;
    let store = transaction.open_store("s", &StoreOptions::default())?;
    store.add(n.to_be_bytes(), vec![b'v'; 900])?;
    transaction.commit().map(drop)
}
