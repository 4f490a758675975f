//! Servers that answer late, wrongly or not at all; processes that die or are taken for dead.

use super::*;

#[test]
fn a_commit_whose_link_goes_wrong_is_in_the_log_once() {
    use LinkFate::{Answered, Late, Lost, Misreported, Unanswered};
    for fates in [
        vec![Misreported],
        vec![Unanswered],
        vec![Lost, Answered],
        vec![Late, Answered],
        vec![Lost, Unanswered],
    ] {
        let (_, [one, other]) = Cluster::of();
        one.write("a", "0").unwrap();
        one.links(fates.clone());
        one.write("b", "1").unwrap();
        one.disk.deliver();
        assert_eq!(other.keys(), ["a", "b"], "{fates:?}");
        other.write("c", "2").unwrap();
        assert_eq!(one.keys(), ["a", "b", "c"], "{fates:?}");
    }
}

#[test]
fn a_commit_that_nobody_can_tell_of_is_unknown_and_settled_later() {
    for arrives in [false, true] {
        let (_, [one, other]) = Cluster::of();
        one.write("a", "0").unwrap();
        one.links(if arrives { [LinkFate::Late; 3] } else { [LinkFate::Lost; 3] });
        let unknown = one.write("b", "1").unwrap_err();
        assert!(matches!(unknown, Error::CommitUnknown { position: 4, .. }), "{unknown}");
        if arrives {
            one.disk.deliver();
        } else {
            // Somebody else takes the place.
            other.write("c", "2").unwrap();
        }
        let expected = if arrives { ["a", "b"] } else { ["a", "c"] };
        assert_eq!(one.keys(), expected);
        assert_eq!(other.keys(), expected);
        one.write("d", "3").unwrap();
        assert_eq!(other.keys().len(), 3);
    }
}

#[test]
fn what_was_in_doubt_takes_effect_when_its_author_comes_back_to_it() {
    let (_, [one, other]) = Cluster::of();
    one.write("a", "0").unwrap();
    one.links([LinkFate::Lost; 3]);
    assert!(matches!(one.write("b", "1"), Err(Error::CommitUnknown { .. })));
    assert_eq!(other.keys(), ["a"]);
    one.write("c", "2").unwrap();
    assert_eq!(other.keys(), ["a", "b", "c"]);
}

#[test]
fn what_was_acknowledged_survives_the_server_losing_its_power() {
    for seed in 0..50 {
        let (cluster, [one, other]) = Cluster::of();
        for number in 0..5 {
            one.write(&format!("a{number}"), "x").unwrap();
            other.write(&format!("b{number}"), "x").unwrap();
        }
        let after = cluster.cut(Survival::Random(seed));
        let (one, other) = (after.open().unwrap(), after.open().unwrap());
        assert_eq!(one.keys().len(), 10, "seed {seed}");
        other.write("c", "x").unwrap();
        assert_eq!(one.keys().len(), 11, "seed {seed}");
    }
}

#[test]
fn a_process_that_dies_at_any_call_leaves_nothing_by_half() {
    let mut died = 0;
    for call in 1.. {
        let (cluster, [one, other]) = Cluster::of();
        one.write("a", "0").unwrap();
        other.db.follow().unwrap();
        let calls = cluster.server.faults().calls();
        cluster.server.faults().from(calls + call, crate::Fault::Ended);
        let outcome = one.write("b", "1");
        let after = cluster.cut(Survival::Random(call));
        let third = after.open().unwrap();
        let keys = third.keys();
        assert!(keys == ["a", "b"] || outcome.is_err() && keys == ["a"], "call {call}: {keys:?}");
        third.write("c", "2").unwrap();
        if outcome.is_ok() {
            break;
        }
        died += 1;
    }
    assert!(died > 5, "{died} calls");
}

#[test]
fn nobody_is_told_of_what_may_not_be_durable() {
    let (cluster, [one, other]) = Cluster::of();
    one.write("a", "0").unwrap();
    let loser = || {
        let transaction = other.db.begin().unwrap();
        let store = transaction.open_store(STORE, &StoreOptions::default()).unwrap();
        store.find("a").unwrap();
        store.upsert("b", "2").unwrap();
        transaction
    };
    // Both would lose against it, and the last would have nothing to remove any more.
    let (first, second) = (loser(), loser());
    let idle = other.db.begin().unwrap();
    idle.open_store(STORE, &StoreOptions::default()).unwrap().remove("a").unwrap();
    let removing = one.db.begin().unwrap();
    removing.open_store(STORE, &StoreOptions::default()).unwrap().remove("a").unwrap();
    removing.commit().unwrap();

    let failure = crate::Fault::Error(std::io::ErrorKind::Other);
    cluster.server.faults().judge(move |call, path| {
        (call == crate::Call::Sync && path == Path::new(ROOT).join("log")).then_some(failure)
    });
    for transaction in [first, idle] {
        let told = transaction.commit();
        assert!(matches!(told, Err(Error::Io { action: "sync", .. })), "{told:?}");
    }
    assert!(other.db.snapshot().unwrap().store(STORE).unwrap().contains("a").unwrap());
    cluster.server.faults().clear();
    let told = second.commit();
    assert!(matches!(told, Err(Error::Conflict(_))), "{told:?}");
    assert_eq!(other.keys(), [""; 0]);
}

#[test]
fn what_was_read_before_the_folder_failed_is_shown() {
    let (cluster, [one, other]) = Cluster::of();
    let mut last = 0;
    for number in 0..100 {
        last = one.write(&format!("{number:02}"), "x").unwrap().position;
    }
    let beyond = format!("{:016x}.slot", last - 5);
    cluster.server.faults().judge(move |_, path| {
        path.ends_with(&beyond).then_some(crate::Fault::Error(std::io::ErrorKind::Other))
    });
    assert!(matches!(other.db.follow(), Err(Error::Io { .. })));
    let shown = other.db.snapshot().unwrap().store(STORE).unwrap().len().unwrap();
    assert!((1..95).contains(&shown), "{shown} are shown");
    cluster.server.faults().clear();
    assert_eq!(other.keys().len(), 100);
}
