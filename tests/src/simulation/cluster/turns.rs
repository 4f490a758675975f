//! Threads that take turns: exactly one runs at any time, and whoever hands out the turns says which.
//!
//! So a process can be stopped in the middle of whatever it does, for as long as one likes, while
//! others go on; and as nothing happens by itself, equal decisions give equal runs. It takes a
//! thread each because whoever is stopped keeps its stack, and nothing else.

use std::{
    any::Any,
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        mpsc::{Receiver, Sender, channel},
    },
    thread,
};

use parking_lot::{Mutex, MutexGuard};

/// What whoever gets a turn is to do with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Order {
    /// Whatever it likes.
    GoOn,
    /// Come to an end.
    Leave,
}

/// So many points may be passed.
struct Grant {
    points: u32,
    order: Order,
}

/// What a thread says when its turn is over.
enum Word {
    Paused,
    Ended,
}

/// Somebody who takes turns. Dropped in the middle of something, it is cut off.
#[derive(Debug)]
pub(super) struct Player<T> {
    grants: Option<Sender<Grant>>,
    words: Receiver<Word>,
    thread: Option<thread::JoinHandle<Result<T, Box<dyn Any + Send>>>>,
}

/// The same from inside: where others may be given their turn.
pub(super) struct Turn(Mutex<State>);

struct State {
    grants: Receiver<Grant>,
    words: Sender<Word>,
    left: u32,
    order: Order,
    is_over: bool,
}

impl<T: Send + 'static> Player<T> {
    /// Somebody who does this as soon as it is given a turn.
    pub(super) fn new(work: impl FnOnce(Arc<Turn>) -> T + Send + 'static) -> io::Result<Self> {
        let ((grants, granted), (said, words)) = (channel(), channel());
        let thread = thread::Builder::new().name("simulated process".into()).spawn(move || {
            let state = State {
                grants: granted,
                words: said.clone(),
                left: 0,
                order: Order::GoOn,
                is_over: false,
            };
            let turn = Arc::new(Turn(Mutex::new(state)));
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                turn.await_grant();
                work(turn)
            }));
            // If nobody listens, nobody waits.
            drop(said.send(Word::Ended));
            outcome
        })?;
        Ok(Self { grants: Some(grants), words, thread: Some(thread) })
    }

    /// Lets it go on, past so many points; what it came to if it has ended.
    pub(super) fn go_on(
        &mut self,
        points: u32,
        order: Order,
    ) -> Option<Result<T, Box<dyn Any + Send>>> {
        let granted = self.grants.as_ref().map(|grants| grants.send(Grant { points, order }));
        match (granted, self.words.recv()) {
            (Some(Ok(())), Ok(Word::Paused)) => None,
            _ => self.join(),
        }
    }

    /// Lets it notice that it has ended, and waits until it has.
    pub(super) fn cut_off(mut self) -> Option<Result<T, Box<dyn Any + Send>>> {
        self.grants = None;
        self.join()
    }
}

impl<T> Player<T> {
    fn join(&mut self) -> Option<Result<T, Box<dyn Any + Send>>> {
        let thread = self.thread.take()?;
        Some(thread.join().unwrap_or_else(Err))
    }
}

impl<T> Drop for Player<T> {
    fn drop(&mut self) {
        self.grants = None;
        // Whatever it came to, somebody else has failed before.
        drop(self.join());
    }
}

impl Turn {
    /// Lets others go on here if so many points were passed. Whether the process is still there.
    pub(super) fn pass(&self) -> bool {
        let mut state = self.0.lock();
        if state.is_over {
            return false;
        }
        if let Some(left) = state.left.checked_sub(1) {
            state.left = left;
            return true;
        }
        self.rest(state)
    }

    /// Lets others go on here in any case. Whether the process is still there.
    pub(super) fn yield_now(&self) -> bool {
        let state = self.0.lock();
        if state.is_over { false } else { self.rest(state) }
    }

    /// The next point at which others may be given their turn is one at which they are.
    pub(super) fn rest_soon(&self) {
        self.0.lock().left = 0;
    }

    fn rest(&self, state: MutexGuard<'_, State>) -> bool {
        // Who cannot be heard has been cut off, as the next grant will say.
        drop(state.words.send(Word::Paused));
        drop(state);
        self.await_grant()
    }

    fn await_grant(&self) -> bool {
        let mut state = self.0.lock();
        match state.grants.recv() {
            Ok(Grant { points, order }) => (state.left, state.order) = (points, order),
            Err(_) => state.is_over = true,
        }
        !state.is_over
    }

    /// Whether the process has ended, and only its thread has not.
    pub(super) fn is_over(&self) -> bool {
        self.0.lock().is_over
    }

    /// What is to be done.
    pub(super) fn order(&self) -> Order {
        self.0.lock().order
    }
}
