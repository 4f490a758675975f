//! What a commit does where nothing goes wrong, and where somebody refuses.

use super::*;
use crate::{Durability, Isolation, TransactionOptions};

#[test]
fn all_databases_have_it_afterwards_and_nothing_is_left_over() {
    for count in 1..=4 {
        let dbs = databases(count);
        let manager = managing(&dbs).build();
        let commit = block_on(writing(&manager, &dbs, "k").commit()).unwrap();
        assert!(commit.home.is_some() && commit.untold.is_empty());
        let recovered = block_on(manager.recover(NOW));
        assert_eq!(recovered, Recovered::default());
        assert_eq!(holders(&dbs, "k"), vec![true; count]);
        assert_eq!(manager.outcome(&commit.gtid).unwrap(), None, "databases need no memory of it");
    }
}

#[test]
fn what_is_committed_is_there_after_the_databases_were_opened_anew() {
    let disk = Arc::new(MemoryDisk::default());
    let dbs = [open(&disk, "/a"), open(&disk, "/b")];
    let manager = managing(&dbs).build();
    block_on(writing(&manager, &dbs, "k").commit()).unwrap();
    drop((manager, dbs));
    let dbs = [open(&disk, "/a"), open(&disk, "/b")];
    let recovered = block_on(managing(&dbs).build().recover(NOW));
    assert_eq!(recovered.committed.len(), 1, "the end is written down lazily");
    assert_eq!(holders(&dbs, "k"), [true, true]);
}

#[test]
fn with_one_conflict_nothing_of_it_is_anywhere() {
    for at in 0..3 {
        let dbs = databases(3);
        let manager = managing(&dbs).build();
        let global = writing(&manager, &dbs, "k");
        let tx = dbs[at].begin().unwrap();
        write(&tx, "k", "other");
        tx.commit().unwrap();
        let outcome = block_on(global.commit());
        assert!(matches!(outcome, Err(Error::Conflict(_))), "{outcome:?}");
        let expected: Vec<_> = (0..3).map(|number| number == at).collect();
        assert_eq!(holders(&dbs, "k"), expected);
        assert_eq!(value(&dbs[at], "k").unwrap(), "other");
    }
}

#[test]
fn one_that_has_done_nothing_does_not_take_part() {
    let dbs = databases(3);
    let manager = managing(&dbs).build();
    // Only the home, only another one, and nobody at all.
    for writer in [Some(0), Some(2), None] {
        let mut global = manager.begin(&dbs[0]).unwrap();
        for db in &dbs[1..] {
            global.enlist(db).unwrap();
        }
        let positions = || dbs.iter().map(|db| db.snapshot().unwrap().position());
        let before: Vec<_> = positions().collect();
        if let Some(writer) = writer {
            write(global.enlist(&dbs[writer]).unwrap(), "k", "new");
        }
        let commit = block_on(global.commit()).unwrap();
        assert_eq!(commit.home.is_some(), writer != Some(2));
        let commits: Vec<_> = positions().zip(before).map(|(now, before)| now - before).collect();
        let expected: Vec<_> = (0..3).map(|at| u64::from(Some(at) == writer)).collect();
        assert_eq!(commits, expected, "one commit, in one phase");
    }
}

#[test]
fn one_that_was_only_read_is_held_until_it_is_decided() {
    for isolation in [Isolation::Serializable, Isolation::Snapshot] {
        let disk = Arc::new(MemoryDisk::default());
        let dbs = [manual(&disk, "/a"), manual(&disk, "/b")];
        let manager = managing(&dbs).build();
        let tx = dbs[1].begin().unwrap();
        write(&tx, "k", "old");
        run(tx.commit_async(), &dbs).unwrap();

        let mut global = manager.begin(&dbs[0]).unwrap();
        write(global.home(), "k", "new");
        let options = TransactionOptions::default().isolation(isolation);
        let tx = dbs[1].begin_with(options).unwrap();
        assert!(tx.store("s").unwrap().contains("k").unwrap());
        global.enlist_with(tx).unwrap();
        let mut commit = Box::pin(global.commit());
        assert!(run_for(commit.as_mut(), &dbs, 1).is_none());

        let tx = dbs[1].begin().unwrap();
        write(&tx, "k", "newer");
        let outcome = run(tx.commit_async(), &dbs);
        // The name of the store was read all the same.
        assert_eq!(dbs[1].prepared().unwrap().len(), 1);
        match (isolation, outcome) {
            (Isolation::Serializable, Err(Error::Conflict(conflict))) => {
                let holder: Gtid = conflict.prepared.unwrap().parse().unwrap();
                assert_eq!(dbs[1].in_doubt().unwrap()[0].gtid, holder);
            }
            (Isolation::Snapshot, Ok(_)) => {}
            other => panic!("{other:?}"),
        }
        assert!(run(commit, &dbs).is_ok());
    }
}

#[test]
fn what_is_decided_is_durable_whatever_the_transactions_asked_for() {
    let disk = Arc::new(crate::SimulatedDisk::new());
    let at = |disk: &Arc<crate::SimulatedDisk>, path: &str| {
        Database::builder().disk(Arc::clone(disk) as Arc<_>).open(path).unwrap()
    };
    let dbs = [at(&disk, "/a"), at(&disk, "/b")];
    let manager = managing(&dbs).build();
    let options = TransactionOptions::default().durability(Durability::Eventual);
    let mut global = manager.begin_with(dbs[0].begin_with(options).unwrap()).unwrap();
    write(global.home(), "k", "new");
    write(global.enlist_with(dbs[1].begin_with(options).unwrap()).unwrap(), "k", "new");
    block_on(global.commit()).unwrap();

    let left = Arc::new(disk.cut_now(crate::Survival::Nothing));
    let dbs = [at(&left, "/a"), at(&left, "/b")];
    block_on(managing(&dbs).build().recover(NOW));
    assert_eq!(holders(&dbs, "k"), [true, true]);
}

#[test]
fn participants_are_asked_and_told() {
    let dbs = databases(2);
    let (till, other) = (Till::new("till"), Till::new("other"));
    let manager = managing(&dbs).participant(till.clone()).unwrap();
    let manager = manager.participant(other.clone()).unwrap().build();
    for with_others in [true, false] {
        let mut global = if with_others {
            writing(&manager, &dbs, "k")
        } else {
            // The only one that does anything.
            manager.begin(&dbs[0]).unwrap()
        };
        till.begin(global.gtid());
        global.enlist_participant("till").unwrap();
        global.enlist_participant("till").unwrap();
        let commit = block_on(global.commit()).unwrap();
        assert_eq!(commit.home.is_some(), with_others);
        assert_eq!(till.committed.lock().last(), Some(&commit.gtid));
        assert!(other.committed.lock().is_empty());
        let outcome = manager.outcome(&commit.gtid).unwrap();
        assert_eq!(outcome, with_others.then_some(Outcome::Committed), "it may come back");
        assert_eq!(block_on(manager.recover(NOW)), Recovered::default());
    }
    assert_eq!(holders(&dbs, "k"), [true, true]);
}

#[test]
fn a_participant_that_only_reads_drops_out() {
    let dbs = databases(1);
    let till = Arc::new(Till { name: "till".into(), read_only: true, ..Till::default() });
    let manager = managing(&dbs).participant(till.clone()).unwrap().build();
    let mut global = writing(&manager, &dbs, "k");
    till.begin(global.gtid());
    global.enlist_participant("till").unwrap();
    let commit = block_on(global.commit()).unwrap();
    assert_eq!(manager.outcome(&commit.gtid).unwrap(), None, "nothing had to be decided");
    assert!(till.committed.lock().is_empty());
    assert_eq!(holders(&dbs, "k"), [true]);
}

#[test]
fn rolled_back_or_dropped_it_leaves_nothing_in_participants() {
    for drops in [true, false] {
        let dbs = databases(2);
        let till = Till::new("till");
        let manager = managing(&dbs).participant(till.clone()).unwrap().build();
        let mut global = writing(&manager, &dbs, "k");
        till.begin(global.gtid());
        global.enlist_participant("till").unwrap();
        if drops {
            drop(global);
            assert_eq!(till.branches.lock().len(), 1);
            block_on(manager.recover(NOW));
        } else {
            block_on(global.rollback());
        }
        assert!(till.branches.lock().is_empty());
        assert_eq!(holders(&dbs, "k"), [false, false]);
    }
}
