//! Random transactions on real threads, judged afterwards by the dependencies between them.

use std::{io::ErrorKind, sync::Arc, time::Duration};

use sop_core::{Database, Durability, Fault, FaultyDisk, MemoryDisk, Options};
use sop_tests::{
    Home, Outcome, Seed, assert_sound, effort,
    history::{self, Anomaly, CycleKind, Fate, History, Isolation, Recorder, Workload, record},
    on_every_disk, tally,
};

on_every_disk!(
    transactions_are_strictly_serializable,
    snapshots_allow_write_skew_and_nothing_worse,
    serializable_transactions_stay_so_beside_others_on_snapshots,
);

/// Judges so many histories. Each is of a database that was not there before, with nodes and
/// checkpoints as small as they can be.
fn judge_histories(home: &Home, isolations: &[Isolation], judge: impl Fn(&History)) -> Outcome {
    let seed = Seed::new(31);
    // Syncs of the real disk take as long as many transactions.
    let (histories, transactions, immediate_every) =
        if home.is_in_memory() { (6, 14_000, 3) } else { (3, 10_000, 100) };
    for number in 0..histories * effort() {
        let home = home.beside(number);
        let db = open(&home)?;
        let threads = seed.stream(number).usize(4..=16);
        let workload = Workload {
            seed: seed.at(number),
            threads,
            transactions: transactions / threads as u64,
            isolations: isolations.to_vec(),
            durabilities: durabilities(immediate_every),
        };
        let history = record(&db, &workload)?;
        assert_sound(&db);
        let committed = history.committed();
        assert!(committed > transactions / 4, "nearly nothing commits: {committed}");
        judge(&history);
        tally(committed, "transactions in checked histories");
    }
    Ok(())
}

fn durabilities(immediate_every: usize) -> Vec<Durability> {
    let others = [Durability::Eventual, Durability::Interval(Duration::from_millis(2))];
    let others = others.into_iter().cycle().take(immediate_every - 1);
    others.chain([Durability::Immediate]).collect()
}

fn open(home: &Home) -> Outcome<Database> {
    let mut options = Options::default();
    options.checkpoint_dirty_bytes = 256 << 10;
    options.checkpoint_log_bytes = 512 << 10;
    options.log_file_bytes = 128 << 10;
    Ok(home.open_with(options)?)
}

fn transactions_are_strictly_serializable(home: &Home) -> Outcome {
    judge_histories(home, &[Isolation::Serializable], |history| {
        assert_none(&history::check(history));
    })
}

fn snapshots_allow_write_skew_and_nothing_worse(home: &Home) -> Outcome {
    judge_histories(home, &[Isolation::Snapshot], |history| {
        assert_none(&history::forbidden(history));
        assert_eq!(kinds(history), [Some(CycleKind::G2)], "no write skew, or more than that");
    })
}

/// What those on snapshots miss may be missing from what others see, but a transaction that asks
/// for it reads what it still finds when it commits. So every cycle has one on a snapshot that both
/// overwrites and is overwritten.
fn serializable_transactions_stay_so_beside_others_on_snapshots(home: &Home) -> Outcome {
    judge_histories(home, &[Isolation::Serializable, Isolation::Snapshot], |history| {
        assert_none(&history::forbidden(history));
        assert_eq!(kinds(history), [Some(CycleKind::G2)], "no write skew, or more than that");
    })
}

#[track_caller]
fn assert_none(anomalies: &[Anomaly]) {
    let words: Vec<_> = anomalies.iter().map(Anomaly::to_string).collect();
    assert!(words.is_empty(), "{}", words.join("\n"));
}

fn kinds(history: &History) -> Vec<Option<CycleKind>> {
    history::check(history).iter().map(Anomaly::cycle).collect()
}

/// How often the disk fails and the database is opened again, in one history.
const FAILURES: u64 = 20;

#[test]
fn commits_of_unknown_outcome_took_effect_as_a_whole_or_never() -> Outcome {
    for number in 0..4 * effort() {
        let seed = Seed::new(37).at(number);
        let mut random = seed.stream(0);
        let disk = FaultyDisk::new(Arc::new(MemoryDisk::default()));
        let faults = disk.faults().clone();
        let home = Home::on(Arc::new(disk));
        let recorder = Recorder::default();
        let mut history = History::default();
        for _ in 0..FAILURES {
            let db = open(&home)?;
            faults.once(faults.calls() + random.u64(..300), Fault::Error(ErrorKind::Other));
            let workload = Workload {
                seed,
                threads: 8,
                transactions: 100,
                isolations: vec![Isolation::Serializable],
                durabilities: durabilities(3),
            };
            history.transactions.extend(recorder.run(&db, &workload)?);
            faults.clear();
        }
        let db = open(&home)?;
        history.transactions.push(recorder.read_all(&db)?);
        let unknown = history.transactions.iter().filter(|t| t.fate == Fate::Unknown).count();
        assert!(unknown > 10, "the disk fails, but only {unknown} outcomes are unknown");
        assert_none(&history::check(&history));
        tally(history.committed(), "transactions in checked histories");
    }
    Ok(())
}
