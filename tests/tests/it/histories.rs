//! Random transactions from many threads, judged afterwards by the dependencies between them.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicU64, Ordering},
    thread,
};

use fastrand::Rng;
use sop_core::{
    Database, Isolation, Kind, Result, Store, StoreOptions, StoreView, Transaction,
    TransactionOptions,
};
use sop_tests::{
    Home, Outcome, Seed,
    history::{Dependencies, Observed},
    on_every_disk, together, write,
};

on_every_disk!(
    random_histories_are_serializable,
    random_histories_show_no_more_than_snapshot_isolation_allows
);

const THREADS: usize = 6;
const TRANSACTIONS_PER_THREAD: usize = 300;
const LISTS: usize = 6;
const STEPS_MAX: usize = 5;

fn random_histories_are_serializable(home: &Home) -> Outcome {
    let dependencies = run(home, Isolation::Serializable)?;
    assert_eq!(dependencies.cycles(), BTreeSet::new());
    Ok(())
}

fn random_histories_show_no_more_than_snapshot_isolation_allows(home: &Home) -> Outcome {
    let dependencies = run(home, Isolation::Snapshot)?;
    assert_eq!(dependencies.cycles_under_snapshot_isolation(), BTreeSet::new());
    Ok(())
}

fn run(home: &Home, isolation: Isolation) -> Outcome<Dependencies> {
    let db = home.open()?;
    write(&db, |transaction| {
        transaction.create_store("lists", &StoreOptions::default().node_size(1_024)).map(drop)
    })?;
    let seed = Seed::new(31);
    let next_id = AtomicU64::new(1);
    let histories = together(THREADS, |thread| {
        let mut random = seed.stream(thread as u64);
        let mut committed = Vec::new();
        for _ in 0..TRANSACTIONS_PER_THREAD {
            let id = next_id.fetch_add(1, Ordering::SeqCst);
            committed.extend(transaction(&db, isolation, id, &mut random)?);
        }
        Ok(committed)
    })?;
    let snapshot = db.snapshot()?;
    let lists = read_all(snapshot.store("lists")?)?;
    let history = histories.concat();
    assert!(history.len() > THREADS * TRANSACTIONS_PER_THREAD / 10, "nearly nothing commits");
    Ok(Dependencies::of(&history, &lists)?)
}

/// What a transaction of random reads and appends did. `None` if it lost by a conflict.
fn transaction(
    db: &Database,
    isolation: Isolation,
    id: u64,
    random: &mut Rng,
) -> Result<Option<Observed>> {
    let transaction = db.begin_with(TransactionOptions::default().isolation(isolation))?;
    let mut observed = Observed { id, reads: Vec::new(), appends: BTreeSet::new() };
    for _ in 0..random.usize(1..=STEPS_MAX) {
        step(&transaction, &mut observed, random)?;
        thread::yield_now();
    }
    if random.u8(..10) == 0 {
        transaction.rollback();
        return Ok(None);
    }
    match transaction.commit() {
        Ok(_) => Ok(Some(observed)),
        Err(error) if error.kind() == Kind::Conflict => Ok(None),
        Err(error) => Err(error),
    }
}

fn step(transaction: &Transaction, observed: &mut Observed, random: &mut Rng) -> Result<()> {
    let store = transaction.store("lists")?;
    let which = random.usize(..LISTS);
    match random.u8(..10) {
        0..5 => append(store, which, observed),
        5..8 => {
            note_read(observed, which, read(*store, which)?);
            Ok(())
        }
        _ => {
            let lists = read_all(*store)?.into_iter().enumerate();
            lists.for_each(|(which, list)| note_read(observed, which, list));
            Ok(())
        }
    }
}

fn append(store: Store<'_>, which: usize, observed: &mut Observed) -> Result<()> {
    let mut list = read(*store, which)?;
    note_read(observed, which, list.clone());
    if observed.appends.insert(which) {
        list.push(observed.id);
    }
    let bytes: Vec<u8> = list.iter().flat_map(|id| id.to_be_bytes()).collect();
    store.upsert(key(which), bytes)
}

/// Notes what was read, less what the transaction has appended itself.
fn note_read(observed: &mut Observed, which: usize, mut list: Vec<u64>) {
    if list.last() == Some(&observed.id) {
        list.pop();
    }
    observed.reads.push((which, list));
}

fn read(store: StoreView<'_>, which: usize) -> Result<Vec<u64>> {
    Ok(store.find(key(which))?.map_or_else(Vec::new, |bytes| ids(&bytes)))
}

fn key(which: usize) -> [u8; 8] {
    which.to_be_bytes()
}

/// All lists by one scan; those that do not exist yet are empty.
fn read_all(store: StoreView<'_>) -> Result<Vec<Vec<u64>>> {
    let mut lists = vec![Vec::new(); LISTS];
    for entry in store.iter()? {
        let (key, bytes) = entry?;
        lists[usize::from(key[7])] = ids(&bytes);
    }
    Ok(lists)
}

fn ids(bytes: &[u8]) -> Vec<u64> {
    let id = |chunk: &[u8]| u64::from_be_bytes(chunk.try_into().expect("ids have eight bytes"));
    bytes.chunks_exact(8).map(id).collect()
}
