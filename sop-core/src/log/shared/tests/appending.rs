//! Members append and follow; requests to link are answered, or not, or wrongly.

use super::*;

#[test]
fn members_apply_each_others_batches_in_one_order() {
    let [mut one, mut other] = open_all(&server());
    assert_eq!(position(one.append(10)), Some(3));
    assert_eq!(position(one.append(11)), Some(4));
    assert_eq!(other.follow().unwrap(), Followed::ToTheEnd);
    assert_eq!(position(other.append(12)), Some(5));
    assert_eq!(one.follow().unwrap(), Followed::ToTheEnd);
    assert_eq!(one.batches, [10, 11, 12]);
    assert_eq!(one.batches, other.batches);
    assert_eq!(one.log.anchor(), other.log.anchor());
}

#[test]
fn whoever_is_overtaken_has_appended_nothing() {
    let [mut one, mut other] = open_all(&server());
    one.append(10).unwrap();
    assert!(matches!(other.append(20), Ok(Appended::Overtaken)));
    other.follow().unwrap();
    assert_eq!(position(other.append(21)), Some(4));
    one.follow().unwrap();
    assert_eq!(one.batches, [10, 21]);
    assert_eq!(one.unfinished(), 0, "files are tidied away");
}

#[test]
fn a_remembered_absence_hides_nothing() {
    let [mut one, mut other] = open_all(&server());
    other.follow().unwrap();
    one.append(10).unwrap();
    other.follow().unwrap();
    assert_eq!(other.batches, [10]);
}

#[test]
fn a_link_that_was_not_answered_is_recognised() {
    let [mut one, mut other] = open_all(&server());
    one.links(vec![LinkFate::Unanswered]);
    assert_eq!(position(one.append(10)), Some(3));
    other.follow().unwrap();
    assert_eq!(other.batches, [10]);
}

#[test]
fn a_link_that_was_lost_is_made_again() {
    let [mut one, _] = open_all(&server());
    one.links(vec![LinkFate::Lost, LinkFate::Late]);
    assert_eq!(position(one.append(10)), Some(3));
    one.disk.deliver();
    assert_eq!(position(one.append(11)), Some(4));
}

#[test]
fn a_link_that_was_not_made_is_not_believed() {
    let [mut one, mut other] = open_all(&server());
    one.append(10).unwrap();
    other.links(vec![LinkFate::Misreported]);
    assert!(matches!(other.append(20), Ok(Appended::Overtaken)));
}

#[test]
fn a_file_that_is_removed_over_and_over_before_it_is_linked_gets_its_slot() {
    let server = server();
    let [mut one, mut other] = open_all(&server);
    let (remaining, unfinished) = (AtomicU64::new(20), one.log.slots().unfinished.clone());
    one.disk.judge_links(move |_| {
        let is_seen =
            remaining.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
        for file in is_seen.map(|_| server.list(&unfinished).unwrap()).unwrap_or_default() {
            server.remove(&unfinished.join(file.name)).unwrap();
        }
        LinkFate::Answered
    });
    assert_eq!(position(one.append(10)), Some(3));
    other.follow().unwrap();
    assert_eq!(other.batches, [10]);
}

#[test]
fn what_stays_open_is_settled_later() {
    let [mut one, mut other] = open_all(&server());
    one.links(vec![LinkFate::Lost, LinkFate::Lost, LinkFate::Late]);
    assert!(matches!(one.append(10), Ok(Appended::Open(Error::Io { .. }))));
    one.disk.deliver();
    assert_eq!(position(one.settle(10)), Some(3));
    other.follow().unwrap();
    assert_eq!(other.batches, one.batches);
}

#[test]
fn what_stays_open_may_turn_out_to_be_overtaken() {
    let [mut one, mut other] = open_all(&server());
    one.links(vec![LinkFate::Lost, LinkFate::Lost, LinkFate::Late]);
    assert!(matches!(one.append(10), Ok(Appended::Open(Error::Io { .. }))));
    other.append(20).unwrap();
    one.disk.deliver();
    assert!(matches!(one.settle(10), Ok(Appended::Overtaken)));
    one.follow().unwrap();
    assert_eq!(one.batches, [20]);
}

#[test]
fn a_full_disk_leaves_the_log_as_it_was() {
    let server = server();
    let [mut one, _] = open_all(&server);
    server.faults().set_room(Some(20));
    assert!(matches!(one.append(10), Err(Error::DiskFull { .. })));
    server.faults().set_room(None);
    assert_eq!(position(one.append(11)), Some(3));
}

/// Appends batches, behind what others append meanwhile.
fn append_all(mut node: Node, batches: std::ops::Range<u64>) -> Node {
    for batch in batches {
        while position(node.append(batch)).is_none() {
            node.follow().unwrap();
        }
    }
    node
}

#[test]
fn threads_that_race_on_a_real_disk_get_one_position_each() {
    const EACH: u64 = 30;
    let folder = tempfile::tempdir().unwrap();
    make_folders(&crate::OsDisk, folder.path());
    let clock = Arc::default();
    let open = || open_at(Arc::new(crate::OsDisk), folder.path(), &clock);
    let mut nodes: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let node = open();
                scope.spawn(move || append_all(node, thread * EACH..(thread + 1) * EACH))
            })
            .collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    for node in &mut nodes {
        node.follow().unwrap();
    }
    let mut batches = nodes[0].batches.clone();
    assert!(nodes.iter().all(|node| node.batches == batches));
    batches.sort_unstable();
    assert_eq!(batches, (0..4 * EACH).collect::<Vec<_>>());
}
