//! The power goes at every call that the disk gets, and again while the database recovers.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::Arc,
};

use sop_core::{Background, Database, Options, Result, SimulatedDisk, StoreOptions, Survival};
use sop_tests::{
    Context, Outcome, Seed, assert_sound, effort, eventual, tally,
    workload::{Run, Script, cut_at, life, moments},
    write,
};

const RECOVERED: &str = "recovered states after a power cut";

/// The outcomes of a power cut that are tried at each call: both extremes, and some at random.
fn outcomes(random: u64, mut seed: impl FnMut() -> u64) -> Vec<Survival> {
    let random = (0..random).map(|_| Survival::Random(seed()));
    [Survival::Nothing, Survival::Everything].into_iter().chain(random).collect()
}

/// Cuts the power at every moment of a life.
fn sweep(run: &Run, random: u64, seed: Seed) -> Outcome {
    let mut seeds = seed.stream(1);
    let mut count = 0;
    for call in moments(run.disk()) {
        let outcomes = outcomes(random, || seeds.u64(..));
        count += outcomes.len() as u64;
        cut_at(run, call, outcomes)?;
    }
    tally(count, RECOVERED);
    Ok(())
}

#[test]
fn power_loss_at_any_call_loses_no_acknowledged_commit() -> Outcome {
    let seed = Seed::new(41);
    let run = life(8, Background::Manual, seed);
    assert!(run.merged() > 0, "commits were merged");
    sweep(&run, 4 * effort(), seed)
}

/// Lives after one of which the background must have written a checkpoint.
const LIVES_MAX: usize = 100;

#[test]
fn power_loss_beside_checkpoints_in_the_background_loses_no_acknowledged_commit() -> Outcome {
    let seed = Seed::new(45);
    let alone = life(4, Background::Manual, seed);
    // Whether the background gets its turn in so short a life is up to the machine.
    let mut lives = (0..LIVES_MAX).map(|_| life(4, Background::Threads, seed));
    let busy = lives.find(|busy| busy.checkpoints() > alone.checkpoints());
    sweep(&busy.expect("the background writes checkpoints"), effort(), seed)
}

/// What proves that the others could fail.
#[test]
fn the_sweep_notices_a_disk_that_only_says_that_it_synced() {
    let mut run = Run::new(SimulatedDisk::lying(), Background::Manual, true);
    run.perform(&Script::new(1, Seed::new(41)).steps);
    run.close();
    let left = run.disk().cut_now(Survival::Nothing);
    let judged = panic::catch_unwind(AssertUnwindSafe(|| run.left(u64::MAX).judge(&left)));
    assert!(!matches!(judged, Ok(Ok(()))), "acknowledged commits are gone, and nobody notices");
}

#[test]
fn power_loss_during_recovery_loses_no_acknowledged_commit() -> Outcome {
    let seed = Seed::new(42);
    let run = life(2, Background::Manual, seed);
    let moments = moments(run.disk());
    let mut random = seed.stream(2);
    let cuts = 500 * effort();
    for _ in 0..cuts {
        let first = moments[random.usize(..moments.len())];
        let disk = run.disk().cut(first, Survival::Random(random.u64(..)));
        drop(open(Arc::new(disk.clone()))?);
        // Whatever recovery has written by now may be lost or torn as well.
        let second = random.u64(..=disk.faults().calls());
        let left = disk.cut(second, Survival::Random(random.u64(..)));
        let _context = Context(format!("power cuts before calls {first} and then {second}"));
        let judged = run.left(first).judge(&left);
        judged.map_err(|f| format!("power lost at calls {first} and then {second}: {f:?}"))?;
    }
    tally(cuts, RECOVERED);
    Ok(())
}

fn open(disk: Arc<SimulatedDisk>) -> Result<Database> {
    let options = Options::default()
        .log_file_bytes(64 << 10)
        .checkpoint_dirty_bytes(64 << 10)
        .checkpoint_log_bytes(128 << 10);
    Database::builder().disk(disk).options(options).open("db")
}

#[test]
fn power_loss_takes_eventual_commits_from_the_end_only_and_for_good() -> Outcome {
    let mut random = Seed::new(43).stream(0);
    (0..400 * effort()).try_for_each(|_| eventual::lose_power(&mut random))?;
    tally(400 * effort() * eventual::CUTS, RECOVERED);
    Ok(())
}

/// Rows of the large transaction.
const LARGE_ROWS: u64 = 70;

/// A transaction too large for the log is there as a whole or not at all, like any other.
#[test]
fn power_loss_leaves_transactions_too_large_for_the_log_whole() -> Outcome {
    let mut random = Seed::new(44).stream(0);
    let disk = SimulatedDisk::new();
    let db = open(Arc::new(disk.clone()))?;
    // From how many calls on there must be so many rows: one, then all of the large transaction,
    // then one more.
    let mut states = vec![(0, 0)];
    for rows in [0..1, 1..1 + LARGE_ROWS, 1 + LARGE_ROWS..2 + LARGE_ROWS] {
        write(&db, |transaction| {
            let store = transaction.open_store("s", &StoreOptions::default())?;
            rows.clone().try_for_each(|row| store.add(row.to_be_bytes(), vec![b'v'; 100_000]))
        })?;
        states.push((disk.faults().calls(), rows.end));
    }
    db.close()?;
    let mut count = 0;
    for call in moments(&disk) {
        for survival in outcomes(1, || random.u64(..)) {
            let db = open(Arc::new(disk.cut(call, survival)))?;
            assert_sound(&db);
            let snapshot = db.snapshot()?;
            let found = match snapshot.store("s") {
                Ok(store) => store.len()?,
                Err(_) => 0,
            };
            let state = states.iter().find(|(_, rows)| *rows == found);
            let promised = states.iter().rev().find(|(calls, _)| *calls <= call);
            let promised = promised.map_or(0, |(_, rows)| *rows);
            assert!(
                state.is_some() && found >= promised,
                "{promised} rows were acknowledged, {found} are there, at {call}, {survival:?}"
            );
            count += 1;
        }
    }
    tally(count, RECOVERED);
    Ok(())
}
