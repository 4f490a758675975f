//! One folder fails at any call, in any way; power cuts; and folders that come back.

use std::{
    io::ErrorKind,
    sync::atomic::{AtomicU64, Ordering},
};

use super::*;
use crate::{Call, Fault, Survival};

/// What becomes of one of the two folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Trouble {
    /// Nothing works any more.
    Gone,
    /// It can only be read.
    ReadOnly,
    /// It is full.
    Full,
    /// One call fails.
    Once,
}

const TROUBLES: [Trouble; 4] = [Trouble::Gone, Trouble::ReadOnly, Trouble::Full, Trouble::Once];

/// From the call with this number on that it gets, a folder is in trouble.
fn plan(disk: &SimulatedDisk, side: usize, from: u64, trouble: Trouble) {
    let calls = AtomicU64::new(0);
    disk.faults().judge(move |call, path| {
        if !path.starts_with(ROOTS[side]) {
            return None;
        }
        let number = calls.fetch_add(1, Ordering::Relaxed);
        let changes = matches!(call, Call::Create | Call::Write | Call::Name | Call::Lock);
        match trouble {
            _ if number < from => None,
            Trouble::Gone => Some(Fault::Error(ErrorKind::NotConnected)),
            Trouble::ReadOnly => changes.then_some(Fault::Error(ErrorKind::ReadOnlyFilesystem)),
            Trouble::Full => Some(Fault::Full),
            Trouble::Once => (number == from).then_some(Fault::Error(ErrorKind::Other)),
        }
    });
}

fn power_cut(random: &mut Random, disk: &SimulatedDisk) -> Arc<SimulatedDisk> {
    Arc::new(disk.cut_now(match random.below(3) {
        0 => Survival::Nothing,
        1 => Survival::Everything,
        _ => Survival::Random(random.below(usize::MAX) as u64),
    }))
}

/// Work with a folder that fails from a call on; whether it was met.
///
/// None of it may fail. What was acknowledged has to be there afterwards: in the same process, after
/// a power cut, and with only the other folder left.
fn fail_from(call: u64, side: usize, trouble: Trouble) -> bool {
    let random = &mut Random::new(call + 1);
    let mut disk = Arc::new(SimulatedDisk::new());
    let (db, mut model) = (open_both(&disk).unwrap(), Model::new());
    work(random, &db, &mut model, 6);
    plan(&disk, side, call, trouble);
    work(random, &db, &mut model, 8);
    assert_holds(&db, &model);
    let was_lost = lost(&db)[side];
    assert!(!lost(&db)[1 - side]);
    if random.once_in(3) {
        disk.faults().clear();
        db.rebuild_mirror().unwrap();
        assert_same(&*disk);
        work(random, &db, &mut model, 3);
        assert_same(&*disk);
    }
    if random.once_in(2) {
        db.close().unwrap();
        disk.faults().clear();
    } else {
        drop(db);
        disk = power_cut(random, &disk);
    }
    if random.once_in(3) {
        // The one that failed does not come back.
        wipe(&*disk, ROOTS[side]);
    }
    let db = open_both(&disk).unwrap();
    assert_holds(&db, &model);
    db.rebuild_mirror().unwrap();
    assert_same(&*disk);
    work(random, &db, &mut model, 3);
    assert_same(&*disk);
    drop(db);
    for root in ROOTS {
        let copy = Arc::new(disk.cut_now(Survival::Nothing));
        let db = on(&copy).without_mirror().open(root).unwrap();
        assert_holds(&db, &model);
    }
    was_lost
}

#[test]
fn a_folder_that_fails_at_any_call_is_not_noticed_by_whoever_works() {
    for side in [0, 1] {
        for trouble in TROUBLES {
            let (mut call, mut in_vain, mut met) = (0, 0, 0);
            while in_vain < 20 && call < 400 {
                let was_met = fail_from(call, side, trouble);
                in_vain = if was_met { 0 } else { in_vain + 1 };
                met += u64::from(was_met);
                call += if call < 60 { 1 } else { 7 };
            }
            // A read that fails once loses nothing.
            let expected = if trouble == Trouble::Once { 20 } else { 40 };
            assert!(met > expected, "{side}, {trouble:?}: {met} of {call}");
        }
    }
}

/// The power goes before any call, also of a rebuild; both folders keep different parts of what was
/// not synced.
fn cut_everywhere(seed: u64) {
    let random = &mut Random::new(seed);
    let disk = Arc::new(SimulatedDisk::new());
    let mut states = vec![(0, Model::new())];
    let mut model = Model::new();
    let db = open_both(&disk).unwrap();
    let mut note = |model: &Model| states.push((disk.faults().calls(), model.clone()));
    for _ in 0..6 {
        work(random, &db, &mut model, 1);
        note(&model);
    }
    plan(&disk, usize::from(random.once_in(2)), 0, Trouble::Gone);
    work(random, &db, &mut model, 1);
    disk.faults().clear();
    note(&model);
    db.rebuild_mirror().unwrap();
    for _ in 0..4 {
        work(random, &db, &mut model, 1);
        note(&model);
    }
    db.close().unwrap();
    for call in disk.changes() {
        let survival = match random.below(4) {
            0 => Survival::Nothing,
            1 => Survival::Everything,
            _ => Survival::Random(call),
        };
        let left = Arc::new(disk.cut(call, survival));
        let db = open_both(&left).unwrap_or_else(|error| panic!("{call}, {survival:?}: {error}"));
        let acknowledged = states.iter().rposition(|(at, _)| *at <= call).unwrap();
        let snapshot = db.snapshot().unwrap();
        let possible = states[acknowledged..].iter().take(2);
        let is_there = possible.clone().any(|(_, model)| equals(&snapshot, model).unwrap());
        assert!(is_there, "{call}, {survival:?}: a state that was not acknowledged");
        audit(&db).unwrap();
        db.rebuild_mirror().unwrap();
        assert_same(&*left);
    }
}

#[test]
fn a_power_cut_before_any_call_leaves_what_was_acknowledged_in_both_folders() {
    for_seeds(1..=6, |seed| {
        cut_everywhere(seed);
        Ok(())
    });
}
