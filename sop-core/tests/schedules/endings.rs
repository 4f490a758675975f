//! Closing, dropping and failing, while others are in the middle of something.

use std::sync::Arc;

use shuttle::future::block_on;
use sop_core::{Commit, Database, Durability, Error, Result, TransactionOptions};

use super::{
    explore::explore,
    setting::{Contents, STORE, Setting, beside, contents, joined, put, writing},
};

/// Commits one key after another until that fails; the keys that were committed, and the failure.
fn put_until_refused(db: &Database, name: &'static str) -> (Vec<String>, Option<Error>) {
    let mut done = Vec::new();
    for number in 0..3 {
        let key = format!("{name}{number}");
        match put(db, &key, 1) {
            Ok(_) => done.push(key),
            Err(error) => return (done, Some(error)),
        }
    }
    (done, None)
}

fn keys(held: &Contents) -> Vec<String> {
    held.keys().cloned().collect()
}

#[test]
fn commits_beside_a_close_are_in_the_database_or_told_that_it_is_closed() {
    explore(6_000, || {
        let setting = Setting::new(&[]);
        let threads =
            ["a", "b"].map(|name| beside(&setting.db, move |db| put_until_refused(db, name)));
        setting.db.clone().close().expect("a last checkpoint");
        let mut acknowledged = Vec::new();
        for (done, refused) in threads.map(joined) {
            acknowledged.extend(done);
            assert!(matches!(refused, None | Some(Error::Closed)), "{refused:?}");
        }
        assert_eq!(keys(&setting.reopened()), acknowledged);
    });
}

#[test]
fn of_two_who_close_one_does_and_checkpoints_and_readers_meet_no_ruin() {
    explore(6_000, || {
        let setting = Setting::new(&["k"]);
        put(&setting.db, "k", 1).expect("a commit");
        let held = setting.db.snapshot().expect("an open database");
        let checkpoint = beside(&setting.db, Database::checkpoint);
        let closes = [(); 2].map(|()| beside(&setting.db, |db| db.clone().close()));
        let reader = beside(&setting.db, |db| match db.snapshot() {
            Ok(snapshot) => assert_eq!(contents(&snapshot)["k"], 1),
            Err(error) => assert!(matches!(error, Error::Closed), "{error}"),
        });
        assert_eq!(contents(&held)["k"], 1);
        let closed: Vec<Result<()>> = closes.into_iter().map(joined).collect();
        assert_eq!(closed.iter().filter(|outcome| outcome.is_ok()).count(), 1, "{closed:?}");
        let checkpoint = joined(checkpoint);
        assert!(matches!(checkpoint, Ok(()) | Err(Error::Closed)), "{checkpoint:?}");
        joined(reader);
        assert_eq!(contents(&held)["k"], 1);
        assert_eq!(setting.reopened()["k"], 1);
    });
}

#[test]
fn whoever_drops_the_last_handle_leaves_everything_durable() {
    explore(6_000, || {
        let setting = Setting::new(&["k"]);
        let held = setting.db.snapshot().expect("an open database");
        let (log, synced) = (Arc::clone(&setting.log), setting.log.synced());
        let lax = TransactionOptions::default().durability(Durability::Eventual);
        let threads = ["a", "b"].map(|key| {
            beside(&setting.db, move |db| {
                let tx = db.begin_with(lax)?;
                tx.store(STORE)?.upsert(key, [1])?;
                tx.commit()
            })
        });
        let checkpoint = beside(&setting.db, Database::checkpoint);
        // The last handle goes with any of the threads, or here.
        let folder = setting.let_go();
        for commit in threads.map(joined) {
            commit.expect("a commit");
        }
        joined(checkpoint).expect("a checkpoint");
        assert!(log.synced() > synced, "nobody made the last commits durable");
        assert_eq!(keys(&folder.opened()), ["a", "b", "k"]);
        assert_eq!(keys(&contents(&held)), ["k"]);
    });
}

/// Whether a commit may have ended so, once the disk has failed.
fn assert_told(outcome: &Result<Commit>) {
    let told = matches!(outcome, Ok(_) | Err(Error::CommitUnknown { .. } | Error::Poisoned { .. }));
    assert!(told, "{outcome:?}");
}

#[test]
fn when_a_sync_fails_everybody_is_told_and_readers_keep_what_is_durable() {
    explore(4_000, || {
        let setting = Setting::new(&[]);
        setting.log.fail_after(1);
        let threads = ["a", "b", "c"].map(|name| {
            beside(&setting.db, move |db| {
                let outcomes = ["1", "2"].map(|number| put(db, &format!("{name}{number}"), 1));
                outcomes.iter().for_each(assert_told);
                let acknowledged = outcomes.iter().zip(["1", "2"]).filter(|(told, _)| told.is_ok());
                acknowledged.map(|(_, number)| format!("{name}{number}")).collect::<Vec<_>>()
            })
        });
        let acknowledged: Vec<_> = threads.into_iter().flat_map(joined).collect();
        assert!(setting.db.stats().poisoned);
        assert_eq!(keys(&contents(&setting.db.snapshot().expect("a state"))), acknowledged);
        let late = put(&setting.db, "late", 1);
        assert!(matches!(late, Err(Error::Poisoned { .. })), "{late:?}");
        let found = keys(&setting.reopened());
        assert!(acknowledged.iter().all(|key| found.contains(key)), "{acknowledged:?}, {found:?}");
    });
}

#[test]
fn a_sync_that_fails_beside_a_checkpoint_a_future_and_a_close_leaves_nobody_waiting() {
    explore(4_000, || {
        let setting = Setting::new(&[]);
        setting.log.fail_after(0);
        let waiting = beside(&setting.db, |db| put(db, "a", 1));
        let awaiting = beside(&setting.db, |db| block_on(writing(db, "b", 1)?.commit_async()));
        let checkpoint = beside(&setting.db, Database::checkpoint);
        let closing = beside(&setting.db, |db| db.clone().close());
        for outcome in [waiting, awaiting].map(joined) {
            let told = matches!(
                outcome,
                Err(Error::CommitUnknown { .. } | Error::Poisoned { .. } | Error::Closed)
            );
            assert!(told, "{outcome:?}");
        }
        // Both may come before the failure.
        drop(joined(checkpoint));
        drop(joined(closing));
    });
}
