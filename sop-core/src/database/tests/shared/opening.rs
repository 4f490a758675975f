//! How a shared folder comes into being and is opened.

use super::*;

#[test]
fn a_folder_is_created_by_the_first_and_joined_by_the_others() {
    let (_, [one, other]) = Cluster::of();
    assert!(one.db.recovery().created);
    assert!(!other.db.recovery().created);
    one.write("a", "1").unwrap();
    assert_eq!(other.keys(), ["a"]);
}

#[test]
fn two_who_create_a_folder_at_once_open_the_same_database() {
    // One is interrupted at each of its calls; the other one goes on with what it has left.
    let mut interrupted = 0;
    for call in 1.. {
        let cluster = Cluster::new();
        cluster.server.faults().from(call, crate::Fault::Ended);
        let first = cluster.open();
        let left = cluster.cut(Survival::Random(call));
        if first.is_ok() {
            break;
        }
        interrupted += 1;
        let (one, other) = (left.open().unwrap(), left.open().unwrap());
        one.write("a", "1").unwrap();
        assert_eq!(other.keys(), ["a"], "call {call}");
    }
    assert!(interrupted > 20, "{interrupted} calls");
}

#[test]
fn a_folder_is_not_opened_in_the_other_mode() {
    let alone = || Options::default().background(Background::Manual);
    let (cluster, [node]) = Cluster::of();
    let refused = cluster.open_with(alone()).unwrap_err();
    assert!(matches!(refused, Error::WrongMode { shared: true, .. }), "{refused}");
    let refused = cluster.open_with(alone().mode(Mode::NoCheck)).unwrap_err();
    assert!(matches!(refused, Error::WrongMode { shared: true, .. }), "{refused}");
    node.write("a", "1").unwrap();

    let cluster = Cluster::new();
    drop(cluster.open_with(alone()).unwrap());
    let refused = cluster.open().unwrap_err();
    assert!(matches!(refused, Error::WrongMode { shared: false, .. }), "{refused}");
    assert!(cluster.open_with(alone()).is_ok());
}

#[test]
fn who_opens_the_folder_later_finds_everything() {
    let (cluster, [one, other]) = Cluster::of();
    for number in 0..100 {
        let node = if number % 3 == 0 { &one } else { &other };
        node.write(&format!("{number:03}"), "x").unwrap();
    }
    let third = cluster.open().unwrap();
    assert_eq!(third.keys().len(), 100);
    drop((one, other, third));
    assert_eq!(cluster.open().unwrap().keys().len(), 100);
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node").finish_non_exhaustive()
    }
}

#[test]
fn a_folder_that_was_begun_by_somebody_who_died_can_be_opened_whatever_is_lost() {
    for call in 0.. {
        let cluster = Cluster::new();
        cluster.server.faults().from(call, crate::Fault::Ended);
        let is_through = cluster.open().is_ok();
        cluster.server.faults().clear();
        let from = cluster.server.faults().calls();
        drop(cluster.open().unwrap());
        for moment in from..=cluster.server.faults().calls() {
            for survival in [Survival::Nothing, Survival::Random(moment), Survival::Everything] {
                let server = cluster.server.cut(moment, survival);
                let after = Cluster { server, clock: Arc::clone(&cluster.clock) };
                let opened = after.open();
                assert!(opened.is_ok(), "call {call}, moment {moment}, {survival:?}: {opened:?}");
            }
        }
        if is_through {
            break;
        }
    }
}
