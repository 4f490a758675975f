//! Participants and callers that do what they should not.

use super::*;

const BAD: [Mood; 5] = [Mood::Refuses, Mood::Conflicts, Mood::Panics, Mood::Hangs, Mood::Lies];

fn manager_of(dbs: &[Database], till: &Arc<Till>) -> TransactionManager {
    let builder = managing(dbs).participant(till.clone()).unwrap();
    builder.patience(Duration::from_millis(20)).build()
}

fn with_till(manager: &TransactionManager, dbs: &[Database], till: &Till) -> GlobalTransaction {
    let mut global = writing(manager, dbs, "k");
    till.begin(global.gtid());
    global.enlist_participant("till").unwrap();
    global
}

#[test]
fn whoever_does_not_prepare_stops_it_everywhere() {
    for mood in BAD {
        let (dbs, till) = (databases(2), Till::new("till"));
        let manager = manager_of(&dbs, &till);
        till.set("prepare", mood);
        match block_on(with_till(&manager, &dbs, &till).commit()) {
            Err(error @ Error::Participant { .. }) => {
                assert_eq!(error.is_retryable(), mood == Mood::Conflicts, "{error}");
            }
            other => panic!("{mood:?}: {other:?}"),
        }
        assert_eq!(holders(&dbs, "k"), [false, false]);
        assert!(till.branches.lock().is_empty() && till.committed.lock().is_empty());
    }
}

#[test]
fn whoever_does_not_commit_is_asked_until_it_does() {
    for mood in BAD {
        let (dbs, till) = (databases(2), Till::new("till"));
        let manager = manager_of(&dbs, &till);
        till.set("commit", mood);
        let commit = block_on(with_till(&manager, &dbs, &till).commit()).unwrap();
        assert_eq!(commit.untold.len(), 1, "{mood:?}");
        assert_eq!(value(&dbs[1], "k").unwrap(), "new");
        let recovered = block_on(manager.recover(NOW));
        assert!(matches!(recovered.in_doubt[0].doubt, Doubt::Failed { .. }));
        till.set("commit", Mood::Well);
        assert_eq!(block_on(manager.recover(NOW)).committed, [commit.gtid]);
        assert_eq!(*till.committed.lock(), [commit.gtid], "once, however often it was asked");
        assert_eq!(holders(&dbs, "k"), [true, true]);
    }
}

#[test]
fn whoever_hangs_keeps_nobody_else_from_being_told() {
    let (dbs, till, other) = (databases(2), Till::new("a"), Till::new("b"));
    let builder = managing(&dbs).patience(Duration::from_secs(3_600));
    let builder = builder.participant(till.clone()).unwrap().participant(other.clone()).unwrap();
    let manager = builder.build();
    till.set("commit", Mood::Hangs);
    let mut global = writing(&manager, &dbs, "k");
    global.enlist_participant("a").unwrap();
    global.enlist_participant("b").unwrap();
    let mut commit = pin!(global.commit());
    while other.committed.lock().is_empty() || !dbs[1].prepared().unwrap().is_empty() {
        assert!(commit.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
        std::thread::yield_now();
    }
    assert!(till.committed.lock().is_empty());
}

#[test]
fn whoever_does_not_roll_back_is_asked_until_it_does() {
    for mood in BAD {
        let (dbs, till) = (databases(2), Till::new("till"));
        let manager = manager_of(&dbs, &till);
        till.set("rollback", mood);
        let global = with_till(&manager, &dbs, &till);
        let gtid = *global.gtid();
        let tx = dbs[0].begin().unwrap();
        write(&tx, "k", "other");
        tx.commit().unwrap();
        assert!(matches!(block_on(global.commit()), Err(Error::Conflict(_))));
        block_on(manager.recover(NOW));
        assert_eq!(till.branches.lock().is_empty(), mood == Mood::Lies);
        till.set("rollback", Mood::Well);
        block_on(manager.recover(NOW));
        assert!(till.branches.lock().is_empty() && till.committed.lock().is_empty());
        assert_ne!(manager.outcome(&gtid).unwrap(), Some(Outcome::Committed));
        assert_eq!(holders(&dbs, "k"), [true, false]);
    }
}

#[test]
fn whoever_says_that_it_prepared_and_did_not_harms_nobody_else() {
    let (dbs, till) = (databases(2), Till::new("till"));
    let manager = manager_of(&dbs, &till);
    for call in ["prepare", "commit", "recover", "rollback"] {
        till.set(call, Mood::Forgets);
        block_on(with_till(&manager, &dbs, &till).commit()).unwrap();
        assert_eq!(block_on(manager.recover(NOW)), Recovered::default());
    }
    assert_eq!(holders(&dbs, "k"), [true, true]);
}

#[test]
fn a_participant_that_cannot_say_what_it_has_keeps_nobody_else_from_recovering() {
    for mood in BAD {
        let disk = Arc::new(MemoryDisk::default());
        let dbs: Vec<_> = ["/a", "/b"].map(|path| manual(&disk, path)).into();
        let till = Till::new("till");
        let manager = manager_of(&dbs, &till);
        let mut commit = Box::pin(writing(&manager, &dbs, "k").commit());
        assert!(run_for(commit.as_mut(), &dbs, 1).is_none());
        drop((commit, manager, dbs));

        let dbs = [open(&disk, "/a"), open(&disk, "/b")];
        till.set("recover", mood);
        let recovered = block_on(manager_of(&dbs, &till).recover(NOW));
        assert_eq!(recovered.rolled_back.len(), 1);
        assert_eq!(recovered.failed.len(), 1);
        assert_eq!(recovered.failed[0].place, "till");
        assert_eq!(holders(&dbs, "k"), [false, false]);
    }
}

#[test]
fn branches_of_strangers_are_left_alone() {
    let (dbs, till) = (databases(1), Till::new("till"));
    let manager = manager_of(&dbs, &till);
    let stranger = Gtid::from_bytes([7; 40]);
    till.branches.lock().insert(stranger, true);
    let recovered = block_on(manager.recover(NOW));
    assert_eq!(recovered.in_doubt[0].doubt, Doubt::HomeUnknown);
    assert_eq!(till.branches.lock().len(), 1);
    assert!(matches!(manager.outcome(&stranger), Err(Error::Invalid(_))));
}

#[test]
fn names_are_registered_once_and_nobody_unknown_takes_part() {
    let dbs = databases(2);
    let invalid = |outcome: Result<()>| assert!(matches!(outcome, Err(Error::Invalid(_))));
    let given = || managing(&dbs[..1]).participant(Till::new("till")).unwrap();
    invalid(given().database(&dbs[0].clone()).map(drop));
    invalid(given().participant(Till::new("till")).map(drop));
    invalid(given().participant(Till::new("")).map(drop));
    invalid(given().participant(Till::new(&"x".repeat(256))).map(drop));

    let manager = given().build();
    invalid(manager.begin(&dbs[1]).map(drop));
    let mut global = manager.begin(&dbs[0]).unwrap();
    invalid(global.enlist(&dbs[1]).map(drop));
    invalid(global.enlist_participant("nobody"));
    invalid(global.enlist_last_resource("till"));
    invalid(global.enlist_with(dbs[0].begin().unwrap()).map(drop));
    assert_eq!(global.enlist(&dbs[0]).unwrap().position(), global.home().position());
}

#[test]
fn branches_cannot_be_made_or_ended_by_hand() {
    let disk = Arc::new(MemoryDisk::default());
    let dbs: Vec<_> = ["/a", "/b"].map(|path| manual(&disk, path)).into();
    let manager = managing(&dbs).build();
    let tx = dbs[0].begin().unwrap();
    write(&tx, "k", "new");
    assert!(matches!(tx.prepare("sop:"), Err(Error::Invalid(_))));
    let mut commit = Box::pin(writing(&manager, &dbs, "k").commit());
    assert!(run_for(commit.as_mut(), &dbs, 1).is_none());
    let name = dbs[1].prepared().unwrap()[0].name.clone();
    assert!(matches!(dbs[1].find_prepared(&name), Err(Error::Invalid(_))));
    assert!(run(commit, &dbs).is_ok());
}

#[test]
fn a_transaction_can_be_sent_to_another_thread() {
    fn check<T: Send>(value: T) -> T {
        value
    }
    let dbs = databases(2);
    let manager = check(managing(&dbs).build());
    let commit = check(check(writing(&manager, &dbs, "k")).commit());
    let recovery = check(manager.recover(NOW));
    drop((commit, recovery));
}
