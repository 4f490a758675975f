//! What was changed since a position, by whomever.

use super::*;
use crate::limit::SLOTS_KEPT_DEFAULT;

/// The keys that were changed after a position, as of now.
fn changed(node: &Node, after: u64) -> Result<Vec<String>> {
    node.db.follow()?;
    let now = node.db.snapshot()?;
    let keys = node.db.changed_keys(now.store(STORE)?.id(), after, &now)?;
    Ok(keys.into_iter().map(|key| String::from_utf8(key).unwrap()).collect())
}

#[test]
fn what_others_have_changed_is_told_from_their_slots() {
    let (cluster, [one, other]) = Cluster::of();
    let first = one.write("a", "1").unwrap().position;
    let second = other.write("b", "1").unwrap().position;
    // Slots in between that are no batches, and a checkpoint, hide nothing.
    let late = cluster.open().unwrap();
    late.db.checkpoint().unwrap();
    one.write("c", "1").unwrap();
    for node in [&one, &other, &late] {
        assert_eq!(changed(node, first).unwrap(), ["b", "c"]);
        assert_eq!(changed(node, second).unwrap(), ["c"]);
        assert_eq!(changed(node, 0).unwrap(), ["a", "b", "c"]);
        let newest = node.db.snapshot().unwrap().position();
        assert!(changed(node, newest).unwrap().is_empty());
        assert!(matches!(changed(node, newest + 1), Err(Error::Invalid(_))));
    }
}

#[test]
fn what_is_below_the_floor_is_said_to_be_gone() {
    let (_, [one, other]) = Cluster::of();
    let first = one.write("a", "1").unwrap().position;
    let mut last = first;
    for number in 0..2 * SLOTS_KEPT_DEFAULT {
        last = one.write(&format!("n{}", number % 9), "x").unwrap().position;
    }
    assert_eq!(changed(&other, first).unwrap().len(), 9);
    one.db.checkpoint().unwrap();
    for node in [&one, &other] {
        assert!(
            matches!(changed(node, first), Err(Error::PositionGone { position }) if position == first)
        );
        assert_eq!(changed(node, last - 4).unwrap().len(), 4);
        let kept = last - SLOTS_KEPT_DEFAULT;
        assert_eq!(changed(node, kept).unwrap().len(), 9);
    }
}

#[test]
fn a_slot_that_is_damaged_or_was_taken_away_is_named() {
    let (cluster, [one, other]) = Cluster::of();
    let first = one.write("a", "1").unwrap().position;
    let lost = one.write("b", "1").unwrap().position;
    one.write("c", "1").unwrap();
    other.db.follow().unwrap();
    let path = Path::new(ROOT).join("log").join(format!("{lost:016x}.slot"));
    let file = cluster.server.open(&path, crate::Access::Write).unwrap();
    file.write_all_at(b"x", 120).unwrap();
    assert!(matches!(changed(&other, first), Err(Error::Corrupt { .. })));
    cluster.server.remove(&path).unwrap();
    let missing = changed(&other, first).unwrap_err();
    assert!(matches!(&missing, Error::Corrupt { path: at, .. } if *at == path), "{missing}");
}
