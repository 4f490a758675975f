//! Checkpoints of a folder that others go on writing to, and write checkpoints of as well.

use super::*;
use crate::limit::{KEPT_MANIFESTS, SLOT_COST, SLOTS_KEPT_DEFAULT};

/// Enough commits for the floor to pass what is there now.
const MANY: u64 = 2 * SLOTS_KEPT_DEFAULT;

fn write_many(node: &Node, name: &str) {
    for number in 0..MANY {
        node.write(&format!("{name}{}", number % 50), &number.to_string()).unwrap();
    }
}

fn assert_equal(nodes: &[&Node]) {
    let entries = nodes[0].entries().unwrap();
    for node in nodes {
        assert_eq!(node.entries().unwrap(), entries);
        node.db.check().unwrap();
    }
}

#[test]
fn any_process_checkpoints_what_all_have_committed() {
    let (cluster, [one, other]) = Cluster::of();
    for round in 0..6 {
        let (writer, keeper) = if round % 2 == 0 { (&one, &other) } else { (&other, &one) };
        for number in 0..40 {
            writer.write(&format!("{round}-{number}"), &"x".repeat(300)).unwrap();
        }
        keeper.db.checkpoint().unwrap();
        assert_equal(&[&one, &other, &cluster.open().unwrap()]);
    }
    assert_eq!(one.keys().len(), 240);
    assert_eq!(files(&cluster, "man"), 7);
}

#[test]
fn a_follower_gives_back_what_it_had_in_memory_once_another_has_written_it() {
    let (_, [one, other]) = Cluster::of();
    for number in 0..200 {
        one.write(&format!("{number:03}"), &"x".repeat(300)).unwrap();
    }
    other.db.follow().unwrap();
    let before = other.db.stats().dirty_bytes;
    one.db.checkpoint().unwrap();
    other.db.checkpoint().unwrap();
    let after = other.db.stats().dirty_bytes;
    assert!(after < before / 10, "{after} of {before} bytes are left");
    assert_equal(&[&one, &other]);
}

/// Three processes for which a checkpoint is due after so many slots.
fn checkpointing_every(slots: u64) -> (Cluster, [Node; 3]) {
    let cluster = Cluster::new();
    let options = || Cluster::options().checkpoint_log_bytes(slots.saturating_mul(SLOT_COST));
    let nodes = [(); 3].map(|()| cluster.open_with(options()).unwrap());
    (cluster, nodes)
}

/// Whether a process writes a checkpoint when it does all that is due.
fn checkpoints_by_itself(node: &Node) -> bool {
    let before = node.db.stats().checkpoints;
    while node.db.work().unwrap().is_some() {}
    node.db.stats().checkpoints > before
}

#[test]
fn of_all_who_find_a_checkpoint_due_one_writes_it() {
    let (cluster, nodes) = checkpointing_every(40);
    let mut authors = Vec::new();
    for round in 0..120 {
        for (number, node) in nodes.iter().enumerate() {
            node.write(&format!("{round:03}{number}"), &"x".repeat(300)).unwrap();
            // Each of them sees all of the log before it looks.
            node.db.follow().unwrap();
            if checkpoints_by_itself(node) {
                authors.push(number);
            }
        }
    }
    assert!((3 * 120 / 50..=3 * 120 / 40).contains(&authors.len()), "{authors:?}");
    for node in 0..nodes.len() {
        assert!(authors.contains(&node), "they take turns: {authors:?}");
    }
    assert_eq!(files(&cluster, "man"), authors.len() + 1, "nobody wrote one in vain");
    assert_equal(&nodes.each_ref());
}

#[test]
fn a_threshold_that_is_never_reached_is_not_reached_by_those_who_are_late_either() {
    let (_, nodes) = checkpointing_every(u64::MAX);
    for (number, node) in nodes.iter().enumerate() {
        node.write(&number.to_string(), "x").unwrap();
        assert!(!checkpoints_by_itself(node), "{number}");
    }
}

#[test]
fn who_was_to_write_a_checkpoint_and_does_not_is_replaced() {
    let (_, nodes) = checkpointing_every(40);
    for (idle, round) in (0..3).zip(0..) {
        let busy: Vec<_> = (0..3).filter(|node| *node != idle).collect();
        let is_written = (0..400).any(|number| {
            let node = &nodes[busy[number % 2]];
            node.write(&format!("{round}{number}"), &"x".repeat(300)).unwrap();
            checkpoints_by_itself(node)
        });
        assert!(is_written, "without {idle}");
    }
    assert_equal(&nodes.each_ref());
}

#[test]
fn old_files_are_removed_however_long_it_goes_on() {
    let (cluster, [one, other]) = Cluster::of();
    for round in 0..3 * KEPT_MANIFESTS {
        let writer = if round % 3 == 0 { &one } else { &other };
        for number in 0..30 {
            writer.write(&format!("{:03}", (round * 7 + number) % 60), &"x".repeat(300)).unwrap();
        }
        let keeper = if round % 2 == 0 { &one } else { &other };
        keeper.db.checkpoint().unwrap();
    }
    assert_equal(&[&one, &other, &cluster.open().unwrap()]);
    let kept = usize::try_from(KEPT_MANIFESTS).unwrap();
    assert_eq!(files(&cluster, "man"), kept);
    assert!(files(&cluster, "log") <= 256 + 40, "{} slots", files(&cluster, "log"));
    assert!(files(&cluster, "seg") <= 2 * kept, "{} segments", files(&cluster, "seg"));
    assert_eq!(files(&cluster, "tmp"), 0);
}

#[test]
fn who_was_away_begins_anew_and_is_merged_or_refused_as_ever() {
    let (cluster, [one, other]) = Cluster::of();
    one.write("mine", "0").unwrap();
    let draft = |key: &str, value: &str| other.writing(key, value).unwrap();
    let (disjoint, clash, fresh) = (draft("z", "1"), draft("mine", "1"), draft("a7", "1"));
    let reader = other.db.snapshot().unwrap();
    one.write("mine", "2").unwrap();
    write_many(&one, "a");
    one.db.checkpoint().unwrap();
    assert!(files(&cluster, "log") < 300, "slots are gone that the other one needs");

    assert!(disjoint.commit().unwrap().merged);
    assert!(matches!(clash.commit(), Err(Error::Conflict(_))));
    assert!(matches!(fresh.commit(), Err(Error::Conflict(_))), "the key is there by now");
    assert_equal(&[&one, &other]);
    assert_eq!(one.keys().len(), 52);
    let value = reader.store(STORE).unwrap().find("mine").unwrap();
    assert_eq!(value.as_deref(), Some(&b"0"[..]), "a snapshot stays as it is");
}

#[test]
fn who_was_away_notices_that_a_store_was_filled_by_reference() {
    let (_, [one, other]) = Cluster::of();
    let create = one.db.begin().unwrap();
    create.create_store("big", &StoreOptions::default()).unwrap();
    create.commit().unwrap();
    let load = one.db.begin().unwrap();
    let entries = (0..2_000).map(|key| (format!("{key:05}"), "x".repeat(100)));
    load.bulk_load("big", &StoreOptions::default(), entries).unwrap();
    // The load is made on a state from before the draft's.
    one.write("a", "0").unwrap();
    let draft = other.db.begin().unwrap();
    draft.store("big").unwrap().upsert("00007", "mine").unwrap();
    load.commit().unwrap();
    write_many(&one, "a");
    one.db.checkpoint().unwrap();
    assert!(matches!(draft.commit(), Err(Error::Conflict(_))));
    assert_equal(&[&one, &other]);
}

#[test]
fn of_two_checkpoints_with_one_number_the_later_leaves_nothing() {
    let (cluster, [one, other]) = Cluster::of();
    for number in 0..50 {
        one.write(&format!("{number}"), "x").unwrap();
    }
    let other = Arc::new(other);
    let rival = Arc::clone(&other);
    before_link(&one, ".man", move || rival.db.checkpoint().unwrap());
    one.db.checkpoint().unwrap();
    assert_eq!(files(&cluster, "man"), 2);
    assert_eq!(files(&cluster, "seg"), 1);
    one.write("z", "x").unwrap();
    one.db.checkpoint().unwrap();
    assert_equal(&[&one, &other, &cluster.open().unwrap()]);
    assert_eq!(files(&cluster, "man"), 3);
}

#[test]
fn a_process_that_is_overtaken_by_checkpoints_in_the_middle_of_its_own_goes_on() {
    let (cluster, [one, other]) = Cluster::of();
    write_many(&one, "a");
    let other = Arc::new(other);
    let rival = Arc::clone(&other);
    before_link(&one, ".man", move || {
        for round in 0..2 * KEPT_MANIFESTS {
            rival.write("b", &round.to_string()).unwrap();
            rival.db.checkpoint().unwrap();
        }
    });
    // Its number is free again, and what it has written is of no use to anybody.
    one.db.checkpoint().unwrap();
    one.write("c", "x").unwrap();
    one.db.checkpoint().unwrap();
    assert_equal(&[&one, &other, &cluster.open().unwrap()]);
}

#[test]
fn a_slot_that_is_linked_after_its_floor_has_passed_is_nobodys() {
    let (cluster, [one, other]) = Cluster::of();
    one.links([LinkFate::Late; 3]);
    assert!(matches!(one.write("ghost", "1"), Err(Error::CommitUnknown { .. })));
    write_many(&other, "a");
    other.db.checkpoint().unwrap();
    assert!(one.disk.deliver() > 0);
    assert_equal(&[&one, &other, &cluster.open().unwrap()]);
    assert!(!one.keys().contains(&"ghost".to_owned()));
    one.write("b", "x").unwrap();
    assert_equal(&[&one, &other]);
}

#[test]
fn a_commit_in_doubt_that_a_checkpoint_holds_has_taken_effect_once() {
    let (cluster, [one, other]) = Cluster::of();
    one.links([LinkFate::Late; 3]);
    assert!(matches!(one.write("mine", "1"), Err(Error::CommitUnknown { .. })));
    assert!(one.disk.deliver() > 0);
    write_many(&other, "a");
    other.db.checkpoint().unwrap();
    assert!(one.keys().contains(&"mine".to_owned()));
    one.write("b", "x").unwrap();
    assert_equal(&[&one, &other, &cluster.open().unwrap()]);
}

#[test]
fn a_process_that_dies_at_any_call_of_a_checkpoint_leaves_a_folder_that_others_go_on_with() {
    let mut died = 0;
    for call in 1.. {
        let (cluster, [one, other]) = Cluster::of();
        for number in 0..20 {
            one.write(&format!("{number}"), &"x".repeat(200)).unwrap();
        }
        one.db.checkpoint().unwrap();
        other.write("z", "x").unwrap();
        let calls = cluster.server.faults().calls();
        cluster.server.faults().from(calls + call, crate::Fault::Ended);
        let outcome = one.db.checkpoint();
        let after = cluster.cut(Survival::Random(call));
        let (one, other) = (after.open().unwrap(), after.open().unwrap());
        assert_eq!(one.keys().len(), 21, "call {call}");
        other.write("y", "x").unwrap();
        other.db.checkpoint().unwrap();
        assert_equal(&[&one, &other, &after.open().unwrap()]);
        if outcome.is_ok() {
            break;
        }
        died += 1;
    }
    assert!(died > 10, "{died} calls");
}

#[test]
fn who_follows_a_batch_whose_segments_are_gone_goes_on_from_a_checkpoint() {
    let (_, [one, other]) = Cluster::of();
    one.write("a", "0").unwrap();
    let load = one.db.begin().unwrap();
    let entries = (0..2_000).map(|key| (format!("{key:05}"), "x".repeat(100)));
    load.bulk_load("big", &StoreOptions::default(), entries).unwrap();
    load.commit().unwrap();
    let drop_it = one.db.begin().unwrap();
    drop_it.drop_store("big").unwrap();
    drop_it.commit().unwrap();
    for number in 0..=KEPT_MANIFESTS {
        one.write("a", &number.to_string()).unwrap();
        one.db.checkpoint().unwrap();
    }
    // All slots are still there, and lead by the one with the load.
    assert_equal(&[&one, &other]);
    other.write("b", "1").unwrap();
    assert_equal(&[&one, &other]);
}
