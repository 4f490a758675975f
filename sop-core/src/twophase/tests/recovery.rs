//! What becomes of a commit that is interrupted anywhere.

use super::*;

/// Polls a commit so often, then drops it. The databases stay open.
fn interrupted(dbs: &[Database], polls: usize, till: Option<&Arc<Till>>) -> (Gtid, bool) {
    let manager = managing(dbs);
    let manager = match till {
        Some(till) => manager.participant(till.clone()).unwrap(),
        None => manager,
    };
    let manager = manager.build();
    let mut global = writing(&manager, dbs, "k");
    let gtid = *global.gtid();
    if let Some(till) = till {
        till.begin(&gtid);
        global.enlist_participant("till").unwrap();
    }
    let outcome = run_for(pin!(global.commit()), dbs, polls);
    (gtid, outcome.is_some_and(|outcome| outcome.is_ok()))
}

#[test]
fn an_interrupted_commit_is_ended_the_same_everywhere() {
    for with_till in [false, true] {
        let mut outcomes = Vec::new();
        for polls in 0..12 {
            let disk = Arc::new(MemoryDisk::default());
            let dbs: Vec<_> = ["/a", "/b", "/c"].map(|path| manual(&disk, path)).into();
            let till = Till::new("till");
            let (gtid, is_acknowledged) = interrupted(&dbs, polls, with_till.then_some(&till));
            let manager = managing(&dbs).participant(till.clone()).unwrap().build();
            let first = run(manager.recover(NOW), &dbs);
            assert_eq!(first.in_doubt, []);
            assert_eq!(run(manager.recover(NOW), &dbs), Recovered::default());

            let is_there = value(&dbs[0], "k").is_some();
            assert_eq!(holders(&dbs, "k"), vec![is_there; 3], "{polls} polls");
            assert!(is_there || !is_acknowledged);
            assert_eq!(till.committed.lock().contains(&gtid), is_there && with_till);
            assert!(till.branches.lock().values().all(|prepared| !prepared));
            outcomes.push(is_there);
        }
        assert!(outcomes.is_sorted() && !outcomes[0] && outcomes[11], "{outcomes:?}");
    }
}

#[test]
fn whoever_was_slow_is_told_that_it_was_rolled_back() {
    let mut lost = 0;
    for polls in 0..12 {
        let disk = Arc::new(MemoryDisk::default());
        let dbs: Vec<_> = ["/a", "/b", "/c"].map(|path| manual(&disk, path)).into();
        let (slow, other) = (managing(&dbs).build(), managing(&dbs).build());
        let mut commit = Box::pin(writing(&slow, &dbs, "k").commit());
        let early = run_for(commit.as_mut(), &dbs, polls);
        run(other.recover(NOW), &dbs);
        let outcome = early.unwrap_or_else(|| run(commit, &dbs));
        run(other.recover(NOW), &dbs);
        let is_there = value(&dbs[0], "k").is_some();
        assert_eq!(holders(&dbs, "k"), vec![is_there; 3], "{polls} polls");
        assert_eq!(outcome.is_ok(), is_there, "{polls} polls: {outcome:?}");
        lost += usize::from(matches!(outcome, Err(Error::GlobalRolledBack { .. })));
    }
    assert!(lost > 1, "{lost}");
}

#[test]
fn hundreds_that_were_left_behind_are_ended() {
    let disk = Arc::new(MemoryDisk::default());
    let dbs: Vec<_> = ["/a", "/b"].map(|path| manual(&disk, path)).into();
    let manager = managing(&dbs).build();
    assert!(run(writing(&manager, &dbs, "first").commit(), &dbs).is_ok());
    for number in 0..600 {
        let global = writing(&manager, &dbs, &format!("{number}"));
        // Some are decided by then.
        let polls = if number % 3 == 0 { 2 } else { 1 };
        assert!(run_for(pin!(global.commit()), &dbs, polls).is_none());
    }
    assert_eq!(dbs[1].in_doubt().unwrap().len(), 600);
    for db in &dbs {
        db.checkpoint().unwrap();
    }
    drop((dbs, manager));

    let dbs = [open(&disk, "/a"), open(&disk, "/b")];
    let recovered = block_on(managing(&dbs).build().recover(NOW));
    let counts = [recovered.committed.len(), recovered.rolled_back.len()];
    assert_eq!((counts, recovered.in_doubt), ([200, 400], vec![]));
    for number in 0..600 {
        assert_eq!(holders(&dbs, &format!("{number}")), [number % 3 == 0; 2]);
    }
}

#[test]
fn what_somebody_may_be_working_on_is_left_alone_for_as_long_as_was_said() {
    let disk = Arc::new(MemoryDisk::default());
    let dbs: Vec<_> = ["/a", "/b"].map(|path| manual(&disk, path)).into();
    let (working, other) = (managing(&dbs).build(), managing(&dbs).build());
    let mut commit = Box::pin(writing(&working, &dbs, "k").commit());
    assert!(run_for(commit.as_mut(), &dbs, 1).is_none());
    for _ in 0..3 {
        let recovered = run(other.recover(Duration::from_secs(3_600)), &dbs);
        assert_eq!(recovered.in_doubt.len(), 1);
        assert_eq!(recovered.in_doubt[0].doubt, Doubt::Undecided);
        // Its own transactions a manager never takes for abandoned.
        assert_eq!(run(working.recover(NOW), &dbs), Recovered::default());
    }
    assert!(run(commit, &dbs).is_ok());
    assert_eq!(run(other.recover(NOW), &dbs).committed, [], "everybody was told");
}

#[test]
fn a_branch_that_is_prepared_late_is_rolled_back_later() {
    let dbs = databases(1);
    let till = Till::new("till");
    let manager = managing(&dbs).participant(till.clone()).unwrap().build();
    let gtid = *manager.begin(&dbs[0]).unwrap().gtid();
    for _ in 0..2 {
        till.branches.lock().insert(gtid, true);
        assert_eq!(block_on(manager.recover(NOW)).rolled_back, [gtid]);
        assert!(till.branches.lock().is_empty());
    }
    assert_eq!(manager.outcome(&gtid).unwrap(), Some(Outcome::RolledBack));
}

#[test]
fn a_committed_branch_that_comes_back_is_committed_again() {
    let dbs = databases(1);
    let till = Till::new("till");
    let manager = managing(&dbs).participant(till.clone()).unwrap().build();
    let mut global = writing(&manager, &dbs, "k");
    till.begin(global.gtid());
    global.enlist_participant("till").unwrap();
    let gtid = block_on(global.commit()).unwrap().gtid;
    block_on(manager.recover(NOW));
    // The server has fallen back to a state in which it was prepared.
    till.committed.lock().clear();
    till.branches.lock().insert(gtid, true);
    assert_eq!(block_on(manager.recover(NOW)).committed, [gtid]);
    assert_eq!(*till.committed.lock(), [gtid]);
}

#[test]
fn without_its_home_a_branch_waits_and_holds_what_it_touched() {
    let disk = Arc::new(MemoryDisk::default());
    let dbs: Vec<_> = ["/a", "/b"].map(|path| manual(&disk, path)).into();
    let (gtid, _) = interrupted(&dbs, 1, None);
    drop(dbs);

    let alone = [open(&disk, "/b")];
    let manager = managing(&alone).build();
    let recovered = block_on(manager.recover(NOW));
    let place = "/b".to_owned();
    assert_eq!(recovered.in_doubt, [InDoubt { gtid, place, doubt: Doubt::HomeUnknown }]);
    assert_eq!(alone[0].in_doubt().unwrap()[0].doubt, Doubt::Undecided);
    let tx = alone[0].begin().unwrap();
    write(&tx, "k", "other");
    let Err(Error::Conflict(conflict)) = tx.commit() else { panic!("it is held") };
    assert_eq!(conflict.prepared, Some(gtid.to_string()));

    let both = [open(&disk, "/a"), alone[0].clone()];
    let recovered = block_on(managing(&both).build().recover(NOW));
    assert_eq!(recovered.rolled_back, [gtid]);
    assert_eq!(holders(&both, "k"), [false, false]);
}

#[test]
fn a_participant_that_nobody_has_given_is_told_when_somebody_has() {
    let disk = Arc::new(MemoryDisk::default());
    let till = Till::new("till");
    {
        let dbs = [open(&disk, "/a")];
        let manager = managing(&dbs).participant(till.clone()).unwrap().build();
        till.set("commit", Mood::Refuses);
        let mut global = writing(&manager, &dbs, "k");
        till.begin(global.gtid());
        global.enlist_participant("till").unwrap();
        let commit = block_on(global.commit()).unwrap();
        assert_eq!(commit.untold.len(), 1);
        assert_eq!(commit.untold[0].place, "till");
    }
    let dbs = [open(&disk, "/a")];
    let recovered = block_on(managing(&dbs).build().recover(NOW));
    assert_eq!(recovered.in_doubt[0].doubt, Doubt::ParticipantUnknown);
    assert_eq!(dbs[0].in_doubt().unwrap()[0].doubt, Doubt::Untold(Outcome::Committed));

    till.set("commit", Mood::Well);
    let manager = managing(&dbs).participant(till.clone()).unwrap().build();
    assert_eq!(block_on(manager.recover(NOW)).committed.len(), 1);
    assert_eq!(till.committed.lock().len(), 1);
    assert_eq!(holders(&dbs, "k"), [true]);
}

#[test]
fn decisions_of_participants_are_forgotten_when_they_are_old_and_then_nothing_is_presumed() {
    let dbs = databases(1);
    let till = Till::new("till");
    let manager = managing(&dbs).participant(till.clone()).unwrap().keep_decisions(NOW).build();
    let mut global = writing(&manager, &dbs, "k");
    till.begin(global.gtid());
    global.enlist_participant("till").unwrap();
    let gtid = block_on(global.commit()).unwrap().gtid;
    let old = manager.begin(&dbs[0]).unwrap();
    block_on(manager.recover(NOW));
    assert_eq!(manager.outcome(&gtid).unwrap(), Some(Outcome::Committed), "not old enough");

    let decisions = decisions::Decisions(&dbs[0]);
    let at = |kept| block_on(decisions.forget(NOW, kept)).unwrap();
    at(0);
    assert_eq!(manager.outcome(&gtid).unwrap(), None);
    till.branches.lock().insert(gtid, true);
    let recovered = block_on(manager.recover(NOW));
    assert_eq!(recovered.in_doubt[0].doubt, Doubt::Forgotten);
    assert_eq!(till.branches.lock().len(), 1, "it may have been committed");

    // Whoever is older than what is forgotten cannot decide any more.
    write(old.home(), "other", "new");
    drop(old);
    let late = gtid;
    let decision = decisions.new_decision(decision::Verdict::Ended(Outcome::Committed), vec![]);
    let tx = dbs[0].begin().unwrap();
    assert!(!decisions::decide(&tx, &late, &decision.unwrap()).unwrap());
}

#[test]
fn who_is_silent_again_and_again_is_asked_no_more_until_the_next_recovery() {
    let dbs = databases(1);
    let (mute, till) = (Till::new("mute"), Till::new("till"));
    let builder = managing(&dbs).patience(Duration::from_millis(5));
    let manager =
        builder.participant(mute.clone()).unwrap().participant(till.clone()).unwrap().build();
    mute.set("commit", Mood::Refuses);
    till.set("commit", Mood::Refuses);
    for _ in 0..10 {
        let mut global = writing(&manager, &dbs, "k");
        global.enlist_participant("mute").unwrap();
        global.enlist_participant("till").unwrap();
        assert_eq!(block_on(global.commit()).unwrap().untold.len(), 2);
    }
    mute.set("commit", Mood::Hangs);
    mute.set("recover", Mood::Refuses);
    till.set("commit", Mood::Well);
    let recovered = block_on(manager.recover(NOW));
    let of = |place| recovered.in_doubt.iter().filter(move |one| one.place == place);
    let is_left = |one: &&InDoubt| matches!(&one.doubt, Doubt::Failed { reason } if reason.ends_with("in a row"));
    assert_eq!((of("mute").count(), of("mute").filter(is_left).count()), (10, 7));
    assert_eq!((of("till").count(), till.committed.lock().len()), (0, 10), "others are told");

    mute.set("commit", Mood::Well);
    mute.set("recover", Mood::Well);
    assert_eq!(block_on(manager.recover(NOW)).committed.len(), 10);
    assert_eq!((mute.committed.lock().len(), holders(&dbs, "k")), (10, vec![true]));
}

#[test]
fn decisions_that_nobody_hears_of_keep_no_others_from_being_forgotten() {
    let dbs = databases(1);
    let (deaf, till) = (Till::new("deaf"), Till::new("till"));
    deaf.set("commit", Mood::Refuses);
    let manager = managing(&dbs).participant(deaf).unwrap().participant(till).unwrap().build();
    let commit = |name| {
        let mut global = writing(&manager, &dbs, "k");
        global.enlist_participant(name).unwrap();
        block_on(global.commit()).unwrap().gtid
    };
    let untold: Vec<_> = (0..1_001).map(|_| commit("deaf")).collect();
    let told = commit("till");
    let decisions = decisions::Decisions(&dbs[0]);
    block_on(decisions.end()).unwrap();
    block_on(decisions.forget(NOW, 0)).unwrap();
    assert_eq!(manager.outcome(&told).unwrap(), None);
    let knows = |gtid| manager.outcome(gtid).unwrap() == Some(Outcome::Committed);
    assert!(untold.iter().all(knows));
}

#[test]
fn who_began_before_something_was_forgotten_conflicts() {
    let dbs = databases(2);
    let till = Till::new("till");
    let manager = managing(&dbs).participant(till.clone()).unwrap().keep_decisions(NOW).build();
    let first = *manager.begin(&dbs[0]).unwrap().gtid();
    let slow = writing(&manager, &dbs, "slow");
    till.branches.lock().insert(first, true);
    block_on(manager.recover(NOW));
    block_on(decisions::Decisions(&dbs[0]).forget(NOW, 0)).unwrap();
    let outcome = block_on(slow.commit());
    assert!(matches!(outcome, Err(Error::Conflict(_))), "{outcome:?}");
    assert_eq!(holders(&dbs, "slow"), [false, false]);
}
