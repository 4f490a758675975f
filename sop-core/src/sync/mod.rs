//! Everything by which threads meet: locks, conditions, atomics, cells, threads.
//!
//! The engine takes them from here and from nowhere else, so that one switch exchanges all of them.
//! Ordinarily they are `parking_lot`'s, `arc_swap`'s and the standard library's, at no cost. Built
//! with `--cfg shuttle` they are those of a schedule explorer: threads become coroutines, each
//! operation is a point at which another one may go on, and a test runs under thousands of orders
//! of these points, each of which can be repeated. `tests/shuttle.sh` runs those tests.
//!
//! [`Arc`](std::sync::Arc) stays the standard library's in both: its counters order nothing here.

#[cfg(shuttle)]
mod explored;
#[cfg(shuttle)]
pub(crate) mod graveyard;

#[cfg(not(shuttle))]
pub(crate) use {
    arc_swap::ArcSwap,
    parking_lot::{Condvar, Mutex, MutexGuard, RwLock},
    std::{
        sync::{OnceLock, atomic},
        thread,
    },
};

#[cfg(shuttle)]
pub(crate) use explored::{ArcSwap, Condvar, Mutex, MutexGuard, OnceLock, RwLock, atomic, thread};
