//! One look at the folder for all who begin at about the same time.
//!
//! Whoever begins must see what anybody was told before, and so needs a look that began after it has
//! asked. A look that is under way is too early for it; but the next one serves all who came
//! meanwhile.

use crate::{
    error::Result,
    sync::{
        Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
};

/// Looks of one process.
#[derive(Debug, Default)]
pub(crate) struct Looks {
    /// Whether this process may have linked something that it does not know of.
    in_doubt: AtomicBool,
    state: Mutex<State>,
    ended: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Number of the newest look.
    begun: u64,
    /// Number of the newest one that went well.
    good: u64,
    is_under_way: bool,
}

impl Looks {
    /// Whether it is known what this process has linked.
    pub(super) fn is_in_doubt(&self) -> bool {
        self.in_doubt.load(Ordering::Relaxed)
    }

    pub(super) fn set_in_doubt(&self, in_doubt: bool) {
        self.in_doubt.store(in_doubt, Ordering::Relaxed);
    }

    /// Waits until a look has gone well that began after this call; if it takes one, by looking.
    pub(super) fn share(&self, look: impl FnOnce() -> Result<()>) -> Result<()> {
        let mut state = self.state.lock();
        let needed = state.begun + 1;
        while state.is_under_way {
            self.ended.wait(&mut state);
            if state.good >= needed {
                return Ok(());
            }
        }
        state.begun += 1;
        state.is_under_way = true;
        let number = state.begun;
        drop(state);
        let mut looking = Looking { looks: self, good: None };
        look()?;
        looking.good = Some(number);
        Ok(())
    }
}

/// A look that is under way. Dropped before it has gone well, also by a panic, it has gone wrong.
struct Looking<'a> {
    looks: &'a Looks,
    /// Its number, once it has gone well.
    good: Option<u64>,
}

impl Drop for Looking<'_> {
    fn drop(&mut self) {
        let mut state = self.looks.state.lock();
        state.is_under_way = false;
        state.good = state.good.max(self.good.unwrap_or(0));
        drop(state);
        self.looks.ended.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        error::Error,
        sync::{atomic::AtomicU64, thread},
    };

    #[test]
    fn whoever_asks_is_served_by_a_look_that_began_later() {
        const ASKED: u64 = 4 * 1_000;
        let looks = Looks::default();
        let (begun, ended) = (AtomicU64::new(0), AtomicU64::new(0));
        let look = || {
            let number = begun.fetch_add(1, Ordering::SeqCst) + 1;
            thread::yield_now();
            ended.fetch_max(number, Ordering::SeqCst);
            Ok(())
        };
        let ask = || {
            let before = begun.load(Ordering::SeqCst);
            looks.share(look).unwrap();
            assert!(ended.load(Ordering::SeqCst) > before);
        };
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| (0..ASKED / 4).for_each(|_| ask()));
            }
        });
        assert!(begun.load(Ordering::SeqCst) <= ASKED);
    }

    #[test]
    fn a_look_that_goes_wrong_is_that_of_who_took_it_alone() {
        let looks = Looks::default();
        looks.share(|| Err(Error::Closed)).unwrap_err();
        looks.share(|| Ok(())).unwrap();
    }
}
