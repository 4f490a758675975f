//! What a member wants of the server, and what it has heard: plain data, changed by plain functions.
//!
//! Two threads act on it. One asks what the member wants to have asked ([`Standing::next`]), the
//! other listens for news.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    circuit::Circuit,
    keys::ticket,
    news::News,
    presence::Presence,
    questions::{Asked, BEAT_EVERY, SEEN_MAX},
};
use crate::coordinate::{Health, Trouble, Turn};

/// Slots of others that are kept until they are taken.
const CARRIED_MAX: usize = 64;

/// While it waits for a turn a member asks this often in the time that a turn lasts, as nobody tells
/// it when a turn has lapsed.
const ASKS_PER_HOLD: u32 = 4;

/// It asks at least this often, however long turns are, or the server would forget the queue.
const ASK_WITHIN: Duration = Duration::from_secs(2);

/// How a member stands with the server and the others.
#[derive(Debug)]
pub(super) struct Standing {
    pub(super) circuit: Circuit,
    pub(super) presence: Presence,
    pub(super) waiting: u32,
    /// The highest position that was heard of.
    pub(super) newest: Option<u64>,
    pub(super) is_closing: bool,
    /// How many threads act on this.
    pub(super) threads: usize,
    member: [u8; 16],
    hold: Duration,
    queue: Queue,
    /// How often it has asked for a turn.
    round: u64,
    /// The round whose turn is to be ended, whatever the server thinks of it. Nothing is asked for
    /// before that.
    ending: Option<u64>,
    /// What is to be announced.
    told: Option<Told>,
    beat_at: Duration,
    carried: BTreeMap<u64, Arc<[u8]>>,
}

/// How far this member is in the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Queue {
    Out,
    /// It wants to be in it.
    Wanted,
    Waiting {
        ahead: u32,
        ask_at: Duration,
    },
    Mine {
        until: Duration,
    },
}

/// A slot of this member's.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) position: u64,
    pub(super) slot: Option<Vec<u8>>,
}

/// What there is to do for the thread that asks.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Next {
    Ask {
        round: u64,
    },
    Pass {
        round: u64,
        told: Option<Told>,
    },
    Beat,
    /// Nothing, for this long.
    Wait(Duration),
    /// Nothing any more.
    End,
}

impl Standing {
    pub(super) fn new(now: Duration, member: [u8; 16], hold: Duration) -> Self {
        Self {
            circuit: Circuit::new(now),
            presence: Presence::default(),
            waiting: 0,
            newest: None,
            is_closing: false,
            threads: 0,
            member,
            hold,
            queue: Queue::Out,
            round: 0,
            ending: None,
            told: None,
            beat_at: now,
            carried: BTreeMap::new(),
        }
    }

    pub(super) fn health(&self) -> Health {
        match self.circuit.trouble() {
            _ if self.circuit.is_closed() => Health::Healthy,
            Some(trouble) => Health::Open(trouble.clone()),
            None => Health::Connecting,
        }
    }

    /// Asks for a turn, or whether it has come.
    pub(super) fn turn(&mut self, now: Duration) -> Turn {
        if !self.circuit.is_closed() {
            return Turn::NoQueue;
        }
        match self.queue {
            Queue::Mine { until } if now < until => Turn::Mine,
            Queue::Waiting { ahead, .. } => Turn::Waiting(Some(ahead)),
            Queue::Wanted => Turn::Waiting(None),
            Queue::Out | Queue::Mine { .. } => {
                self.queue = Queue::Wanted;
                self.round += 1;
                Turn::Waiting(None)
            }
        }
    }

    pub(super) fn end_turn(&mut self) {
        if self.queue != Queue::Out {
            self.queue = Queue::Out;
            // If an earlier one is still to be ended, this one was never asked for.
            self.ending.get_or_insert(self.round);
        }
    }

    /// Also ends a turn. While the server is not used nobody is told, now or later.
    pub(super) fn announce(&mut self, told: Told) {
        self.end_turn();
        if self.circuit.is_closed() {
            self.told = Some(told);
        }
    }

    pub(super) fn take_carried(&mut self, position: u64) -> Option<Arc<[u8]>> {
        self.carried = self.carried.split_off(&position);
        self.carried.remove(&position)
    }

    /// What to do now.
    pub(super) fn next(&mut self, now: Duration) -> Next {
        if let Some(trial_at) = self.circuit.trial_at() {
            return match trial_at.saturating_sub(now) {
                _ if self.is_closing => Next::End,
                Duration::ZERO => Next::Beat,
                wait => Next::Wait(wait),
            };
        }
        if self.is_closing {
            self.end_turn();
        }
        if self.ending.is_some() || self.told.is_some() {
            let round = self.ending.take().unwrap_or_default();
            return Next::Pass { round, told: self.told.take() };
        }
        if self.is_closing {
            return Next::End;
        }
        let ask_at = match self.queue {
            Queue::Wanted => now,
            Queue::Waiting { ask_at, .. } => ask_at,
            Queue::Out | Queue::Mine { .. } => self.beat_at,
        };
        if self.beat_at <= now {
            Next::Beat
        } else if ask_at <= now {
            Next::Ask { round: self.round }
        } else {
            Next::Wait(ask_at.min(self.beat_at).saturating_sub(now))
        }
    }

    /// The server has answered to [`Next::Ask`]. Whether somebody should look.
    pub(super) fn asked(&mut self, now: Duration, round: u64, answer: Asked) -> bool {
        self.waiting = answer.waiting;
        let is_waiting = matches!(self.queue, Queue::Wanted | Queue::Waiting { .. });
        // The turn may have come, and have been used, before this answer.
        if !is_waiting || round != self.round {
            return false;
        }
        let is_mine = answer.ahead == 0;
        self.queue = if is_mine {
            Queue::Mine { until: now.saturating_add(self.hold) }
        } else {
            let ask_at = now.saturating_add(ASK_WITHIN.min(self.hold / ASKS_PER_HOLD));
            Queue::Waiting { ahead: answer.ahead, ask_at }
        };
        is_mine
    }

    /// The server has answered to [`Next::Beat`].
    pub(super) fn beaten(&mut self, now: Duration, members: Vec<[u8; 16]>) {
        self.beat_at = now.saturating_add(BEAT_EVERY);
        if members.len() < SEEN_MAX {
            self.presence.hear(now, members);
        } else {
            // Who is not among them may be well.
            self.presence.stop_listening();
        }
    }

    /// News came. Whether somebody should look.
    pub(super) fn hear(&mut self, now: Duration, news: &News<'_>) -> bool {
        self.waiting = news.waiting.unwrap_or(self.waiting);
        let mut is_new = false;
        // That of an earlier round was ended, or soon will be.
        if news.turn == Some(ticket(self.member, self.round)) && self.queue != Queue::Out {
            self.queue = Queue::Mine { until: now.saturating_add(self.hold) };
            is_new = true;
        }
        match news.announcement {
            Some(told) if told.member != self.member => {
                if let Some(slot) = told.slot {
                    self.carry(told.position, slot);
                }
                self.newest = self.newest.max(Some(told.position));
                true
            }
            _ => is_new,
        }
    }

    fn carry(&mut self, position: u64, slot: &[u8]) {
        self.carried.insert(position, slot.into());
        if self.carried.len() > CARRIED_MAX {
            self.carried.pop_first();
        }
    }

    /// The server answered. Whether it had not before.
    pub(super) fn succeeded(&mut self, now: Duration) -> bool {
        self.circuit.succeeded(now)
    }

    /// The server failed: nothing is wanted of it any more. Whether that is something new.
    pub(super) fn failed(&mut self, now: Duration, random: u32, trouble: Trouble) -> bool {
        self.queue = Queue::Out;
        self.ending = None;
        self.told = None;
        self.waiting = 0;
        self.beat_at = now;
        self.presence.stop_listening();
        let is_known = self.circuit.trouble() == Some(&trouble);
        self.circuit.failed(now, random, trouble) || !is_known
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::coordinate::redis::seal::Announcement;

    const ME: [u8; 16] = [1; 16];
    const OTHER: [u8; 16] = [2; 16];
    const NOW: Duration = Duration::from_secs(100);
    const HOLD: Duration = Duration::from_millis(400);

    fn connected() -> Standing {
        let mut standing = Standing::new(NOW, ME, HOLD);
        assert_eq!(standing.next(NOW), Next::Beat, "it is tried at once");
        assert!(standing.succeeded(NOW));
        standing.beaten(NOW, vec![ME]);
        assert_eq!(standing.next(NOW), Next::Wait(BEAT_EVERY));
        standing
    }

    fn turn_of(round: u64) -> News<'static> {
        News { turn: Some(ticket(ME, round)), ..News::default() }
    }

    fn told(position: u64, slot: Option<&[u8]>) -> News<'_> {
        let announcement = Some(Announcement { member: OTHER, position, slot });
        News { announcement, ..News::default() }
    }

    #[test]
    fn a_turn_is_asked_for_until_it_comes_and_is_ended_once() {
        let mut standing = connected();
        assert_eq!(standing.turn(NOW), Turn::Waiting(None));
        assert_eq!(standing.next(NOW), Next::Ask { round: 1 });
        assert!(!standing.asked(NOW, 1, Asked { ahead: 2, waiting: 2 }));
        assert_eq!(standing.turn(NOW), Turn::Waiting(Some(2)));
        assert_eq!(standing.next(NOW), Next::Wait(HOLD / ASKS_PER_HOLD));
        assert_eq!(standing.next(NOW + HOLD), Next::Ask { round: 1 });
        assert!(standing.hear(NOW, &turn_of(1)));
        assert_eq!(standing.turn(NOW), Turn::Mine);
        standing.end_turn();
        standing.end_turn();
        assert_eq!(standing.next(NOW), Next::Pass { round: 1, told: None });
        assert_eq!(standing.next(NOW), Next::Wait(BEAT_EVERY));
    }

    #[test]
    fn a_turn_that_lapsed_is_asked_for_anew() {
        let mut standing = connected();
        standing.turn(NOW);
        assert!(standing.asked(NOW, 1, Asked { ahead: 0, waiting: 0 }));
        assert_eq!(standing.turn(NOW), Turn::Mine);
        assert_eq!(standing.turn(NOW + HOLD), Turn::Waiting(None));
        assert_eq!(standing.next(NOW), Next::Ask { round: 2 });
    }

    #[test]
    fn what_comes_late_of_an_earlier_round_is_no_turn() {
        let mut standing = connected();
        standing.turn(NOW);
        assert!(standing.hear(NOW, &turn_of(1)));
        standing.announce(Told { position: 4, slot: None });
        assert_eq!(standing.turn(NOW), Turn::Waiting(None));
        for ahead in [1, 0] {
            assert!(!standing.asked(NOW, 1, Asked { ahead, waiting: 0 }));
            assert!(!standing.hear(NOW, &turn_of(1)));
            assert_eq!(standing.turn(NOW), Turn::Waiting(None));
        }
        let told = Some(Told { position: 4, slot: None });
        assert_eq!(standing.next(NOW), Next::Pass { round: 1, told });
        assert_eq!(standing.next(NOW), Next::Ask { round: 2 });
    }

    #[test]
    fn what_was_never_asked_for_is_not_ended() {
        let mut standing = connected();
        standing.turn(NOW);
        assert!(standing.hear(NOW, &turn_of(1)));
        standing.end_turn();
        standing.turn(NOW);
        standing.end_turn();
        assert_eq!(standing.next(NOW), Next::Pass { round: 1, told: None });
        assert_eq!(standing.next(NOW), Next::Wait(BEAT_EVERY));
        assert!(!standing.hear(NOW, &turn_of(2)), "nobody wants it");
    }

    #[test]
    fn of_several_announcements_the_last_is_told() {
        let mut standing = connected();
        for position in [4, 5] {
            standing.announce(Told { position, slot: None });
        }
        let told = Some(Told { position: 5, slot: None });
        assert_eq!(standing.next(NOW), Next::Pass { round: 0, told });
        assert_eq!(standing.next(NOW), Next::Wait(BEAT_EVERY));
    }

    #[test]
    fn while_the_server_fails_nothing_is_wanted_of_it() {
        let mut standing = connected();
        standing.turn(NOW);
        standing.announce(Told { position: 4, slot: None });
        assert!(standing.failed(NOW, 0, Trouble::Slow));
        assert!(!standing.failed(NOW, 0, Trouble::Slow), "that is known");
        assert!(standing.failed(NOW, 0, Trouble::Denied(String::new())), "that is not");
        assert_eq!(standing.turn(NOW), Turn::NoQueue);
        standing.announce(Told { position: 5, slot: None });
        let Next::Wait(pause) = standing.next(NOW) else { panic!("it is left alone") };
        assert_eq!(standing.silence_of_other(NOW), None);
        assert_eq!(standing.next(NOW + pause), Next::Beat);
        assert!(standing.succeeded(NOW));
        standing.beaten(NOW, vec![]);
        assert_eq!(standing.next(NOW), Next::Wait(BEAT_EVERY), "what was wanted is forgotten");
    }

    impl Standing {
        fn silence_of_other(&self, now: Duration) -> Option<Duration> {
            self.presence.silence(now, OTHER)
        }
    }

    #[test]
    fn who_leaves_hands_its_turn_on_first() {
        let mut standing = connected();
        standing.turn(NOW);
        standing.asked(NOW, 1, Asked { ahead: 0, waiting: 0 });
        standing.is_closing = true;
        assert_eq!(
            [standing.next(NOW), standing.next(NOW)],
            [Next::Pass { round: 1, told: None }, Next::End]
        );
    }

    #[test]
    fn the_highest_position_counts_and_slots_are_given_once_and_in_order() {
        let mut standing = connected();
        assert!(standing.hear(NOW, &told(7, Some(b"seven"))));
        assert!(standing.hear(NOW, &told(6, Some(b"six"))));
        assert!(standing.hear(NOW, &told(5, None)));
        assert_eq!(standing.newest, Some(7));
        assert_eq!(standing.take_carried(5), None);
        assert_eq!(standing.take_carried(6).as_deref(), Some(&b"six"[..]));
        assert_eq!(standing.take_carried(6), None);
        assert_eq!(standing.take_carried(8), None);
        assert_eq!(standing.take_carried(7), None, "lower ones are forgotten");
    }

    #[test]
    fn what_is_carried_is_bounded_and_ones_own_is_no_news() {
        let mut standing = connected();
        let own = Announcement { member: ME, position: 9, slot: Some(b"own") };
        assert!(!standing.hear(NOW, &News { announcement: Some(own), ..News::default() }));
        assert_eq!((standing.newest, standing.take_carried(9)), (None, None));
        for position in 1..=1_000 {
            standing.hear(NOW, &told(position, Some(b"slot")));
        }
        assert_eq!(standing.carried.len(), CARRIED_MAX);
        assert!(standing.take_carried(1_000).is_some());
    }

    #[test]
    fn among_too_many_members_nobody_is_taken_for_silent() {
        let mut standing = connected();
        assert!(standing.silence_of_other(NOW).is_some());
        standing.beaten(NOW, vec![ME; SEEN_MAX]);
        assert_eq!(standing.silence_of_other(NOW), None);
    }
}
