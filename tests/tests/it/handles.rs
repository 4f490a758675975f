//! Handles, transactions and snapshots in every order of their ends.

use std::{
    future::Future,
    panic::{self, AssertUnwindSafe},
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use sop_core::{
    Commit, Database, Durability, Error, Kind, Mode, Options, Result, StoreOptions,
    TransactionOptions,
};
use sop_tests::{
    Home, Outcome, assert_nothing_held, assert_sound, on_every_disk, rows, together, write,
};

on_every_disk!(
    after_closing_every_call_says_so,
    a_closed_database_can_be_opened_again_while_old_handles_live,
    a_transaction_dropped_on_another_thread_is_rolled_back,
    threads_share_one_transaction,
    a_panic_in_a_transaction_rolls_it_back,
    futures_of_commits_go_on_by_themselves_once_polled,
    eventual_commits_are_durable_after_a_sync,
    a_database_without_checks_is_read_only,
);

fn with_store(home: &Home) -> Outcome<Database> {
    let db = home.open()?;
    write(&db, |transaction| transaction.create_store("s", &StoreOptions::default()).map(drop))?;
    Ok(db)
}

fn len(db: &Database) -> Result<u64> {
    db.snapshot()?.store("s")?.len()
}

fn after_closing_every_call_says_so(home: &Home) -> Outcome {
    let db = with_store(home)?;
    let handle = db.clone();
    let transaction = db.begin()?;
    transaction.store("s")?.add("k", "v")?;
    db.close()?;
    let calls: [fn(&Database) -> Result<()>; 6] = [
        |db| db.begin().map(drop),
        |db| db.snapshot().map(drop),
        Database::checkpoint,
        Database::compact,
        Database::sync,
        |db| db.check().map(drop),
    ];
    for call in calls {
        assert!(matches!(call(&handle), Err(Error::Closed)));
    }
    assert!(matches!(transaction.commit(), Err(Error::Closed)));
    assert!(matches!(handle.close(), Err(Error::Closed)));
    assert_eq!(len(&home.open()?)?, 0, "the open transaction was rolled back");
    Ok(())
}

fn a_closed_database_can_be_opened_again_while_old_handles_live(home: &Home) -> Outcome {
    let db = with_store(home)?;
    let handle = db.clone();
    write(&db, |transaction| transaction.store("s")?.add("k", "v"))?;
    db.close()?;
    let again = home.open()?;
    assert_eq!(len(&again)?, 1);
    assert!(matches!(handle.begin(), Err(Error::Closed)));
    drop(handle);
    write(&again, |transaction| transaction.store("s")?.add("l", "w"))?;
    Ok(())
}

fn a_transaction_dropped_on_another_thread_is_rolled_back(home: &Home) -> Outcome {
    let db = with_store(home)?;
    let transaction = db.begin()?;
    transaction.store("s")?.add("k", "v")?;
    let snapshot = db.snapshot()?;
    std::thread::scope(|scope| {
        scope.spawn(move || drop((transaction, snapshot)));
    });
    assert_eq!(len(&db)?, 0);
    assert_nothing_held(&db);
    write(&db, |transaction| transaction.store("s")?.add("k", "w"))?;
    Ok(())
}

fn threads_share_one_transaction(home: &Home) -> Outcome {
    let db = with_store(home)?;
    let transaction = db.begin()?;
    together(4, |thread| {
        let store = transaction.store("s")?;
        for n in 0..200 {
            store.add(format!("{thread}/{n}"), "")?;
            assert!(store.contains(format!("{thread}/{n}"))?);
        }
        Ok(())
    })?;
    transaction.commit()?;
    assert_eq!(len(&db)?, 800);
    assert_sound(&db);
    Ok(())
}

fn a_panic_in_a_transaction_rolls_it_back(home: &Home) -> Outcome {
    let db = with_store(home)?;
    let panics = |work: &dyn Fn(&sop_core::Transaction) -> Result<()>| {
        let result = panic::catch_unwind(AssertUnwindSafe(|| write(&db, work)));
        assert!(result.is_err(), "the panic goes on to the caller");
    };
    panics(&|transaction| {
        transaction.store("s")?.add("k", "v")?;
        panic!("a mistake of the program");
    });
    panics(&|transaction| {
        let entries = (0..1_000_u32).map(|n| (n.to_be_bytes(), "v"));
        let broken = entries.inspect(|(key, _)| assert!(*key < 500_u32.to_be_bytes(), "a mistake"));
        transaction.bulk_load("loaded", &StoreOptions::default(), broken).map(drop)
    });
    assert_eq!((len(&db)?, db.stats().stores), (0, 1));
    write(&db, |transaction| transaction.store("s")?.add("k", "w"))?;
    assert_sound(&db);
    drop(db);
    assert_eq!(len(&home.open()?)?, 1);
    Ok(())
}

fn futures_of_commits_go_on_by_themselves_once_polled(home: &Home) -> Outcome {
    let db = with_store(home)?;
    let begun = |key: &str| {
        let transaction = db.begin()?;
        transaction.store("s")?.add(key, "")?;
        Ok::<_, Error>(transaction)
    };
    let never_polled = begun("never polled")?.commit_async();
    drop(never_polled);
    assert_eq!(len(&db)?, 0, "nothing is submitted before the first poll");

    let first: Commit = pollster::block_on(begun("awaited")?.commit_async())?;
    let mut polled = Box::pin(begun("polled once")?.commit_async());
    let mut context = Context::from_waker(Waker::noop());
    let state = polled.as_mut().poll(&mut context);
    assert!(matches!(state, Poll::Pending | Poll::Ready(Ok(_))), "{state:?}");
    drop(polled);
    // A later commit is behind it in the log, so it is decided by now.
    let last = begun("after it")?.commit()?;
    assert!(last.position > first.position);
    assert!(db.snapshot()?.store("s")?.contains("polled once")?);

    // Futures that one thread polls in turn share batches, but none waits for another one.
    let mut futures = Vec::new();
    for n in 0..50 {
        futures.push(Box::pin(begun(&format!("of many {n}"))?.commit_async()));
    }
    for future in &mut futures {
        drop(future.as_mut().poll(&mut context));
    }
    drop(futures);
    begun("last of all")?.commit()?;
    assert_eq!(len(&db)?, 54);
    Ok(())
}

fn eventual_commits_are_durable_after_a_sync(home: &Home) -> Outcome {
    let db = with_store(home)?;
    let options = TransactionOptions::default().durability(Durability::Eventual);
    for n in 0..100_u32 {
        let transaction = db.begin_with(options)?;
        transaction.store("s")?.add(n.to_be_bytes(), "")?;
        transaction.commit()?;
    }
    assert_eq!(len(&db)?, 100, "they are visible at once");
    db.sync()?;
    let stats = db.stats();
    assert_eq!(stats.durable_position, stats.position);
    drop(db);
    assert_eq!(len(&home.open()?)?, 100);
    Ok(())
}

fn a_database_without_checks_is_read_only(home: &Home) -> Outcome {
    let db = with_store(home)?;
    write(&db, |transaction| transaction.store("s")?.add("k", "v"))?;
    db.close()?;
    let mut options = Options::default();
    options.mode = Mode::NoCheck;
    let db = home.open_with(options)?;
    assert_eq!(db.snapshot()?.store("s")?.find("k")?.as_deref(), Some(&b"v"[..]));
    let calls: [fn(&Database) -> Result<()>; 4] =
        [|db| db.begin().map(drop), Database::checkpoint, Database::compact, Database::sync];
    for call in calls {
        assert!(matches!(call(&db), Err(Error::ReadOnly)));
    }
    assert_sound(&db);
    Ok(())
}

/// Whoever is told that its commit is durable finds it again, and nobody else does.
#[test]
fn closing_among_commits_keeps_exactly_the_acknowledged_ones() -> Outcome {
    for round in 0..20 {
        let home = Home::on_disk();
        let db = with_store(&home)?;
        let committed = together(5, |thread| {
            if thread == 0 {
                // Not before the others have begun to commit.
                while db.stats().commits < 2 + round {
                    std::thread::yield_now();
                }
                db.clone().close()?;
                return Ok(Vec::new());
            }
            let mut acknowledged = Vec::new();
            for n in 0.. {
                let key = format!("{thread}/{n:06}");
                match write(&db, |transaction| transaction.store("s")?.add(&key, "")) {
                    Ok(_) => acknowledged.push(key.into_bytes()),
                    Err(error) => {
                        assert!(matches!(error, Error::Closed), "{error:?}");
                        break;
                    }
                }
            }
            Ok(acknowledged)
        })?;
        let found = rows(home.open()?.snapshot()?.store("s")?)?;
        assert!(found.into_keys().eq(committed.concat()), "in round {round}");
    }
    Ok(())
}

#[test]
fn commits_with_an_interval_become_durable_by_themselves() -> Outcome {
    let home = Home::on_disk();
    let db = with_store(&home)?;
    let interval = Durability::Interval(Duration::from_millis(1));
    let transaction = db.begin_with(TransactionOptions::default().durability(interval))?;
    transaction.store("s")?.add("k", "v")?;
    let position = transaction.commit()?.position;
    let is_durable = || db.stats().durable_position >= position;
    let mut tries = 0..100_000_000;
    while !is_durable() && tries.next().is_some() {
        std::thread::yield_now();
    }
    assert!(is_durable());
    Ok(())
}

#[test]
fn a_transaction_that_outlives_its_database_fails_or_commits_but_never_hangs() -> Outcome {
    let home = Home::on_disk();
    let db = with_store(&home)?;
    let transaction = db.begin()?;
    transaction.store("s")?.add("k", "v")?;
    let snapshot = db.snapshot()?;
    drop(db);
    let expected = match transaction.commit() {
        Ok(_) => 1,
        Err(error) => {
            assert_eq!(error.kind(), Kind::Reopen);
            0
        }
    };
    drop(snapshot);
    assert_eq!(len(&home.open()?)?, expected);
    Ok(())
}

#[test]
fn databases_in_memory_share_nothing_and_leave_nothing() -> Outcome {
    let (one, two) = (Database::builder().in_memory()?, Database::builder().in_memory()?);
    write(&one, |transaction| transaction.create_store("s", &StoreOptions::default()).map(drop))?;
    assert_eq!((one.stats().stores, two.stats().stores), (1, 0));
    one.checkpoint()?;
    assert_sound(&one);
    Ok(())
}

#[test]
fn a_future_that_is_awaited_later_gives_its_result() -> Outcome {
    let home = Home::in_memory();
    let db = with_store(&home)?;
    let transaction = db.begin()?;
    transaction.store("s")?.add("k", "v")?;
    let mut future = pin!(transaction.commit_async());
    let early = future.as_mut().poll(&mut Context::from_waker(Waker::noop()));
    write(&db, |transaction| transaction.store("s")?.add("l", "w"))?;
    if early.is_pending() {
        pollster::block_on(future)?;
    }
    assert_eq!(len(&db)?, 2);
    Ok(())
}
