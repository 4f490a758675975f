//! Seeing what others commit.

use std::{
    pin::pin,
    task::{Context, Poll, Waker},
    time::Duration,
};

use super::*;
use crate::Work;

#[test]
fn a_transaction_sees_what_was_committed_before_it_began() {
    let (_, [one, other]) = Cluster::of();
    for number in 0..10 {
        let (writer, reader) = if number % 2 == 0 { (&one, &other) } else { (&other, &one) };
        writer.write("a", &number.to_string()).unwrap();
        let transaction = reader.db.begin().unwrap();
        let found = transaction.store(STORE).unwrap().find("a").unwrap().unwrap().to_vec();
        assert_eq!(found, number.to_string().as_bytes());
    }
}

#[test]
fn snapshots_stay_behind_until_the_background_follows() {
    let cluster = Cluster::new();
    let options = || Cluster::options().follow_interval(Duration::ZERO);
    let (one, other) =
        (cluster.open_with(options()).unwrap(), cluster.open_with(options()).unwrap());
    while other.db.work().unwrap() != Some(Work::Follow) {}
    let before = other.db.snapshot().unwrap();
    one.write("a", "1").unwrap();
    let mut changed = pin!(other.db.changed_after(before.position()));
    let mut context = Context::from_waker(Waker::noop());
    assert!(changed.as_mut().poll(&mut context).is_pending());
    assert!(other.db.snapshot().unwrap().store(STORE).is_err());

    assert_eq!(other.db.work().unwrap(), Some(Work::Follow));
    assert!(matches!(changed.as_mut().poll(&mut context), Poll::Ready(Ok(()))));
    assert!(other.db.snapshot().unwrap().store(STORE).is_ok());
    assert!(before.store(STORE).is_err(), "what was taken stays as it is");
}

#[test]
fn processes_with_threads_of_their_own_commit_beside_each_other() {
    const COMMITS: usize = 60;
    let cluster = Cluster::new();
    let threads = || Cluster::options().background(Background::Threads);
    let nodes: Vec<_> = (0..3).map(|_| cluster.open_with(threads()).unwrap()).collect();
    let write = &|who: usize, writer: usize| {
        for number in 0..COMMITS {
            nodes[who].write(&format!("{who}-{writer}-{number:02}"), "x").unwrap();
            if number % 20 == 0 && writer == 0 {
                nodes[who].db.checkpoint().unwrap();
            }
        }
    };
    std::thread::scope(|scope| {
        for (who, writer) in (0..3).flat_map(|who| [(who, 0), (who, 1)]) {
            scope.spawn(move || write(who, writer));
        }
    });
    for node in &nodes {
        assert_eq!(node.keys().len(), 6 * COMMITS);
        node.db.check().unwrap();
    }
}

#[test]
fn a_folder_of_a_real_file_system_is_shared_as_well() {
    let folder = tempfile::tempdir().unwrap();
    let open = || Database::builder().options(Cluster::options()).open(folder.path().join("db"));
    let dbs = [open().unwrap(), open().unwrap()];
    let commit = |db: &Database, key: &str| {
        let transaction = db.begin().unwrap();
        transaction.open_store(STORE, &StoreOptions::default()).unwrap().add(key, "x").unwrap();
        transaction
    };
    for round in 0..5 {
        let [one, other] = ["a", "b"].map(|name| format!("{name}{round}"));
        let (one, other) = (commit(&dbs[0], &one), commit(&dbs[1], &other));
        one.commit().unwrap();
        other.commit().unwrap();
        dbs[round % 2].checkpoint().unwrap();
    }
    for db in dbs.into_iter().chain([open().unwrap()]) {
        db.follow().unwrap();
        assert_eq!(db.snapshot().unwrap().store(STORE).unwrap().len().unwrap(), 10);
        db.check().unwrap();
        db.close().unwrap();
    }
}
