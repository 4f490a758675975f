//! Branches that are ended by force.

use super::*;

/// A branch that waits at the second of two databases; the decision is made already, or never is.
fn waiting(is_decided: bool) -> (Arc<MemoryDisk>, Gtid) {
    let disk = Arc::new(MemoryDisk::default());
    let dbs: Vec<_> = ["/a", "/b"].map(|path| manual(&disk, path)).into();
    let manager = managing(&dbs).build();
    let global = writing(&manager, &dbs, "k");
    let gtid = *global.gtid();
    let mut commit = Box::pin(global.commit());
    assert!(run_for(commit.as_mut(), &dbs, if is_decided { 2 } else { 1 }).is_none());
    (disk, gtid)
}

#[test]
fn what_was_forced_is_compared_with_what_was_decided() {
    for is_decided in [false, true] {
        for forced in [Outcome::Committed, Outcome::RolledBack] {
            let (disk, gtid) = waiting(is_decided);
            let alone = open(&disk, "/b");
            block_on(alone.force(&gtid, forced)).unwrap();
            assert_eq!(alone.in_doubt().unwrap()[0].doubt, Doubt::Forced(forced));
            assert_eq!(value(&alone, "k").is_some(), forced == Outcome::Committed);
            let again = block_on(alone.force(&gtid, forced));
            assert!(matches!(again, Err(Error::PreparedNotFound { .. })));
            let recovered = block_on(managing(std::slice::from_ref(&alone)).build().recover(NOW));
            assert_eq!(recovered.in_doubt[0].doubt, Doubt::Forced(forced));

            let dbs = [open(&disk, "/a"), alone];
            let manager = managing(&dbs).build();
            let recovered = block_on(manager.recover(NOW));
            let decided = if is_decided { Outcome::Committed } else { Outcome::RolledBack };
            if forced == decided {
                assert_eq!(recovered.in_doubt, []);
                assert_eq!(holders(&dbs, "k"), [is_decided, is_decided]);
                continue;
            }
            let contradicted = Doubt::Contradicted(forced);
            for _ in 0..3 {
                let recovered = block_on(manager.recover(NOW));
                assert!(recovered.in_doubt.iter().all(|doubt| doubt.doubt == contradicted));
                assert!(!recovered.in_doubt.is_empty());
                assert_eq!(dbs[1].in_doubt().unwrap()[0].doubt, contradicted);
            }
            block_on(dbs[1].give_up(&gtid)).unwrap();
            assert_eq!(holders(&dbs, "k"), [is_decided, !is_decided]);
            assert_eq!(block_on(manager.recover(NOW)), Recovered::default());
        }
    }
}

#[test]
fn nothing_is_forced_or_given_up_that_is_not_there() {
    let (disk, gtid) = waiting(false);
    let db = open(&disk, "/a");
    let missing = |outcome| assert!(matches!(outcome, Err(Error::PreparedNotFound { .. })));
    missing(block_on(db.force(&gtid, Outcome::Committed)));
    missing(block_on(db.give_up(&gtid)));
    let other = open(&disk, "/b");
    missing(block_on(other.give_up(&gtid)));
    missing(block_on(other.force(&Gtid::from_bytes([1; 40]), Outcome::Committed)));
    assert_eq!(other.prepared().unwrap().len(), 1);
}
