//! Members that coordinate, for tests, and waiting for what they will see.

use std::{
    ops::Deref,
    sync::{Arc, Condvar, Mutex, PoisonError},
    task::{Wake, Waker},
    time::Duration,
};

use sop_core::{
    Clock, Coordination, Coordinator, Health, Joining, Realm, RedisCoordination, SystemClock,
};

use crate::Outcome;

/// The realm of a test. Each test has servers of its own.
pub const REALM: Realm = Realm { database: [0xd0; 16], incarnation: [0; 16], secret: [0x5e; 32] };

/// Whatever takes longer than this many looks hangs.
const LOOKS_MAX: usize = 12_000;

/// How long is waited between looks, if nothing rings.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// Longer than any test waits for something, so that nothing ends by itself.
const LONG: Duration = Duration::from_secs(600);

/// The name of one of the keys that the realm of the tests has in a server.
pub fn key(name: &str) -> String {
    let digits = |bytes| format!("{:032x}", u128::from_be_bytes(bytes));
    format!("sop:{{{}.{}}}:{name}", digits(REALM.database), digits(REALM.incarnation))
}

/// Rings when something may have changed.
#[derive(Debug, Default)]
struct Bell {
    rings: Mutex<u64>,
    rang: Condvar,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        *self.rings.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        self.rang.notify_all();
    }
}

/// A member that has joined.
#[derive(Debug)]
pub struct Member {
    coordinator: Arc<dyn Coordinator>,
    bell: Arc<Bell>,
    /// Under which identity.
    pub id: [u8; 16],
}

impl Member {
    /// Joins the realm of the tests.
    pub fn join(coordination: &dyn Coordination) -> Self {
        Self::join_realm(coordination, REALM)
    }

    /// Joins another realm.
    pub fn join_realm(coordination: &dyn Coordination, realm: Realm) -> Self {
        let clock = Arc::new(SystemClock::default());
        let (bell, id) = (Arc::new(Bell::default()), clock.random());
        let waker = Waker::from(Arc::clone(&bell));
        let coordinator = coordination.join(Joining { realm, member: id, clock, waker });
        Self { coordinator, bell, id }
    }

    /// Joins, and waits until that works.
    pub fn healthy(coordination: &dyn Coordination) -> Self {
        let member = Self::join(coordination);
        member.until("it works", |it| it.health() == Health::Healthy);
        member
    }

    /// Waits until a condition holds, with no other bound than one for what hangs.
    ///
    /// # Panics
    /// If it hangs.
    pub fn until(&self, what: &str, holds: impl Fn(&dyn Coordinator) -> bool) {
        for _ in 0..LOOKS_MAX {
            let rings = self.bell.rings.lock().unwrap_or_else(PoisonError::into_inner);
            // Whoever rings meanwhile waits for the lock, so that nothing is missed.
            if holds(&*self.coordinator) {
                return;
            }
            drop(self.bell.rang.wait_timeout(rings, LOOK_AGAIN));
        }
        panic!("waited in vain until {what}; health: {:?}", self.health());
    }
}

impl Deref for Member {
    type Target = dyn Coordinator;

    fn deref(&self) -> &Self::Target {
        &*self.coordinator
    }
}

/// By way of a server, which may take as long as it likes, with turns that do not lapse.
///
/// # Errors
/// If the address is wrong.
pub fn coordination(address: &str) -> Outcome<RedisCoordination> {
    Ok(RedisCoordination::new(address)?.patience(LONG)?.turn_max(LONG)?)
}
