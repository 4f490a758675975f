//! Transactions conflict where they must and nowhere else.

use sop_core::Isolation;
use sop_tests::{Home, Outcome, Seed, merge_model::Run, on_every_disk};

on_every_disk!(
    serializable_transactions_conflict_exactly_where_they_must,
    transactions_under_snapshot_isolation_conflict_exactly_where_they_must,
);

const TRANSACTIONS: usize = 4_000;

fn serializable_transactions_conflict_exactly_where_they_must(home: &Home) -> Outcome {
    let run = Run::new(home, Isolation::Serializable)?;
    run.transactions(Seed::new(51).stream(0), TRANSACTIONS)
}

fn transactions_under_snapshot_isolation_conflict_exactly_where_they_must(home: &Home) -> Outcome {
    let run = Run::new(home, Isolation::Snapshot)?;
    run.transactions(Seed::new(52).stream(0), TRANSACTIONS)
}
