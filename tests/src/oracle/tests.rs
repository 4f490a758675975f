//! Histories made by hand, each of which is known to be good or bad.

use std::ops::Bound;

use sop_core::{Database, Error, StoreOptions};

use super::{Checked, Digest, End, Isolation, Life, Model, Report, Step, Value, WriteKind, check};

const STORE: &str = "s";

fn value(text: &str) -> Value {
    text.as_bytes().into()
}

/// A store with the entries `a` and `b`.
fn begin() -> Model {
    let rows = [("a", "a0"), ("b", "b0")].map(|(key, text)| (key.into(), value(text)));
    Model { stores: [(STORE.to_owned(), rows.into())].into() }
}

fn find(key: &str, found: Option<&str>) -> Step {
    Step::Find { store: STORE.into(), key: key.into(), found: found.map(value) }
}

fn range(found: &[(&str, &str)]) -> Step {
    let found = found.iter().map(|(key, text)| ((*key).into(), value(text))).collect();
    let range = (Bound::Included("a".into()), Bound::Excluded("d".into()));
    Step::Range { store: STORE.into(), range, found }
}

fn upsert(key: &str, text: &str) -> Step {
    let kind = WriteKind::Upsert(value(text));
    Step::Write { store: STORE.into(), key: key.into(), kind, done: true }
}

fn report(snapshot: u64, steps: Vec<Step>, end: End) -> Report {
    Report { snapshot, isolation: Isolation::Serializable, begun_after: 0, steps, end }
}

fn committed(position: u64) -> End {
    merged(position, 0)
}

fn merged(position: u64, index: u32) -> End {
    let order = u64::from(index);
    End::Committed { position, order, index: Some(index), submitted_after: 0 }
}

fn reader(snapshot: u64, steps: Vec<Step>) -> Report {
    report(snapshot, steps, End::NoEffect)
}

fn under_snapshot_isolation(report: Report) -> Report {
    Report { isolation: Isolation::Snapshot, ..report }
}

fn judge(reports: Vec<Report>) -> Result<Checked, String> {
    judge_end(reports, 0, None)
}

fn judge_end(reports: Vec<Report>, lasting: u64, found: Option<u64>) -> Result<Checked, String> {
    let life = Life { lasting, reports, ..Life::default() };
    check(&begin(), &life, found).map(|(_, checked)| checked)
}

#[track_caller]
fn assert_refuted(judged: &Result<Checked, String>, by: &str) {
    assert!(judged.as_ref().is_err_and(|reason| reason.contains(by)), "{judged:?}");
}

#[test]
fn a_history_without_fault_passes() {
    let judged = judge(vec![
        report(0, vec![find("a", Some("a0")), upsert("a", "a1")], committed(1)),
        report(1, vec![find("a", Some("a1")), find("c", None), upsert("c", "c2")], committed(2)),
        report(0, vec![find("b", Some("b0")), upsert("b", "b2")], merged(2, 1)),
        reader(1, vec![range(&[("a", "a1"), ("b", "b0")])]),
        reader(2, vec![range(&[("a", "a1"), ("b", "b2"), ("c", "c2")])]),
    ]);
    assert_eq!(judged, Ok(Checked { commits: 3, conflicts: 0, others: 2, states: 0 }));
}

#[test]
fn a_transaction_sees_its_own_writes() {
    let steps = vec![upsert("c", "c1"), range(&[("a", "a0"), ("b", "b0"), ("c", "c1")])];
    assert!(judge(vec![report(0, steps, committed(1))]).is_ok());
    let steps = vec![upsert("c", "c1"), find("c", None)];
    assert_refuted(&judge(vec![report(0, steps, committed(1))]), "on its snapshot 0");
}

#[test]
fn a_lost_update_is_found() {
    let add_one = |text| vec![find("a", Some("a0")), upsert("a", text)];
    let history = |isolate: fn(Report) -> Report| {
        vec![
            isolate(report(0, add_one("one"), committed(1))),
            isolate(report(0, add_one("two"), committed(2))),
        ]
    };
    assert_refuted(&judge(history(|report| report)), "report 1 at its commit 2");
    assert_refuted(&judge(history(under_snapshot_isolation)), "was changed at Some(1)");
}

#[test]
fn a_blind_write_loses_no_update_unless_something_was_read() {
    let blind = |key: &str, text: &str| {
        let kind = WriteKind::BlindUpsert(value(text));
        Step::Write { store: STORE.into(), key: key.into(), kind, done: true }
    };
    let history = |steps: Vec<Step>| {
        let first = report(0, vec![upsert("a", "one")], committed(1));
        judge(vec![first, under_snapshot_isolation(report(0, steps, committed(2)))])
    };
    assert!(history(vec![blind("a", "two")]).is_ok());
    assert_refuted(&history(vec![blind("a", "two"), upsert("a", "2")]), "changed at Some(1)");
    assert_refuted(&history(vec![upsert("a", "2"), blind("a", "two")]), "changed at Some(1)");
    let first = report(0, vec![upsert("a", "one")], committed(1));
    let second = report(0, vec![find("a", Some("a0")), blind("a", "two")], committed(2));
    assert_refuted(&judge(vec![first, second]), "report 1 at its commit 2");
}

#[test]
fn write_skew_is_a_fault_only_where_transactions_are_to_be_serializable() {
    let history = |isolate: fn(Report) -> Report| {
        vec![
            isolate(report(0, vec![find("a", Some("a0")), upsert("b", "b1")], committed(1))),
            isolate(report(0, vec![find("b", Some("b0")), upsert("a", "a2")], committed(2))),
        ]
    };
    assert_refuted(&judge(history(|report| report)), "report 1 at its commit 2");
    assert!(judge(history(under_snapshot_isolation)).is_ok());
}

#[test]
fn a_stale_read_is_found() {
    let write = report(0, vec![upsert("a", "a1")], committed(1));
    let stale = reader(1, vec![find("a", Some("a0"))]);
    assert_refuted(&judge(vec![write.clone(), stale]), "report 1 on its snapshot 1");
    let began_too_early = Report { begun_after: 1, ..reader(0, vec![find("a", Some("a0"))]) };
    assert_refuted(&judge(vec![write, began_too_early]), "when 1 was acknowledged");
}

#[test]
fn a_phantom_is_found() {
    let judged = judge(vec![
        report(0, vec![upsert("c", "c1")], committed(1)),
        report(0, vec![range(&[("a", "a0"), ("b", "b0")]), upsert("d", "two")], committed(2)),
    ]);
    assert_refuted(&judged, "report 1 at its commit 2");
}

#[test]
fn a_count_that_misses_an_entry_is_found() {
    let range = (Bound::Unbounded, Bound::Unbounded);
    let count = Step::Count { store: STORE.into(), range, found: 2 };
    let judged = judge(vec![
        report(0, vec![upsert("c", "c1")], committed(1)),
        report(0, vec![count, upsert("d", "two")], committed(2)),
    ]);
    assert_refuted(&judged, "report 1 at its commit 2");
}

#[test]
fn a_dirty_read_is_found() {
    let judged = judge(vec![
        report(0, vec![upsert("a", "never")], End::NoEffect),
        reader(0, vec![find("a", Some("never"))]),
    ]);
    assert_refuted(&judged, "report 1 on its snapshot 0");
}

#[test]
fn a_commit_that_is_there_twice_is_found() {
    let add = |at| {
        let kind = WriteKind::Add(value("c1"));
        let step = Step::Write { store: STORE.into(), key: "c".into(), kind, done: true };
        report(0, vec![step], at)
    };
    assert_refuted(&judge(vec![add(committed(1)), add(committed(2))]), "report 1 at its commit 2");
    let judged = judge(vec![add(committed(1)), report(0, vec![upsert("d", "d1")], committed(1))]);
    assert_refuted(&judged, "at the same place");
}

#[test]
fn a_commit_that_is_lost_is_found() {
    let write = report(0, vec![upsert("a", "a1")], committed(1));
    let without = reader(1, vec![range(&[("a", "a0"), ("b", "b0")])]);
    assert_refuted(&judge(vec![write, without]), "report 1 on its snapshot 1");
    let nobodys = report(0, vec![upsert("a", "a1")], committed(2));
    assert_refuted(&judge(vec![nobodys]), "position 2 of report 0 follows on 0");
    let second = report(0, vec![upsert("a", "a1")], merged(1, 1));
    assert_refuted(&judge(vec![second]), "report 0 is number 0 at its position");
}

#[test]
fn an_order_that_contradicts_what_was_read_is_found() {
    let judged = judge(vec![
        report(0, vec![upsert("a", "a1")], merged(1, 1)),
        report(0, vec![find("a", Some("a1")), upsert("b", "b1")], merged(1, 0)),
    ]);
    assert_refuted(&judged, "report 1 on its snapshot 0");
    let end = End::Committed { position: 1, order: 0, index: Some(0), submitted_after: 1 };
    let judged = judge(vec![report(0, vec![upsert("a", "a1")], end)]);
    assert_refuted(&judged, "it comes after 1");
}

#[test]
fn what_lasts_is_a_beginning_without_gaps_and_has_all_that_was_promised() {
    let history = || {
        vec![
            report(0, vec![upsert("a", "a1")], committed(1)),
            report(1, vec![upsert("a", "a2")], committed(2)),
            report(2, vec![upsert("a", "a3")], End::Unknown { position: 3, order: 0 }),
        ]
    };
    for (lasting, found, is_right) in
        [(1, 0, false), (1, 1, true), (1, 2, true), (1, 3, true), (1, 4, false), (2, 1, false)]
    {
        let judged = judge_end(history(), lasting, Some(found));
        assert_eq!(judged.is_ok(), is_right, "{found} found of {lasting}: {judged:?}");
    }
    let life = Life { lasting: 1, reports: history(), ..Life::default() };
    let found = |at| check(&begin(), &life, Some(at)).map(|(model, _)| model.stores[STORE].clone());
    for (at, text) in [(1, "a1"), (2, "a2"), (3, "a3")] {
        assert_eq!(found(at).map(|rows| rows[&b"a"[..]].clone()), Ok(value(text)));
    }
}

/// A conflict that the engine makes of two transactions, as only it can make one.
fn refused(
    one: impl Fn(&sop_core::Transaction) -> sop_core::Result<()>,
    two: impl Fn(&sop_core::Transaction) -> sop_core::Result<()>,
) -> Result<sop_core::Conflict, Error> {
    let db = Database::builder().in_memory()?;
    let setup = db.begin()?;
    let store = setup.create_store(STORE, &StoreOptions::default())?;
    store.add("a", "a0")?;
    store.add("b", "b0")?;
    setup.commit()?;
    let loser = db.begin()?;
    one(&loser)?;
    let winner = db.begin()?;
    two(&winner)?;
    winner.commit()?;
    match loser.commit() {
        Err(Error::Conflict(conflict)) => Ok(conflict),
        other => Err(Error::Invalid(format!("no conflict, but {other:?}"))),
    }
}

#[test]
fn a_conflict_needs_something_of_the_losers_that_somebody_changed() -> Result<(), Error> {
    let write = |key: &'static str| {
        move |transaction: &sop_core::Transaction| transaction.store(STORE)?.upsert(key, "new")
    };
    // The store was created by the first commit, at position 1, so that the winner has 2.
    let conflict = refused(write("a"), write("a"))?;
    let history = |winner: Step, loser: Step, told_at| {
        let refused = End::Refused { conflict: conflict.clone(), told_at };
        vec![
            report(0, vec![upsert("b", "b1")], committed(1)),
            report(1, vec![winner], committed(2)),
            report(1, vec![loser], refused),
        ]
    };
    assert!(judge(history(upsert("a", "w"), upsert("a", "l"), 2)).is_ok());
    let unjust = "had no conflict";
    assert_refuted(&judge(history(upsert("b", "w"), upsert("a", "l"), 2)), unjust);
    assert_refuted(&judge(history(upsert("a", "w"), upsert("b", "l"), 2)), unjust);
    assert_refuted(&judge(history(upsert("a", "w"), find("a", Some("a0")), 2)), unjust);
    assert_refuted(&judge(history(upsert("a", "w"), upsert("a", "l"), 1)), unjust);
    Ok(())
}

#[test]
fn a_conflict_over_a_range_needs_a_change_where_it_was_walked() -> Result<(), Error> {
    let scan = |transaction: &sop_core::Transaction| {
        let store = transaction.store(STORE)?;
        assert_eq!(store.range("a".."d")?.count(), 2);
        store.upsert("z", "new")
    };
    let enter = |transaction: &sop_core::Transaction| transaction.store(STORE)?.add("c", "new");
    let conflict = refused(scan, enter)?;
    let history = |walked: Step| {
        let refused = End::Refused { conflict: conflict.clone(), told_at: 2 };
        vec![
            report(0, vec![upsert("b", "b1")], committed(1)),
            report(1, vec![upsert("c", "c2")], committed(2)),
            report(1, vec![walked, upsert("z", "l")], refused),
        ]
    };
    assert!(judge(history(range(&[("a", "a0"), ("b", "b1")]))).is_ok());
    let short = (Bound::Included("a".into()), Bound::Included("b".into()));
    let found = vec![("a".into(), value("a0")), ("b".into(), value("b1"))];
    let walked = Step::Range { store: STORE.into(), range: short, found };
    assert_refuted(&judge(history(walked)), "had no conflict");
    Ok(())
}

#[test]
fn names_of_stores_are_read_and_written_like_entries() {
    let create = |exclusive| Step::Create { store: "t".into(), exclusive };
    let open = |found| Step::Open { store: "t".into(), found };
    let both_create = |exclusive| {
        judge(vec![
            report(0, vec![create(exclusive), upsert("a", "a1")], committed(1)),
            report(0, vec![create(exclusive), upsert("b", "b2")], committed(2)),
        ])
    };
    assert!(both_create(false).is_ok());
    assert_refuted(&both_create(true), "report 1 at its commit 2");
    let missed = judge(vec![
        report(0, vec![create(true)], committed(1)),
        report(0, vec![open(false), upsert("a", "a2")], committed(2)),
    ]);
    assert_refuted(&missed, "report 1 at its commit 2");
    let rename = Step::Rename { from: STORE.into(), to: "t".into() };
    let stores = vec!["t".to_owned()];
    let listed = judge(vec![
        report(0, vec![rename], committed(1)),
        reader(1, vec![Step::List { stores }, open(true)]),
        report(1, vec![Step::Drop { store: "t".into() }], committed(2)),
        reader(2, vec![Step::List { stores: Vec::new() }, open(false)]),
    ]);
    assert_eq!(listed, Ok(Checked { commits: 2, conflicts: 0, others: 2, states: 0 }));
}

#[test]
fn a_state_that_was_looked_at_must_be_what_the_commits_make_of_it() {
    let states = [
        begin(),
        Model { stores: [(STORE.to_owned(), [("a".into(), value("a1"))].into())].into() },
    ];
    let [before, after] = states.map(|state| Digest::of_model(&state));
    let judge = |digests: &[(u64, u64)]| {
        let remove = Step::Write {
            store: STORE.into(),
            key: "b".into(),
            kind: WriteKind::Remove,
            done: true,
        };
        let reports = vec![report(0, vec![upsert("a", "a1"), remove], committed(1))];
        let life = Life { reports, digests: digests.iter().copied().collect(), ..Life::default() };
        check(&begin(), &life, None).map(|(_, checked)| checked)
    };
    assert_eq!(judge(&[(0, before), (1, after)]).map(|checked| checked.states), Ok(2));
    assert_refuted(&judge(&[(0, before), (1, before)]), "something else");
    assert_refuted(&judge(&[(2, after)]), "never was");
}

mod blobs {
    use sop_core::ConflictKind;

    use super::*;
    use crate::oracle::{BlobStep, Deed, Told};

    const CHUNK: usize = 4_096;

    fn step(deed: Deed, told: Told) -> Step {
        let (store, blob) = (STORE.to_owned(), b"film".to_vec());
        Step::Blob(BlobStep { store, blob, chunk_len: CHUNK, deed, told })
    }

    fn write(offset: usize, byte: u8, len: usize) -> Step {
        let bytes = vec![byte; len].into();
        step(Deed::Write { offset: offset as u64, bytes }, Told::Done)
    }

    fn length(len: usize) -> Step {
        step(Deed::Len, Told::Number(len as u64))
    }

    fn read(offset: usize, bytes: &[&[u8]]) -> Step {
        let bytes = bytes.concat();
        let (offset, len) = (offset as u64, bytes.len());
        step(Deed::Read { offset, len }, Told::Bytes(bytes.into()))
    }

    /// A commit that makes a blob of two chunks, and others behind it.
    fn history(rest: impl IntoIterator<Item = Report>) -> Result<Checked, String> {
        let steps = vec![
            Step::Drop { store: STORE.into() },
            Step::Create { store: STORE.into(), exclusive: true },
            step(Deed::Create, Told::Done),
            write(0, 1, 2 * CHUNK),
        ];
        let made = report(0, steps, committed(1));
        judge([made].into_iter().chain(rest).collect())
    }

    #[test]
    fn changes_of_different_chunks_pass_and_those_of_one_chunk_do_not() {
        let both = |offset: usize| {
            let one = report(1, vec![write(0, 2, CHUNK)], committed(2));
            let other = report(1, vec![write(offset, 3, 10)], committed(3));
            history([under_snapshot_isolation(one), under_snapshot_isolation(other)])
        };
        assert_eq!(both(CHUNK), Ok(Checked { commits: 3, conflicts: 0, others: 0, states: 0 }));
        assert_refuted(&both(CHUNK - 1), "was changed at Some(2)");
    }

    #[test]
    fn what_was_read_is_what_is_there() {
        let seen = |steps| history([reader(1, steps)]);
        assert!(seen(vec![length(2 * CHUNK), read(CHUNK - 1, &[&[1], &[1]])]).is_ok());
        assert_refuted(&seen(vec![length(2 * CHUNK - 1)]), "would be right");
        assert_refuted(&seen(vec![read(CHUNK - 1, &[&[1], &[2]])]), "would be right");
        let changed = vec![write(CHUNK - 1, 2, 2), read(CHUNK - 2, &[&[1, 2, 2, 1]])];
        assert!(history([report(1, changed, committed(2))]).is_ok());
    }

    #[test]
    fn nobody_writes_behind_what_was_cut_off() {
        let cut = report(1, vec![step(Deed::Truncate(CHUNK as u64), Told::Done)], committed(2));
        let append = vec![write(2 * CHUNK, 2, 5)];
        let append = under_snapshot_isolation(report(1, append, committed(3)));
        assert_refuted(&history([cut.clone(), append]), "Beyond(4096) would be right");
        let late = vec![length(CHUNK), write(CHUNK, 2, 5), length(CHUNK + 5)];
        assert!(history([cut, report(2, late, committed(3))]).is_ok());
    }

    #[test]
    fn a_refusal_names_a_chunk_that_was_touched() -> Result<(), Error> {
        let write_any =
            |transaction: &sop_core::Transaction| transaction.store(STORE)?.upsert("a", "new");
        let any = refused(write_any, write_any)?;
        let refused = |steps: Vec<Step>, chunk: u8| {
            let other = report(1, vec![write(CHUNK, 2, CHUNK)], committed(2));
            let key = [&b"film\0\x01\x02\0\0\0"[..], &[chunk]].concat();
            let mut conflict = any.clone();
            (conflict.key, conflict.kind, conflict.winner) = (key, ConflictKind::Read, Some(2));
            history([other, report(1, steps, End::Refused { conflict, told_at: 2 })])
        };
        assert!(refused(vec![read(CHUNK, &[&[1]])], 1).is_ok());
        assert_refuted(&refused(vec![read(0, &[&[1]])], 1), "had no");
        assert_refuted(&refused(vec![read(0, &[&[1]])], 0), "had no");
        assert!(refused(vec![length(2 * CHUNK)], 1).is_ok());
        Ok(())
    }
}
