//! Processes that are taken for dead, rightly or not.

use super::*;

/// Looks after which somebody who shows nothing is expelled, with the usual patience.
const PATIENCE: u64 = 14;

/// The members, as one of them knows them, in the order of their joining.
fn members(node: &Node) -> usize {
    let Ok(pipeline) = node.db.shared.core.pipeline() else { return 0 };
    pipeline.follow().unwrap();
    pipeline.members()
}

#[test]
fn who_is_idle_shows_that_it_lives_and_stays() {
    let (cluster, [one, other]) = Cluster::of();
    cluster.pass(5 * PATIENCE, &[&one, &other]);
    assert_eq!(files(&cluster, "log"), 2, "nobody has appended anything but its joining");
    assert_eq!(files(&cluster, "tmp"), 2, "each shows itself by one file");
    drop((one, other));
    assert_eq!(files(&cluster, "tmp"), 0);
}

#[test]
fn who_commits_needs_no_other_sign_of_life() {
    let (cluster, [one, other]) = Cluster::of();
    for round in 0..3 * PATIENCE {
        one.write("a", &round.to_string()).unwrap();
        cluster.pass(1, &[&other]);
    }
    assert_eq!(members(&other), 2);
    assert_eq!(files(&cluster, "tmp"), 1, "the other one shows itself");
}

#[test]
fn who_dies_is_expelled_and_its_unfinished_files_go() {
    let (cluster, [one, other]) = Cluster::of();
    other.links([LinkFate::Lost; 3]);
    assert!(matches!(other.write("a", "0"), Err(Error::CommitUnknown { .. })));
    assert_eq!(files(&cluster, "tmp"), 1);
    other.disk.judge_links(|_| LinkFate::Lost);
    drop(other);
    cluster.pass(PATIENCE - 3, &[&one]);
    assert_eq!(members(&one), 2, "patience is not at its end");
    cluster.pass(4, &[&one]);
    assert_eq!(members(&one), 1);
    assert_eq!(files(&cluster, "tmp"), 1, "what the living one shows itself by");
}

#[test]
fn what_somebody_left_who_died_before_it_joined_goes() {
    let (cluster, [one]) = Cluster::of();
    let dying = ClientDisk::new(Arc::new(cluster.server.clone()));
    dying.judge_links(|_| LinkFate::Lost);
    let builder = Database::builder().options(Cluster::options()).disk(Arc::new(dying));
    let clock = Arc::clone(&cluster.clock) as Arc<dyn Clock>;
    assert!(builder.clock(clock).open(ROOT).is_err());
    assert_eq!(files(&cluster, "tmp"), 1);
    cluster.pass(PATIENCE, &[&one]);
    assert_eq!(files(&cluster, "tmp"), 1, "what the living one shows itself by");
}

#[test]
fn who_was_taken_for_dead_goes_on_under_another_identity() {
    let (cluster, [one, other]) = Cluster::of();
    one.write("a", "0").unwrap();
    let (early, clash) = (other.writing("b", "1").unwrap(), other.writing("a", "1").unwrap());
    cluster.pass(PATIENCE, &[&one]);
    assert_eq!(members(&one), 1);
    one.write("a", "2").unwrap();

    assert!(early.commit().unwrap().merged, "what was begun before is merged as ever");
    assert!(matches!(clash.commit(), Err(Error::Conflict(_))));
    assert_eq!(members(&one), 2);
    other.write("c", "1").unwrap();
    one.db.checkpoint().unwrap();
    other.db.checkpoint().unwrap();
    assert_eq!(one.keys(), ["a", "b", "c"]);
    assert_eq!(one.entries().unwrap(), other.entries().unwrap());
    drop(other);
    assert_eq!(members(&one), 1, "it leaves as whoever it is by then");
}

#[test]
fn who_only_reads_joins_anew_as_well() {
    let (cluster, [one, other]) = Cluster::of();
    one.write("a", "0").unwrap();
    cluster.pass(PATIENCE, &[&one]);
    assert_eq!(members(&one), 1);
    cluster.pass(1, &[&one, &other]);
    assert_eq!(members(&one), 2);
    assert_eq!(other.keys(), ["a"]);
}

#[test]
fn a_commit_in_doubt_of_somebody_who_was_expelled_is_told_by_the_log() {
    for takes_effect in [false, true] {
        let (cluster, [one, other]) = Cluster::of();
        one.write("a", "0").unwrap();
        other.db.follow().unwrap();
        let fate = if takes_effect { LinkFate::Unanswered } else { LinkFate::Lost };
        other.links([fate; 3]);
        let told = other.write("b", "1");
        assert_eq!(told.is_ok(), takes_effect, "{told:?}");
        cluster.pass(PATIENCE, &[&one]);
        assert_eq!(members(&one), 1);
        assert_eq!(files(&cluster, "tmp"), 1, "its file is gone");
        other.write("c", "1").unwrap();
        let keys: &[&str] = if takes_effect { &["a", "b", "c"] } else { &["a", "c"] };
        assert_eq!(other.keys(), keys);
        assert_eq!(one.keys(), keys);
    }
}

#[test]
fn a_commit_in_doubt_whose_slot_is_gone_is_told_by_the_members_of_a_checkpoint() {
    for takes_effect in [false, true] {
        let cluster = Cluster::new();
        let options = Cluster::options().shared_slots_kept(0);
        let [one, other] = [(); 2].map(|()| cluster.open_with(options.clone()).unwrap());
        one.write("a", "0").unwrap();
        other.links([LinkFate::Late; 3]);
        assert!(matches!(other.write("b", "1"), Err(Error::CommitUnknown { .. })));
        if takes_effect {
            other.disk.deliver();
        }
        cluster.pass(PATIENCE, &[&one]);
        one.db.checkpoint().unwrap();
        assert!(files(&cluster, "log") < 2, "but for numbers that it took since");
        other.disk.deliver();
        other.write("c", "1").unwrap();
        let keys: &[&str] = if takes_effect { &["a", "b", "c"] } else { &["a", "c"] };
        assert_eq!(other.keys(), keys);
        assert_eq!(one.keys(), keys);
    }
}

#[test]
fn all_who_expel_each_other_are_members_in_the_end() {
    let (cluster, [one, other]) = Cluster::of();
    cluster.pass(PATIENCE, &[&one]);
    cluster.pass(PATIENCE, &[&other]);
    cluster.pass(PATIENCE, &[&one]);
    for (node, key) in [(&one, "a"), (&other, "b"), (&one, "c")] {
        node.write(key, "0").unwrap();
    }
    assert_eq!(members(&one), 2);
    assert_eq!(one.entries().unwrap(), other.entries().unwrap());
}

#[test]
fn who_was_away_itself_expels_nobody() {
    let (cluster, [one, other]) = Cluster::of();
    cluster.pass(1, &[&one, &other]);
    cluster.pass(100 * PATIENCE, &[]);
    cluster.pass(1, &[&one]);
    cluster.pass(1, &[&one, &other]);
    cluster.pass(PATIENCE, &[&one, &other]);
    assert_eq!(files(&cluster, "log"), 2, "nobody has appended anything but its joining");
}

#[test]
fn patience_is_longer_than_the_time_between_two_signs_of_life() {
    let options = Cluster::options().member_patience(Duration::from_secs(19));
    assert!(matches!(Cluster::new().open_with(options), Err(Error::Invalid(_))));
    let options = Cluster::options().member_patience(Duration::MAX);
    let cluster = Cluster::new();
    let [one, _other] = [(); 2].map(|()| cluster.open_with(options.clone()).unwrap());
    cluster.pass(10 * PATIENCE, &[&one]);
    assert_eq!(members(&one), 2);
}
