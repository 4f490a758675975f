//! Asking what became of commits that nobody could tell about.

use super::*;
use crate::{CommitId, Resolution, limit::SLOTS_KEPT_DEFAULT};

/// A commit of one entry that nobody can tell about.
fn unknown(node: &Node, key: &str, fates: [LinkFate; 3]) -> CommitId {
    let transaction = node.writing(key, "1").unwrap();
    node.links(fates);
    let error = transaction.commit().unwrap_err();
    let commit = error.unknown_commit().expect("it can be asked for");
    // As another process gets it.
    commit.to_string().parse().unwrap()
}

/// The answer, which is what is there.
fn assert_resolved(nodes: &[&Node], commit: &CommitId, key: &str) -> Resolution {
    let answers: Vec<_> = nodes.iter().map(|node| node.db.resolve(commit).unwrap()).collect();
    let committed = Resolution::Committed { position: commit.position() };
    for (node, answer) in nodes.iter().zip(&answers) {
        assert_eq!(*answer, answers[0]);
        let is_there = node.keys().contains(&key.to_owned());
        assert_eq!(*answer, if is_there { committed } else { Resolution::NotCommitted });
    }
    answers[0]
}

/// So many commits that the floor passes what is there now.
fn pass_the_floor(node: &Node) {
    for number in 0..2 * SLOTS_KEPT_DEFAULT {
        node.write(&format!("n{}", number % 9), "x").unwrap();
    }
    node.db.checkpoint().unwrap();
}

#[test]
fn a_commit_that_took_effect_is_said_to_have_by_whoever_is_asked() {
    let (cluster, [one, other]) = Cluster::of();
    one.write("a", "0").unwrap();
    let commit = unknown(&one, "b", [LinkFate::Late; 3]);
    one.disk.deliver();
    let answer = assert_resolved(&[&other, &one, &cluster.open().unwrap()], &commit, "b");
    assert!(matches!(answer, Resolution::Committed { .. }));
    pass_the_floor(&other);
    assert_eq!(assert_resolved(&[&cluster.open().unwrap(), &one], &commit, "b"), answer);
}

#[test]
fn who_asks_elsewhere_decides_what_is_still_open() {
    let (cluster, [one, other]) = Cluster::of();
    one.write("a", "0").unwrap();
    let commit = unknown(&one, "b", [LinkFate::Late; 3]);
    assert_eq!(other.db.resolve(&commit).unwrap(), Resolution::NotCommitted);
    // Whatever is still on its way comes too late.
    assert!(one.disk.deliver() > 0);
    assert_resolved(&[&one, &other], &commit, "b");
    pass_the_floor(&other);
    assert_resolved(&[&cluster.open().unwrap(), &other, &one], &commit, "b");
}

#[test]
fn who_asks_for_its_own_commit_finishes_it() {
    let (_, [one, other]) = Cluster::of();
    let commit = unknown(&one, "b", [LinkFate::Lost; 3]);
    let answer = assert_resolved(&[&one, &other], &commit, "b");
    assert_eq!(answer, Resolution::Committed { position: commit.position() });
}

#[test]
fn who_cannot_find_out_says_so_and_can_be_asked_again() {
    let (cluster, [one, other]) = Cluster::of();
    let commit = unknown(&one, "b", [LinkFate::Lost; 3]);
    cluster.server.faults().from(0, crate::Fault::Error(std::io::ErrorKind::TimedOut));
    assert!(matches!(one.db.resolve(&commit), Err(Error::Io { .. })));
    assert!(matches!(other.db.resolve(&commit), Err(Error::Io { .. })));
    cluster.server.faults().clear();
    assert_resolved(&[&other, &one], &commit, "b");
}

#[test]
fn what_was_lost_is_not_taken_for_what_its_author_did_next() {
    let (cluster, [one, other]) = Cluster::of();
    one.write("a", "0").unwrap();
    let mut commits = Vec::new();
    for round in 0..4 {
        let key = format!("lost{round}");
        let commit = unknown(&one, &key, [LinkFate::Lost; 3]);
        other.write("rival", &round.to_string()).unwrap();
        commits.push((commit, key));
        if round > 1 {
            one.write("next", &round.to_string()).unwrap();
        }
    }
    for (commit, key) in &commits {
        let answer = assert_resolved(&[&one, &other], commit, key);
        assert_eq!(answer, Resolution::NotCommitted);
    }
    pass_the_floor(&one);
    let late = cluster.open().unwrap();
    for (commit, key) in &commits {
        assert_eq!(assert_resolved(&[&late, &one], commit, key), Resolution::NotCommitted);
    }
}

#[test]
fn the_dead_are_asked_for_by_those_who_come_later() {
    for fate in [LinkFate::Late, LinkFate::Lost] {
        let (cluster, [one, other]) = Cluster::of();
        one.write("a", "0").unwrap();
        let transaction = one.writing("b", "1").unwrap();
        // It cannot even look what has become of it.
        let faults = cluster.server.faults().clone();
        one.disk.judge_links(move |_| {
            faults.from(0, crate::Fault::Error(std::io::ErrorKind::TimedOut));
            fate
        });
        let commit = transaction.commit().unwrap_err().unknown_commit().unwrap();
        let disk = one.disk.clone();
        let _dead = std::mem::ManuallyDrop::new(one);
        cluster.server.faults().clear();
        disk.deliver();
        let answer = assert_resolved(&[&other], &commit, "b");
        assert_eq!(answer == Resolution::NotCommitted, fate == LinkFate::Lost, "{fate:?}");
        disk.deliver();
        pass_the_floor(&other);
        assert_eq!(assert_resolved(&[&cluster.open().unwrap()], &commit, "b"), answer);
    }
}

#[test]
fn what_belongs_elsewhere_is_refused() {
    let (_, [one]) = Cluster::of();
    let commit = unknown(&one, "b", [LinkFate::Lost; 3]);
    let (_, [stranger]) = Cluster::of();
    stranger.write("a", "1").unwrap();
    let alone = Database::builder().in_memory().unwrap();
    let yet_to_come = CommitId { position: commit.position + 1_000, ..commit };
    let foreign = CommitId { database: [9; 16], ..commit };
    for (db, commit) in [(&one.db, foreign), (&alone, commit), (&one.db, yet_to_come)] {
        assert!(matches!(db.resolve(&commit), Err(Error::Invalid(_))));
    }
    let never = CommitId { member: [9; 16], ..commit };
    assert_eq!(one.db.resolve(&never).unwrap(), Resolution::Forgotten);
}

#[test]
fn work_is_done_exactly_once_by_those_who_ask_before_they_do_it_again() {
    use LinkFate::{Answered, Late, Lost, Misreported, Unanswered};
    let (cluster, [one, other]) = Cluster::of();
    let mut random = super::super::Random::new(7);
    let (mut asked, mut again) = (0, 0);
    for number in 0..120 {
        let (node, rival) = if number % 2 == 0 { (&one, &other) } else { (&other, &one) };
        let kinds = [Answered, Misreported, Unanswered, Lost, Late];
        loop {
            let transaction = node.db.begin().unwrap();
            let store = transaction.open_store(STORE, &StoreOptions::default()).unwrap();
            let list = store.find("list").unwrap().map_or(Vec::new(), |list| list.to_vec());
            store.upsert("list", [&list[..], format!("{number};").as_bytes()].concat()).unwrap();
            node.links((0..4).map(|_| random.pick(&kinds)).collect::<Vec<_>>());
            let outcome = transaction.commit();
            node.links([]);
            let Err(error) = outcome else { break };
            let Some(commit) = error.unknown_commit() else {
                assert!(error.is_retryable(), "{error}");
                continue;
            };
            asked += 1;
            if random.once_in(2) {
                node.disk.deliver();
            }
            let who = if random.once_in(2) { rival } else { node };
            match who.db.resolve(&commit).unwrap() {
                Resolution::Committed { .. } => break,
                Resolution::NotCommitted => again += 1,
                Resolution::Forgotten => panic!("it was just now"),
            }
            node.disk.deliver();
        }
    }
    let expected: String =
        (0..120).flat_map(|number| [number.to_string(), ";".to_owned()]).collect();
    for node in [&one, &other, &cluster.open().unwrap()] {
        let entries = node.entries().unwrap();
        assert_eq!(entries[0].1, expected);
    }
    assert!(asked > 5 && again > 0, "{asked} asked, {again} again");
}
