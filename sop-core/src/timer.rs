//! Pauses without a runtime: one thread that wakes sleepers, so that any executor will do.
//!
//! The thread is started by the first pause and ends when the timer is dropped.

use std::{
    collections::BTreeMap,
    fmt,
    future::poll_fn,
    sync::Arc,
    task::{Poll, Waker},
    time::Duration,
};

use crate::{
    clock::{Clock, SystemClock},
    sync::{
        Condvar, Mutex,
        thread::{self, JoinHandle},
    },
};

/// Wakes tasks after some time.
#[derive(Default)]
pub struct Timer {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

#[derive(Default)]
struct Shared {
    clock: SystemClock,
    sleepers: Mutex<Sleepers>,
    changed: Condvar,
}

/// Sleepers by the time they wake at; the number tells apart those of the same moment.
#[derive(Default)]
struct Sleepers {
    waiting: BTreeMap<(Duration, u64), Waker>,
    numbered: u64,
    closing: bool,
}

/// A place among the sleepers, given up when dropped.
struct Place<'t> {
    shared: &'t Shared,
    at: (Duration, u64),
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        self.shared.sleepers.lock().waiting.remove(&self.at);
    }
}

impl Timer {
    /// Time since some fixed moment.
    pub fn now(&self) -> Duration {
        self.shared.clock.now()
    }

    /// Waits for at least this long. If no thread can be had, does not wait.
    pub async fn sleep(&self, duration: Duration) {
        if duration.is_zero() || !self.is_running() {
            return;
        }
        let shared = &*self.shared;
        let place = Place { shared, at: shared.place_at(shared.clock.now() + duration) };
        poll_fn(|context| {
            if shared.clock.now() >= place.at.0 {
                return Poll::Ready(());
            }
            shared.sleepers.lock().waiting.insert(place.at, context.waker().clone());
            shared.changed.notify_one();
            Poll::Pending
        })
        .await;
    }

    fn is_running(&self) -> bool {
        let mut thread = self.thread.lock();
        if thread.is_none() {
            let shared = Arc::clone(&self.shared);
            let started = thread::Builder::new().name("sop-timer".to_owned());
            *thread = started.spawn(move || shared.serve()).ok();
        }
        thread.is_some()
    }
}

impl Shared {
    fn place_at(&self, time: Duration) -> (Duration, u64) {
        let mut sleepers = self.sleepers.lock();
        sleepers.numbered += 1;
        (time, sleepers.numbered)
    }

    /// The thread: wakes who is due, then waits for the next one.
    fn serve(&self) {
        let mut sleepers = self.sleepers.lock();
        while !sleepers.closing {
            let now = self.clock.now();
            match sleepers.waiting.first_entry() {
                Some(first) if first.key().0 <= now => first.remove().wake(),
                Some(first) => {
                    let pause = first.key().0.saturating_sub(now);
                    self.changed.wait_for(&mut sleepers, pause);
                }
                None => self.changed.wait(&mut sleepers),
            }
        }
    }
}

impl Drop for Timer {
    fn drop(&mut self) {
        self.shared.sleepers.lock().closing = true;
        self.shared.changed.notify_one();
        if let Some(thread) = self.thread.lock().take()
            && thread.thread().id() != thread::current().id()
        {
            // A panic of the thread has been reported by then, and there is nothing to undo.
            drop(thread.join());
        }
    }
}

impl fmt::Debug for Timer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timer").finish_non_exhaustive()
    }
}
