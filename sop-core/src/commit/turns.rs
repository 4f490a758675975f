//! Turns among the processes that append to one log, and what they tell each other about its end.
//!
//! All of it is advice (`coordinate/`): whoever got no turn in time races like everybody did who
//! never heard of turns, and whoever is not told of news finds them at the next look.

use std::{
    sync::Arc,
    task::{Wake, Waker},
    time::Duration,
};

use super::{Request, Requests};
use crate::{
    clock::Clock,
    coordinate::{Coordination, Coordinator, Health, Joining, NoCoordination, Realm, Turn},
    id::Position,
    log::shared::{Carrier, Member},
    sync::{
        Condvar, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

/// How long a leader waits for its turn. Turns of the dead lapse after a quarter of a second; the
/// living need a few milliseconds each.
const PATIENCE: Duration = Duration::from_millis(100);

/// Whoever was heard of by the coordinator within this time is not silent.
const HEARD_WITHIN: Duration = Duration::from_secs(10);

/// Who has appended so many slots with nobody else's in between is alone for now: one does not show
/// it, as two who take turns append one each.
const ALONE: u32 = 2;

/// This process among those that share its log.
#[derive(Debug)]
pub(crate) struct Turns {
    coordination: Arc<dyn Coordination>,
    realm: Realm,
    /// As which member this process coordinates.
    joined: Mutex<Joined>,
    bell: Arc<Bell>,
    clock: Arc<dyn Clock>,
    /// Slots that this process has appended since it met one of somebody else.
    in_a_row: AtomicU32,
}

#[derive(Debug)]
struct Joined {
    member: Option<Member>,
    coordinator: Arc<dyn Coordinator>,
}

/// Rings when the coordinator may have another answer.
struct Bell {
    state: Mutex<Rung>,
    changed: Condvar,
    requests: Requests,
}

#[derive(Debug, Default)]
struct Rung {
    times: u64,
    /// Whether somebody waits for a turn, who will follow as soon as it has come.
    is_awaited: bool,
}

impl std::fmt::Debug for Bell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bell").finish_non_exhaustive()
    }
}

impl Bell {
    /// From now on somebody waits for a turn. How often the bell was rung before.
    fn await_turn(&self) -> u64 {
        let mut rung = self.state.lock();
        rung.is_awaited = true;
        rung.times
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        let mut state = self.state.lock();
        state.times += 1;
        let is_awaited = state.is_awaited;
        drop(state);
        if is_awaited {
            // Following now as well would sync the folder while somebody else appends to it.
            self.changed.notify_all();
        } else {
            (self.requests)(Request::Follow);
        }
    }
}

impl Turns {
    /// For a process that is no member yet. News become requests to follow.
    pub(crate) fn new(
        coordination: Arc<dyn Coordination>,
        realm: Realm,
        clock: Arc<dyn Clock>,
        requests: Requests,
    ) -> Self {
        let bell = Arc::new(Bell { state: Mutex::default(), changed: Condvar::new(), requests });
        let coordinator = Arc::new(NoCoordination);
        let joined = Mutex::new(Joined { member: None, coordinator });
        let in_a_row = AtomicU32::new(ALONE);
        Self { coordination, realm, joined, bell, clock, in_a_row }
    }

    /// Joins the others as the member that this process is by now, unless it has done so before.
    pub(super) fn enter(&self, member: Member) {
        let mut joined = self.joined.lock();
        if joined.member == Some(member) {
            return;
        }
        let waker = Waker::from(Arc::clone(&self.bell));
        let joining = Joining { realm: self.realm, member, clock: Arc::clone(&self.clock), waker };
        // The one before has its waker, and is left before there is another one.
        joined.coordinator = Arc::new(NoCoordination);
        joined.coordinator = self.coordination.join(joining);
        joined.member = Some(member);
    }

    fn coordinator(&self) -> Arc<dyn Coordinator> {
        Arc::clone(&self.joined.lock().coordinator)
    }

    /// Whether another member was heard of lately.
    pub(super) fn hears(&self, member: Member) -> bool {
        self.coordinator().silence(member).is_some_and(|silence| silence < HEARD_WITHIN)
    }

    /// Whether the coordination works.
    pub(crate) fn health(&self) -> Health {
        self.coordinator().health()
    }

    /// Waits for the turn to append if others append as well, but not for long. Calls `prepare` when
    /// about one more is before this process, if that is known before its turn has come.
    pub(super) fn take(&self, prepare: impl FnOnce()) {
        if self.in_a_row.load(Ordering::Relaxed) >= ALONE && self.coordinator().waiting() == 0 {
            return;
        }
        let deadline = self.clock.now().saturating_add(PATIENCE);
        let (mut prepare, mut known_at) = (Some(prepare), None);
        loop {
            let rung = self.bell.await_turn();
            let Turn::Waiting(ahead) = self.coordinator().turn() else { break };
            // Each of those ahead rings once, and one has until this is told how many they were.
            let is_next = ahead.is_some_and(|ahead| {
                let passed = 1 + rung - *known_at.get_or_insert(rung);
                passed + 1 >= u64::from(ahead)
            });
            if is_next && let Some(prepare) = prepare.take() {
                prepare();
            } else if !self.is_rung_after(rung, deadline) {
                break;
            }
        }
        self.bell.state.lock().is_awaited = false;
    }

    /// Waits until the bell has been rung more often than `before`; whether it was.
    fn is_rung_after(&self, before: u64, deadline: Duration) -> bool {
        let mut rung = self.bell.state.lock();
        loop {
            // A bell that never stops ringing must not keep anybody for longer.
            let left = deadline.saturating_sub(self.clock.now());
            if left.is_zero() {
                return false;
            }
            if rung.times != before {
                return true;
            }
            self.bell.changed.wait_for(&mut rung, left);
        }
    }

    /// There is a slot of somebody else.
    pub(super) fn met_others(&self) {
        self.in_a_row.store(0, Ordering::Relaxed);
    }

    /// Gives up the turn without having appended.
    pub(super) fn end(&self) {
        self.coordinator().end_turn();
    }
}

impl Carrier for Turns {
    fn take(&self, position: Position) -> Option<Arc<[u8]>> {
        self.coordinator().take_carried(position.0)
    }

    /// Gives up the turn as well: whoever is next need not wait for more.
    ///
    /// The slot itself is handed on only where others append as well: who merely follows opens one
    /// file for each of them anyway.
    fn give(&self, position: Position, slot: Option<&[u8]>) {
        let in_a_row = self.in_a_row.load(Ordering::Relaxed).saturating_add(1);
        self.in_a_row.store(in_a_row, Ordering::Relaxed);
        self.coordinator().announce(position.0, slot.filter(|_| in_a_row <= ALONE));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{clock::SystemClock, coordinate::Trouble, sync::atomic::AtomicU64};

    /// Grants a turn at this question, says before how many are to come, and rings after each.
    #[derive(Debug)]
    struct Patient {
        granted_at: u32,
        asked: Mutex<u32>,
        waker: Waker,
    }

    #[derive(Debug)]
    struct GrantedAt(u32);

    impl Coordination for GrantedAt {
        fn join(&self, joining: Joining) -> Arc<dyn Coordinator> {
            let (granted_at, asked) = (self.0, Mutex::new(0));
            Arc::new(Patient { granted_at, asked, waker: joining.waker })
        }
    }

    impl Coordinator for Patient {
        fn turn(&self) -> Turn {
            let mut asked = self.asked.lock();
            *asked += 1;
            self.waker.wake_by_ref();
            match self.granted_at.saturating_sub(*asked) {
                0 => Turn::Mine,
                ahead => Turn::Waiting(Some(ahead)),
            }
        }

        fn end_turn(&self) {}

        fn announce(&self, _position: u64, _slot: Option<&[u8]>) {
            *self.asked.lock() = 0;
        }

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

        /// The number of questions asked.
        fn health(&self) -> Health {
            Health::Open(Trouble::Unusable(self.asked.lock().to_string()))
        }
    }

    fn asked(turns: &Turns) -> String {
        match turns.health() {
            Health::Open(Trouble::Unusable(asked)) => asked,
            other => panic!("{other:?}"),
        }
    }

    /// Of somebody whose turn comes at this question.
    fn turns(granted_at: u32, clock: Arc<dyn Clock>) -> Turns {
        let realm = Realm { database: [1; 16], incarnation: [0; 16], secret: [2; 32] };
        let turns = Turns::new(Arc::new(GrantedAt(granted_at)), realm, clock, Box::new(|_| ()));
        assert_eq!(turns.health(), Health::Off, "it is no member yet");
        turns.enter([3; 16]);
        turns
    }

    /// A hundredth of a second passes whenever anybody looks.
    #[derive(Debug, Default)]
    struct Looks(AtomicU64);

    impl Clock for Looks {
        fn now(&self) -> Duration {
            Duration::from_millis(10)
                * u32::try_from(self.0.fetch_add(1, Ordering::Relaxed)).unwrap()
        }

        fn random(&self) -> [u8; 16] {
            [0; 16]
        }
    }

    #[test]
    fn patience_ends_although_the_bell_never_stops_ringing() {
        let turns = turns(u32::MAX, Arc::new(Looks::default()));
        turns.met_others();
        turns.take(|| ());
        let asked: u32 = asked(&turns).parse().unwrap();
        assert!((2..=10).contains(&asked), "{asked}");
    }

    #[test]
    fn only_who_has_met_others_lately_asks_for_a_turn_and_waits_until_it_comes() {
        let turns = turns(3, Arc::new(SystemClock::default()));
        turns.take(|| ());
        assert_eq!(asked(&turns), "0");
        turns.met_others();
        turns.take(|| ());
        assert_eq!(asked(&turns), "3");
        turns.give(Position(1), None);
        turns.take(|| ());
        assert_eq!(asked(&turns), "3", "one slot may be one of many turns");
        turns.give(Position(2), None);
        turns.take(|| ());
        assert_eq!(asked(&turns), "0");
    }

    #[test]
    fn who_is_soon_the_next_one_prepares_once_and_before_its_turn() {
        for (granted_at, expected) in [(1, None), (2, Some(1)), (5, Some(2)), (9, Some(4))] {
            let turns = turns(granted_at, Arc::new(SystemClock::default()));
            turns.met_others();
            let mut prepared_at = None;
            turns.take(|| prepared_at = Some(asked(&turns).parse().unwrap()));
            assert_eq!(prepared_at, expected);
            assert_eq!(asked(&turns), granted_at.to_string());
        }
    }
}
