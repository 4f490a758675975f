//! Databases that are gone, or are not what they were.

use super::*;

fn path_of(folder: &tempfile::TempDir, name: &str) -> std::path::PathBuf {
    folder.path().join(name)
}

/// Two databases on the real disk, and what a commit between them left after so many polls; the
/// second was backed up when the commit was so far as to be prepared, or before it began.
fn interrupted(polls: usize, backs_up_prepared: bool) -> (tempfile::TempDir, Gtid) {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options::default().background(Background::Manual);
    let at = |name| Database::builder().options(options()).open(path_of(&folder, name)).unwrap();
    let dbs = [at("a"), at("b")];
    let manager = managing(&dbs).build();
    let tx = dbs[1].begin().unwrap();
    write(&tx, "before", "all");
    run(tx.commit_async(), &dbs).unwrap();
    if !backs_up_prepared {
        dbs[1].backup(path_of(&folder, "backup")).unwrap();
    }
    let global = writing(&manager, &dbs, "k");
    let gtid = *global.gtid();
    let mut commit = Box::pin(global.commit());
    assert!(run_for(commit.as_mut(), &dbs, 1).is_none());
    if backs_up_prepared {
        dbs[1].backup(path_of(&folder, "backup")).unwrap();
    }
    run_for(commit.as_mut(), &dbs, polls);
    (folder, gtid)
}

fn restored(folder: &tempfile::TempDir) -> Database {
    let path = path_of(folder, "restored");
    Database::builder().restore(path_of(folder, "backup"), &path, None).unwrap();
    Database::open(path).unwrap()
}

#[test]
fn a_database_that_was_restored_to_before_its_part_is_said_to_miss_it() {
    // Decided, and not told.
    let (folder, gtid) = interrupted(1, false);
    let dbs = [Database::open(path_of(&folder, "a")).unwrap(), restored(&folder)];
    let manager = managing(&dbs).build();
    for _ in 0..2 {
        let recovered = block_on(manager.recover(NOW));
        assert_eq!(recovered.in_doubt.len(), 1);
        assert_eq!(recovered.in_doubt[0].doubt, Doubt::Restored);
    }
    block_on(dbs[0].give_up(&gtid)).unwrap();
    assert_eq!(block_on(manager.recover(NOW)), Recovered::default());
    assert_eq!(holders(&dbs, "k"), [true, false]);
}

#[test]
fn a_part_that_was_restored_as_prepared_is_committed_if_that_was_decided() {
    let (folder, gtid) = interrupted(1, true);
    let dbs = [Database::open(path_of(&folder, "a")).unwrap(), restored(&folder)];
    let recovered = block_on(managing(&dbs).build().recover(NOW));
    assert_eq!(recovered.committed, [gtid]);
    assert_eq!(holders(&dbs, "k"), [true, true]);
}

#[test]
fn of_a_part_that_was_restored_nothing_is_presumed() {
    // Nothing is decided; or all is ended, and nobody remembers it.
    for polls in [0, 10] {
        let (folder, gtid) = interrupted(polls, true);
        let dbs = [Database::open(path_of(&folder, "a")).unwrap(), restored(&folder)];
        let manager = managing(&dbs).build();
        if polls > 0 {
            // The other one is told that it was told.
            block_on(decisions::Decisions(&dbs[0]).give_up(&gtid)).unwrap();
        }
        let recovered = block_on(manager.recover(NOW));
        match polls {
            0 => assert_eq!(recovered.in_doubt[0].doubt, Doubt::Forgotten),
            _ => assert_eq!(recovered.committed, [gtid], "the decision is still there"),
        }
    }
}

#[test]
fn a_restored_database_can_take_part_like_any() {
    let (folder, _) = interrupted(10, false);
    let dbs = [Database::open(path_of(&folder, "a")).unwrap(), restored(&folder)];
    let manager = managing(&dbs).build();
    block_on(manager.recover(NOW));
    block_on(writing(&manager, &dbs, "l").commit()).unwrap();
    assert_eq!(value(&dbs[1], "l").unwrap(), "new");
    let mut reversed = manager.begin(&dbs[1]).unwrap();
    write(reversed.home(), "m", "new");
    write(reversed.enlist(&dbs[0]).unwrap(), "m", "new");
    block_on(reversed.commit()).unwrap();
    assert_eq!(value(&dbs[0], "m").unwrap(), "new");
}

#[test]
fn a_home_that_was_restored_presumes_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let options = || Options::default().background(Background::Manual);
    let at = |name| Database::builder().options(options()).open(path_of(&folder, name)).unwrap();
    let dbs = [at("a"), at("b")];
    dbs[0].backup(path_of(&folder, "backup")).unwrap();
    let manager = managing(&dbs).build();
    let mut commit = Box::pin(writing(&manager, &dbs, "k").commit());
    assert!(run_for(commit.as_mut(), &dbs, 2).is_none(), "it is decided");
    drop((commit, manager, dbs));

    let dbs = [restored(&folder), Database::open(path_of(&folder, "b")).unwrap()];
    let recovered = block_on(managing(&dbs).build().recover(NOW));
    assert_eq!(recovered.in_doubt[0].doubt, Doubt::Forgotten);
    assert_eq!(value(&dbs[1], "k"), None);
    assert_eq!(dbs[1].prepared().unwrap().len(), 1);
}

#[test]
fn a_database_that_was_deleted_is_waited_for_until_it_is_given_up() {
    let (folder, gtid) = interrupted(1, false);
    std::fs::remove_dir_all(path_of(&folder, "b")).unwrap();
    let dbs = [
        Database::open(path_of(&folder, "a")).unwrap(),
        // A new one, in the same place.
        Database::open(path_of(&folder, "b")).unwrap(),
    ];
    let manager = managing(&dbs).build();
    let recovered = block_on(manager.recover(NOW));
    assert_eq!(recovered.in_doubt[0].doubt, Doubt::ParticipantUnknown);
    block_on(dbs[0].give_up(&gtid)).unwrap();
    assert_eq!(block_on(manager.recover(NOW)), Recovered::default());
}
