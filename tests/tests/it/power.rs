//! The power goes at every call that the disk gets, and again while the database recovers.

use std::{
    panic::{self, AssertUnwindSafe},
    sync::Arc,
};

use sop_core::{
    Background, Database, Durability, Options, Result, SimulatedDisk, StoreOptions, Survival,
    TransactionOptions,
};
use sop_tests::{
    Context, Outcome, Seed, assert_sound, effort, rows, tally,
    workload::{Run, Script},
    write,
};

const RECOVERED: &str = "recovered states after a power cut";

/// The outcomes of a power cut that are tried at each call: both extremes, and some at random.
fn outcomes(random: u64, mut seed: impl FnMut() -> u64) -> Vec<Survival> {
    let random = (0..random).map(|_| Survival::Random(seed()));
    [Survival::Nothing, Survival::Everything].into_iter().chain(random).collect()
}

/// The moments of a disk that differ in what a power cut can leave: before each change, and after
/// the last.
fn moments(disk: &SimulatedDisk) -> Vec<u64> {
    disk.changes().into_iter().chain([disk.faults().calls()]).collect()
}

/// A whole life of a database in which nothing goes wrong.
fn life(rounds: u64, background: Background, seed: Seed) -> Run {
    let mut run = Run::new(SimulatedDisk::new(), background, true);
    run.perform(&Script::new(rounds, seed).steps);
    run.close();
    run
}

/// Cuts the power at every moment of a life.
fn sweep(run: &Run, random: u64, seed: Seed) -> Outcome {
    let mut seeds = seed.stream(1);
    let mut count = 0;
    for call in moments(run.disk()) {
        for survival in outcomes(random, || seeds.u64(..)) {
            let _context = Context(format!("a power cut before call {call}, {survival:?}"));
            let judged = run.left(call).judge(&run.disk().cut(call, survival));
            judged.map_err(|failure| format!("call {call}, {survival:?}: {failure:?}"))?;
            count += 1;
        }
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

#[test]
fn power_loss_beside_checkpoints_in_the_background_loses_no_acknowledged_commit() -> Outcome {
    let seed = Seed::new(45);
    let (alone, busy) = (life(4, Background::Manual, seed), life(4, Background::Threads, seed));
    assert!(busy.checkpoints() > alone.checkpoints(), "the background wrote checkpoints");
    sweep(&busy, effort(), seed)
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

/// What is acknowledged before it is durable may be lost, but only from the end, and not what a
/// sync has made durable.
#[test]
fn power_loss_leaves_eventual_commits_in_order_and_all_that_were_synced() -> Outcome {
    let mut random = Seed::new(43).stream(0);
    let disk = SimulatedDisk::new();
    let db = open(Arc::new(disk.clone()))?;
    // Numbers of commits, and from how many calls on they are synced.
    let mut synced = vec![(0, 0)];
    for n in 1..=40_u64 {
        add_eventually(&db, n)?;
        if n % 8 == 0 {
            db.sync()?;
            synced.push((disk.faults().calls(), n));
        }
    }
    let mut count = 0;
    for call in moments(&disk) {
        for survival in outcomes(4 * effort(), || random.u64(..)) {
            let db = open(Arc::new(disk.cut(call, survival)))?;
            assert_sound(&db);
            let found = match db.snapshot()?.store("s") {
                Ok(store) => rows(store)?.into_keys().collect(),
                Err(_) => Vec::new(),
            };
            let in_order = (1..).map(|n: u64| n.to_be_bytes().to_vec()).take(found.len());
            assert!(found.iter().cloned().eq(in_order), "a gap, at {call}, {survival:?}");
            let promised = synced.iter().rev().find(|(calls, _)| *calls <= call);
            let promised = promised.map_or(0, |(_, n)| *n);
            assert!(found.len() as u64 >= promised, "{promised} were synced of {}", found.len());
            count += 1;
        }
    }
    tally(count, RECOVERED);
    Ok(())
}

fn add_eventually(db: &Database, n: u64) -> Result<()> {
    let options = TransactionOptions::default().durability(Durability::Eventual);
    let transaction = db.begin_with(options)?;
    let store = transaction.open_store("s", &StoreOptions::default())?;
    store.add(n.to_be_bytes(), vec![b'v'; 900])?;
    transaction.commit().map(drop)
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
