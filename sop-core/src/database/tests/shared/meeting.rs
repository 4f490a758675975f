//! Processes that meet in the middle of what one of them does: at each of its calls another one does
//! all of its own. Each of these was wrong once, at some call.

use super::*;
use crate::{FaultyDisk, limit::KEPT_MANIFESTS};

/// Does something on a machine, before whose `call`th call something else happens; whether there was
/// such a call.
fn meet<T>(
    cluster: &Cluster,
    call: u64,
    work: impl FnOnce(&dyn Fn() -> Result<Database>) -> T,
    happening: impl FnOnce() + Send + 'static,
) -> (T, bool) {
    let client = ClientDisk::new(Arc::new(cluster.server.clone()));
    let disk = FaultyDisk::new(Arc::new(client));
    let calls = AtomicU64::new(0);
    let happening = Arc::new(Mutex::new(Some(happening)));
    let waiting = Arc::clone(&happening);
    disk.faults().judge(move |_, _| {
        if calls.fetch_add(1, Ordering::Relaxed) == call
            && let Some(happening) = waiting.lock().take()
        {
            happening();
        }
        None
    });
    let open = || {
        let builder = Database::builder().options(Cluster::options()).disk(Arc::new(disk.clone()));
        builder.clock(Arc::clone(&cluster.clock) as Arc<dyn Clock>).open(ROOT)
    };
    let done = work(&open);
    // What is done later must not meet anybody.
    let happened = happening.lock().take().is_none();
    (done, happened)
}

/// More checkpoints than are kept, each of something new.
fn checkpoint_often(node: &Node) {
    for number in 0..=KEPT_MANIFESTS {
        node.write("a", &number.to_string()).unwrap();
        node.db.checkpoint().unwrap();
    }
}

#[test]
fn who_opens_a_folder_goes_on_with_a_newer_manifest_if_what_it_reads_is_removed() {
    for call in 0.. {
        let (cluster, [one]) = Cluster::of();
        one.write("a", "x").unwrap();
        one.db.checkpoint().unwrap();
        one.write("b", "x").unwrap();
        let busy = Arc::new(one);
        let rival = Arc::clone(&busy);
        let (opened, has_met) =
            meet(&cluster, call, |open| open(), move || checkpoint_often(&rival));
        let opened = opened.unwrap_or_else(|error| panic!("call {call}: {error}"));
        opened.follow().unwrap();
        let snapshot = opened.snapshot().unwrap();
        let found = snapshot.store(STORE).unwrap().find("a").unwrap();
        let expected = if has_met { KEPT_MANIFESTS.to_string() } else { "x".into() };
        assert_eq!(found.as_deref(), Some(expected.as_bytes()), "call {call}");
        if !has_met {
            assert!(call > 10, "{call} calls");
            return;
        }
    }
}

#[test]
fn who_creates_a_folder_that_another_creates_meanwhile_opens_it() {
    for call in 0.. {
        let cluster = Cluster::new();
        let other = Arc::new(Mutex::new(None));
        let opened = Arc::clone(&other);
        let same = Cluster { server: cluster.server.clone(), clock: Arc::clone(&cluster.clock) };
        let (one, has_met) =
            meet(&cluster, call, |open| open(), move || *opened.lock() = Some(same.open()));
        let one = one.unwrap_or_else(|error| panic!("call {call}: {error}"));
        let Some(other) = other.lock().take() else {
            assert!(!has_met && call > 10, "{call} calls");
            return;
        };
        let other = other.unwrap_or_else(|error| panic!("call {call}: {error}"));
        other.write("a", "x").unwrap();
        one.follow().unwrap();
        let snapshot = one.snapshot().unwrap();
        assert!(snapshot.store(STORE).unwrap().find("a").unwrap().is_some());
    }
}

#[test]
fn who_collects_what_is_old_may_find_that_another_has_removed_it() {
    for call in 0.. {
        let (cluster, [one]) = Cluster::of();
        // The collector has not met these manifests, and reads them.
        checkpoint_often(&one);
        let busy = Arc::new(one);
        let rival = Arc::clone(&busy);
        busy.write("b", "x").unwrap();
        let work = |open: &dyn Fn() -> Result<Database>| open().and_then(|db| db.checkpoint());
        let (done, has_met) = meet(&cluster, call, work, move || checkpoint_often(&rival));
        done.unwrap_or_else(|error| panic!("call {call}: {error}"));
        busy.write("c", "x").unwrap();
        if !has_met {
            assert!(call > 30, "{call} calls");
            return;
        }
    }
}

#[test]
fn a_manifest_whose_link_was_left_open_is_not_in_the_way_of_the_next() {
    for fate in [LinkFate::Lost, LinkFate::Late, LinkFate::Unanswered] {
        let (cluster, [one, other]) = Cluster::of();
        one.write("a", "x").unwrap();
        one.links([fate; 8]);
        let left_open = one.db.checkpoint();
        assert_eq!(left_open.is_ok(), fate == LinkFate::Unanswered, "{fate:?}: {left_open:?}");
        one.links([]);
        one.write("b", "x").unwrap();
        one.db.checkpoint().unwrap();
        // What is late by now has lost its number.
        one.disk.deliver();
        other.write("c", "x").unwrap();
        other.db.checkpoint().unwrap();
        let keys = ["a", "b", "c"].map(str::to_owned);
        for node in [&one, &other, &cluster.open().unwrap()] {
            assert_eq!(node.keys(), keys, "{fate:?}");
        }
    }
}
