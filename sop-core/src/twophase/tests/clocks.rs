//! Clocks that jump.

use super::*;
use crate::{Clock, SystemClock};

const HOUR: Duration = Duration::from_secs(60 * 60);
const YEAR: Duration = Duration::from_secs(365 * 24 * 60 * 60);

/// A clock that is put by hand.
#[derive(Debug, Default)]
struct Jumping {
    now: Mutex<Duration>,
    date: Mutex<Duration>,
    system: SystemClock,
}

impl Clock for Jumping {
    fn now(&self) -> Duration {
        *self.now.lock()
    }

    fn date(&self) -> Duration {
        *self.date.lock()
    }

    fn random(&self) -> [u8; 16] {
        self.system.random()
    }
}

fn ruled(clock: &Arc<Jumping>) -> Vec<Database> {
    let disk = Arc::new(MemoryDisk::default());
    let open = |path| {
        let options = Options::default().background(Background::Manual);
        let builder = Database::builder().options(options).clock(Arc::clone(clock) as Arc<_>);
        builder.disk(Arc::clone(&disk) as Arc<_>).open(path).unwrap()
    };
    ["/a", "/b"].map(open).into()
}

#[test]
fn who_is_taken_for_dead_after_a_jump_is_told_so() {
    let clock = Arc::new(Jumping::default());
    let dbs = ruled(&clock);
    let (slow, other) = (managing(&dbs).build(), managing(&dbs).build());
    let global = writing(&slow, &dbs, "k");
    let gtid = *global.gtid();
    let mut commit = Box::pin(global.commit());
    assert!(run_for(commit.as_mut(), &dbs, 1).is_none());
    assert_eq!(run(other.recover(HOUR), &dbs).in_doubt[0].doubt, Doubt::Undecided);
    *clock.now.lock() = YEAR;
    assert_eq!(run(other.recover(HOUR), &dbs).rolled_back, [gtid]);
    let outcome = run(commit, &dbs);
    assert!(matches!(outcome, Err(Error::GlobalRolledBack { .. })), "{outcome:?}");
    assert_eq!(holders(&dbs, "k"), [false, false]);
}

#[test]
fn after_a_jump_of_the_date_nothing_is_forgotten_too_early_that_is_presumed() {
    for (then, is_forgotten) in [(Duration::ZERO, false), (YEAR, false), (YEAR * 9, true)] {
        let clock = Arc::new(Jumping::default());
        *clock.date.lock() = YEAR;
        let (dbs, till) = (ruled(&clock), Till::new("till"));
        let manager = managing(&dbs).participant(till.clone()).unwrap().build();
        let mut global = writing(&manager, &dbs, "k");
        global.enlist_participant("till").unwrap();
        let gtid = run(global.commit(), &dbs).unwrap().gtid;
        *clock.date.lock() = then;
        run(manager.recover(NOW), &dbs);
        assert_eq!(manager.outcome(&gtid).unwrap(), Some(Outcome::Committed), "not long ago");

        let decisions = decisions::Decisions(&dbs[0]);
        run(decisions.forget(HOUR, 0), &dbs).unwrap();
        till.branches.lock().insert(gtid, true);
        let recovered = run(manager.recover(NOW), &dbs);
        if is_forgotten {
            assert_eq!(recovered.in_doubt[0].doubt, Doubt::Forgotten);
        } else {
            assert_eq!(recovered.committed, [gtid]);
        }
        assert_eq!(recovered.rolled_back, []);
        assert_eq!(holders(&dbs, "k"), [true, true]);
    }
}
