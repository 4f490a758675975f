//! The schedule explorer's primitives in the shape of the ordinary ones, as far as they are used.
//!
//! What is not modelled: orderings of memory weaker than sequential consistency, the time that
//! passes, and a counter of references between two of its own instructions.

use std::{
    fmt,
    ops::{Deref, DerefMut},
    sync::{Arc, PoisonError},
    time::Duration,
};

use shuttle::sync as explorer;

pub(crate) use explorer::atomic;

/// Threads, which are coroutines here.
pub(crate) mod thread {
    pub(crate) use shuttle::thread::*;
    pub(crate) use std::thread::panicking;
}

/// A lock that a panic does not poison.
#[derive(Default)]
pub(crate) struct Mutex<T>(explorer::Mutex<T>);

impl<T> Mutex<T> {
    pub(crate) fn new(value: T) -> Self {
        Self(explorer::Mutex::new(value))
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        let guard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        MutexGuard { mutex: self, guard: Some(guard) }
    }

    pub(crate) fn into_inner(self) -> T {
        self.0.into_inner().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: fmt::Debug> fmt::Debug for Mutex<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A held [`Mutex`].
pub(crate) struct MutexGuard<'a, T> {
    mutex: &'a Mutex<T>,
    /// Away only while a [`Condvar`] waits with it.
    guard: Option<explorer::MutexGuard<'a, T>>,
}

impl<T> Deref for MutexGuard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        self.guard.as_ref().expect("invariant: who waits does not look")
    }
}

impl<T> DerefMut for MutexGuard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        self.guard.as_mut().expect("invariant: who waits does not look")
    }
}

/// A condition to wait for.
#[derive(Debug, Default)]
pub(crate) struct Condvar(explorer::Condvar);

impl Condvar {
    pub(crate) fn new() -> Self {
        Self::default()
    }

    pub(crate) fn wait<T>(&self, guard: &mut MutexGuard<'_, T>) {
        if let Some(held) = guard.guard.take() {
            guard.guard = Some(self.0.wait(held).unwrap_or_else(PoisonError::into_inner));
        }
    }

    /// Always ends by its time being over, which may be at once or after whatever others do: so
    /// nobody can rely on a notification where the wait has an end.
    #[expect(clippy::unused_self, reason = "it is called as the ordinary one is")]
    pub(crate) fn wait_for<T>(&self, guard: &mut MutexGuard<'_, T>, _timeout: Duration) {
        guard.guard = None;
        thread::yield_now();
        guard.guard = guard.mutex.lock().guard;
    }

    pub(crate) fn notify_one(&self) {
        self.0.notify_one();
    }

    pub(crate) fn notify_all(&self) {
        self.0.notify_all();
    }
}

/// A lock for one writer or many readers, which a panic does not poison.
#[derive(Default)]
pub(crate) struct RwLock<T>(explorer::RwLock<T>);

impl<T> RwLock<T> {
    pub(crate) fn read(&self) -> explorer::RwLockReadGuard<'_, T> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write(&self) -> explorer::RwLockWriteGuard<'_, T> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<T: fmt::Debug> fmt::Debug for RwLock<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A cell that is filled once. Filling it is one step; what fills it must not wait for anybody.
#[derive(Debug, Default)]
pub(crate) struct OnceLock<T> {
    cell: std::sync::OnceLock<T>,
    /// Touched before the cell is, so that others may come first.
    turn: atomic::AtomicBool,
}

impl<T> OnceLock<T> {
    pub(crate) const fn new() -> Self {
        Self { cell: std::sync::OnceLock::new(), turn: atomic::AtomicBool::new(false) }
    }

    pub(crate) fn get(&self) -> Option<&T> {
        self.turn.load(atomic::Ordering::SeqCst);
        self.cell.get()
    }

    pub(crate) fn set(&self, value: T) -> Result<(), T> {
        self.turn.load(atomic::Ordering::SeqCst);
        self.cell.set(value)
    }

    pub(crate) fn get_or_init(&self, fill: impl FnOnce() -> T) -> &T {
        self.turn.load(atomic::Ordering::SeqCst);
        self.cell.get_or_init(fill)
    }
}

/// A reference that is exchanged while others read it.
#[derive(Debug)]
pub(crate) struct ArcSwap<T>(Mutex<Arc<T>>);

impl<T> From<Arc<T>> for ArcSwap<T> {
    fn from(value: Arc<T>) -> Self {
        Self(Mutex::new(value))
    }
}

impl<T> ArcSwap<T> {
    pub(crate) fn load_full(&self) -> Arc<T> {
        Arc::clone(&self.0.lock())
    }

    pub(crate) fn store(&self, value: Arc<T>) {
        let before = std::mem::replace(&mut *self.0.lock(), value);
        // Outside of the lock, as dropping may lead anywhere.
        drop(before);
    }
}
