//! Transactions over several databases beside those of one, see [`sop_tests::beyond`].

use std::sync::{Arc, atomic::Ordering};

use sop_core::{ClientDisk, Database, Mode, Options, Result, SimulatedDisk};
use sop_tests::{
    Outcome, Seed,
    beyond::{Tally, Workload, inexplicable, record},
    effort, tally,
};

/// Judges so many histories of so many transactions of each thread.
fn judge(
    histories: u64,
    transactions: u64,
    members: impl Fn(usize) -> Result<Vec<Vec<Database>>>,
) -> Outcome {
    let (seed, sum) = (Seed::new(61), Tally::default());
    for number in 0..histories * effort() {
        let members = members(2 + usize::try_from(number % 2)?)?;
        let workload = Workload { seed: seed.at(number), threads: 6, transactions };
        let history = record(&members, workload, &sum)?;
        let anomalies = inexplicable(&history);
        assert!(anomalies.is_empty(), "history {number}: {anomalies:#?}");
    }
    let counts = [&sum.global, &sum.dropped, &sum.rolled_back, &sum.kept_off];
    let counts = counts.map(|count| count.load(Ordering::Relaxed));
    println!("{counts:?}: committed, dropped, rolled back by others, kept off");
    assert!(counts.iter().all(|count| *count > 5), "too tame: {sum:?}");
    tally(counts[0], "transactions over several databases in checked histories");
    Ok(())
}

#[test]
fn transactions_over_several_databases_are_serializable() -> Outcome {
    judge(4, 600, |databases| {
        let open = |_| Database::builder().in_memory();
        Ok(vec![(0..databases).map(open).collect::<Result<_>>()?])
    })
}

#[test]
fn they_are_so_too_in_folders_that_processes_share() -> Outcome {
    judge(4, 600, |databases| {
        let servers: Vec<_> = (0..databases).map(|_| SimulatedDisk::new()).collect();
        let open = |server: &SimulatedDisk| {
            let disk = Arc::new(ClientDisk::new(Arc::new(server.clone())));
            Database::builder()
                .options(Options::default().mode(Mode::Shared))
                .disk(disk)
                .open("/db")
        };
        let member = |_| servers.iter().map(open).collect::<Result<Vec<_>>>();
        (0..2).map(member).collect()
    })
}
