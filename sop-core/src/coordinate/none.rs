//! No coordination: everybody looks for news, and races.

use std::{sync::Arc, time::Duration};

use super::{Coordination, Coordinator, Health, Joining, Turn};

/// The processes coordinate by the folder alone. That is right, and slower: news are found by
/// looking, and writers who want the same slot write what they lose.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct NoCoordination;

impl Coordination for NoCoordination {
    fn join(&self, _joining: Joining) -> Arc<dyn Coordinator> {
        Arc::new(Self)
    }
}

impl Coordinator for NoCoordination {
    fn turn(&self) -> Turn {
        Turn::NoQueue
    }

    fn end_turn(&self) {}

    fn announce(&self, _position: u64, _slot: Option<&[u8]>) {}

    fn newest(&self) -> Option<u64> {
        None
    }

    fn take_carried(&self, _position: u64) -> Option<Arc<[u8]>> {
        None
    }

    fn waiting(&self) -> u32 {
        0
    }

    fn silence(&self, _member: [u8; 16]) -> Option<Duration> {
        None
    }

    fn health(&self) -> Health {
        Health::Off
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;
    use crate::{clock::SystemClock, coordinate::Realm};

    #[test]
    fn without_coordination_nobody_waits_and_nothing_is_heard() {
        let joining = Joining {
            realm: Realm { database: [1; 16], incarnation: [0; 16], secret: [2; 32] },
            member: [3; 16],
            clock: Arc::new(SystemClock::default()),
            waker: Waker::noop().clone(),
        };
        let [one, other] = [joining.clone(), joining].map(|it| NoCoordination.join(it));
        one.announce(7, Some(b"slot"));
        assert_eq!((one.turn(), other.turn()), (Turn::NoQueue, Turn::NoQueue));
        assert_eq!((other.newest(), other.take_carried(7)), (None, None));
        assert_eq!((other.waiting(), other.silence([3; 16])), (0, None));
        assert_eq!(other.health(), Health::Off);
    }
}
