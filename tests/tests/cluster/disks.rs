//! File systems that are full, fail, cannot be written to, or do not answer, for one process or for
//! all of them.

use std::{
    io::ErrorKind,
    path::Path,
    process::Command,
    sync::{Arc, Condvar, Mutex, PoisonError},
};

use sop_core::{
    Background, Call, Database, Error, Fault, Faults, FaultyDisk, Kind, Mode, Options, OsDisk,
};
use sop_tests::{
    Outcome, assert_sound,
    crew::open,
    full::{ROOM, add, numbers},
    skip, tally,
};
use tempfile::TempDir;

/// Opens a shared folder by way of a disk of which something goes wrong, for this one alone.
fn open_faulty(folder: &Path) -> Outcome<(Database, Faults)> {
    let disk = FaultyDisk::new(Arc::new(OsDisk));
    let faults = disk.faults().clone();
    // Calls are those of whoever commits, and of nobody else.
    let options = Options::default().mode(Mode::Shared).background(Background::Manual);
    Ok((Database::builder().disk(Arc::new(disk)).options(options).open(folder)?, faults))
}

/// Which numbers are there for somebody who was never there before.
#[track_caller]
fn assert_there(folder: &Path, expected: impl IntoIterator<Item = u64>) -> Outcome {
    let db = open(folder, "")?;
    assert_eq!(numbers(&db)?, expected.into_iter().collect());
    assert_sound(&db);
    Ok(())
}

#[test]
fn a_full_disk_refuses_commits_of_a_shared_folder_and_takes_them_again_once_there_is_room()
-> Outcome {
    let folder = TempDir::new()?;
    let (one, faults) = open_faulty(folder.path())?;
    let other = open(folder.path(), "")?;
    add(&one, 0)?;
    faults.set_room(Some(0));
    for n in 1..4 {
        let refused = add(&one, n);
        assert!(matches!(refused, Err(Error::DiskFull { .. })), "{refused:?}");
        // The others have another quota.
        add(&other, 10 + n)?;
        one.follow()?;
    }
    assert_eq!(numbers(&one)?.len(), 4);
    faults.add_room(ROOM);
    add(&one, 4)?;
    assert_there(folder.path(), [0, 4, 11, 12, 13])
}

#[test]
fn an_error_at_any_call_of_a_commit_leaves_it_as_a_whole_or_not_at_all() -> Outcome {
    let folder = TempDir::new()?;
    let mut there = vec![0];
    let mut kinds = [0; 3];
    add(&open(folder.path(), "")?, 0)?;
    for call in 0.. {
        let (db, faults) = open_faulty(folder.path())?;
        let faulty = faults.calls() + call;
        faults.once(faulty, Fault::Error(ErrorKind::Other));
        let n = 1 + call;
        let outcome = add(&db, n);
        let is_over = faults.calls() <= faulty;
        faults.clear();
        let witness = open(folder.path(), "")?;
        let mut is_there = numbers(&witness)?.contains(&n);
        match &outcome {
            Ok(()) => assert!(is_there, "call {call}: it was acknowledged and is not there"),
            Err(Error::Io { .. }) => assert!(!is_there, "call {call}: it failed and is there"),
            Err(Error::CommitUnknown { .. }) => {}
            Err(error) => panic!("call {call}: {error}"),
        }
        kinds[match &outcome {
            Ok(()) => 0,
            Err(Error::Io { .. }) => 1,
            Err(_) => 2,
        }] += 1;
        // It goes on, or says that it has to be opened again.
        match add(&db, 1_000 + n) {
            Ok(()) => there.push(1_000 + n),
            Err(error) => assert_eq!(error.kind(), Kind::Reopen, "call {call}: {error}"),
        }
        witness.follow()?;
        // What was unknown is settled by then.
        is_there |= numbers(&witness)?.contains(&n);
        there.extend(is_there.then_some(n));
        if is_over {
            break;
        }
    }
    there.sort_unstable();
    assert!(kinds.iter().all(|count| *count > 0), "ok, failed, unknown: {kinds:?}");
    assert_there(folder.path(), there)
}

/// Where those wait who got to a file system that does not answer.
#[derive(Default)]
struct Gate {
    closed: Mutex<bool>,
    waiting: Mutex<bool>,
    changed: Condvar,
}

impl Gate {
    fn pass(&self) {
        let mut closed = self.closed.lock().unwrap_or_else(PoisonError::into_inner);
        while *closed {
            *self.waiting.lock().unwrap_or_else(PoisonError::into_inner) = true;
            self.changed.notify_all();
            closed = self.changed.wait(closed).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn set(&self, closed: bool) {
        *self.closed.lock().unwrap_or_else(PoisonError::into_inner) = closed;
        self.changed.notify_all();
    }

    fn until_somebody_waits(&self) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        while !*waiting {
            waiting = self.changed.wait(waiting).unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[test]
fn who_gets_no_answer_waits_and_is_merged_with_what_the_others_did_meanwhile() -> Outcome {
    let folder = TempDir::new()?;
    let (one, faults) = open_faulty(folder.path())?;
    let other = open(folder.path(), "")?;
    add(&one, 0)?;
    let gate = Arc::new(Gate::default());
    let judge = Arc::clone(&gate);
    faults.judge(move |call, _| {
        if call == Call::Name {
            judge.pass();
        }
        None
    });
    gate.set(true);
    std::thread::scope(|scope| -> Outcome {
        let commit = scope.spawn(|| add(&one, 1));
        gate.until_somebody_waits();
        for n in 2..40 {
            add(&other, n)?;
        }
        other.checkpoint()?;
        gate.set(false);
        commit.join().map_err(|_| "it panicked")??;
        Ok(())
    })?;
    assert_there(folder.path(), 0..40)
}

/// A file system in memory, which goes with this.
struct Small(TempDir);

impl Small {
    /// None if this machine does not allow it.
    fn mount() -> Outcome<Option<Self>> {
        let folder = TempDir::new()?;
        let path = folder.path().to_str().ok_or("a strange folder")?.to_owned();
        let is_mounted = run("mount", &["-t", "tmpfs", "-o", "size=2m", "tmpfs", &path]);
        Ok(is_mounted.then_some(Self(folder)))
    }

    fn remount(&self, options: &str) -> Outcome {
        let path = self.0.path().to_str().ok_or("a strange folder")?;
        let is_done = run("mount", &["-o", &format!("remount,{options}"), path]);
        is_done.then_some(()).ok_or_else(|| format!("it cannot be mounted {options}").into())
    }
}

impl Drop for Small {
    fn drop(&mut self) {
        if let Some(path) = self.0.path().to_str() {
            run("umount", &["-l", path]);
        }
    }
}

fn run(program: &str, arguments: &[&str]) -> bool {
    let output = Command::new(program).args(arguments).output();
    output.is_ok_and(|output| output.status.success())
}

#[test]
fn a_real_file_system_that_is_full_or_cannot_be_written_to_refuses_and_nothing_else() -> Outcome {
    let Some(small) = Small::mount()? else {
        skip("file systems that are full or cannot be written to: no right to mount one");
        return Ok(());
    };
    let path = small.0.path().join("db");
    let (one, other) = (open(&path, "")?, open(&path, "")?);
    let mut there = Vec::new();
    let refused = loop {
        let n = there.len() as u64;
        match add(if n.is_multiple_of(2) { &one } else { &other }, n) {
            Ok(()) => there.push(n),
            Err(error) => break error,
        }
        assert!(n < 10_000, "it is full for long");
    };
    assert!(matches!(refused, Error::DiskFull { .. }), "{refused:?}");
    small.remount("size=16m")?;
    add(&one, 10_000)?;
    add(&other, 10_001)?;
    small.remount("ro")?;
    for db in [&one, &other] {
        let refused = add(db, 10_002);
        assert!(matches!(refused, Err(Error::Io { .. })), "{refused:?}");
        db.follow()?;
        assert_eq!(numbers(db)?.len(), there.len() + 2, "it can still be read");
    }
    let refused = open(&path, "").map(drop);
    assert!(matches!(refused, Err(Error::Io { .. })), "{refused:?}");
    small.remount("rw")?;
    add(&one, 10_003)?;
    add(&other, 10_004)?;
    there.extend([10_000, 10_001, 10_003, 10_004]);
    tally(1, "file systems made full, and made read-only");
    assert_there(&path, there)
}
