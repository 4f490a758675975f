//! Transactions that are prepared in a folder that several processes share.

use super::*;

/// What a commit clashed with.
fn holder(outcome: Result<Commit>) -> Option<String> {
    match outcome {
        Err(Error::Conflict(conflict)) => conflict.prepared,
        other => panic!("{other:?}"),
    }
}

#[test]
fn what_a_shared_folder_has_prepared_every_process_sees_and_can_end() {
    let (cluster, [one, other]) = Cluster::of();
    one.write("base", "0").unwrap();
    let tx = one.db.begin().unwrap();
    tx.open_store("s", &StoreOptions::default()).unwrap().upsert("k", "new").unwrap();
    drop(tx.prepare("between").unwrap());
    let clash = |db: &Database| {
        let tx = db.begin().unwrap();
        tx.open_store("s", &StoreOptions::default()).unwrap().upsert("k", "other").unwrap();
        tx.commit()
    };
    assert_eq!(holder(clash(&other.db)).as_deref(), Some("between"));
    other.db.checkpoint().unwrap();
    let third = cluster.open().unwrap();
    assert_eq!(holder(clash(&third.db)).as_deref(), Some("between"));
    drop(one);
    third.db.find_prepared("between").unwrap().commit().unwrap();
    other.db.follow().unwrap();
    let snapshot = other.db.snapshot().unwrap();
    assert_eq!(&*snapshot.store("s").unwrap().find("k").unwrap().unwrap(), b"new");
    clash(&other.db).unwrap();
}
