//! Clocks that jump and disagree. The time of day is never asked for; this is about the other one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use sop_core::{Clock, Database, Mode, Options, SystemClock};
use sop_tests::{
    Outcome, assert_sound,
    full::{add, numbers},
    together,
};
use tempfile::TempDir;

/// How many processes, or what takes their place, there are.
const MEMBERS: usize = 3;

/// How many commits each of them makes.
const COMMITS: u64 = 60;

/// A clock that is ahead from the beginning, and jumps whenever it is looked at.
#[derive(Debug)]
struct Jumping {
    steady: SystemClock,
    looks: AtomicU32,
    ahead: Duration,
    stride: Duration,
}

impl Clock for Jumping {
    fn now(&self) -> Duration {
        let looks = self.looks.fetch_add(1, Ordering::SeqCst);
        self.ahead + self.stride * looks + self.steady.now()
    }

    fn random(&self) -> [u8; 16] {
        self.steady.random()
    }
}

#[test]
fn processes_whose_clocks_jump_and_disagree_commit_as_ever() -> Outcome {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3_600);
    let folder = TempDir::new()?;
    // The last one's hardly goes on at all.
    let strides = [Duration::from_secs(3_600), Duration::from_millis(7), Duration::ZERO];
    let open = |member: usize| {
        let (steady, looks) = (SystemClock::default(), AtomicU32::new(0));
        let ahead = YEAR * u32::try_from(10 * member).unwrap_or(0);
        let clock = Jumping { steady, looks, ahead, stride: strides[member] };
        let options = Options::default().mode(Mode::Shared).checkpoint_log_bytes(1 << 20);
        Database::builder().options(options).clock(Arc::new(clock)).open(folder.path())
    };
    let added = together(MEMBERS, |member| {
        let db = open(member)?;
        for n in 0..COMMITS {
            add(&db, member as u64 * COMMITS + n)?;
        }
        Ok(db)
    })?;
    for db in added {
        db.follow()?;
        assert!(numbers(&db)?.into_iter().eq(0..MEMBERS as u64 * COMMITS));
        assert_sound(&db);
        db.close()?;
    }
    Ok(())
}
