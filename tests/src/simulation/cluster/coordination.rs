//! What processes tell each other past the log, as well as the weather allows: the likes of a Redis
//! that cannot be reached, forgets everything, is two for a while, or is slow.
//!
//! There are two of it, each with a queue and news of its own; while it is one, all use the first.
//! Whoever asks for a turn lets others go on before it is answered, so that a turn can lapse, be
//! forgotten, or be given to somebody else at any moment.

use std::{collections::BTreeMap, fmt, mem, sync::Arc, task::Waker, time::Duration};

use fastrand::Rng;
use parking_lot::Mutex;
use sop_core::{Clock, Coordination, Coordinator, Health, Joining, Trouble, Turn as Answer};

use super::{
    Happening,
    book::Book,
    history::History,
    queue::{Member, Side},
    turns::Turn,
};
use crate::simulation::node::StepClock;

/// How it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Weather {
    Fair,
    Lost,
    /// There are two, and nobody sees both.
    Split,
    /// News are late, and so are answers.
    Slow,
}

/// What all processes of a run share.
pub(super) struct Redis {
    state: Mutex<State>,
    clock: Arc<StepClock>,
    book: Arc<Book>,
    history: Arc<Mutex<History>>,
}

struct State {
    weather: Weather,
    sides: [Side; 2],
    /// Those who want to be woken, and on which side they are if there are two.
    members: BTreeMap<Member, (Waker, usize)>,
    /// News that are on their way.
    late: Vec<News>,
    random: Rng,
}

struct News {
    side: usize,
    from: Member,
    position: u64,
    slot: Option<Arc<[u8]>>,
}

/// One process's way to it: what a database is opened with.
#[derive(Clone)]
pub(super) struct Way {
    pub(super) redis: Arc<Redis>,
    pub(super) turn: Arc<Turn>,
}

/// One process's end.
struct Line {
    way: Way,
    member: Member,
    waker: Waker,
}

impl fmt::Debug for Redis {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redis").field("weather", &self.state.lock().weather).finish_non_exhaustive()
    }
}

impl fmt::Debug for Way {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Way").field("redis", &self.redis).finish_non_exhaustive()
    }
}

impl fmt::Debug for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Line").field("member", &self.member).finish_non_exhaustive()
    }
}

impl Redis {
    pub(super) fn new(
        random: Rng,
        clock: Arc<StepClock>,
        book: Arc<Book>,
        history: Arc<Mutex<History>>,
    ) -> Self {
        let state = State {
            weather: Weather::Fair,
            sides: Default::default(),
            members: BTreeMap::new(),
            late: Vec::new(),
            random,
        };
        Self { state: Mutex::new(state), clock, book, history }
    }

    /// The weather changes, or everything is forgotten.
    pub(super) fn change(&self) {
        let mut state = self.state.lock();
        let (weather, happening) = match state.random.u8(..7) {
            0 => (Weather::Lost, Some(Happening::RedisLosses)),
            1 => (Weather::Split, Some(Happening::RedisSplits)),
            2 => (Weather::Slow, Some(Happening::RedisDelays)),
            3 | 4 => {
                state.sides = Default::default();
                (state.weather, Some(Happening::RedisWipes))
            }
            _ => (Weather::Fair, None),
        };
        self.book.trace.line(format_args!("Redis: {happening:?}, and is {weather:?}"));
        if let Some(happening) = happening {
            self.book.happened(happening);
        }
        if weather == Weather::Split {
            let State { members, random, .. } = &mut *state;
            for (_, side) in members.values_mut() {
                *side = random.usize(..2);
            }
        }
        state.weather = weather;
    }

    /// News arrive that are late.
    pub(super) fn deliver(&self) {
        let late = {
            let mut state = self.state.lock();
            let mut late = mem::take(&mut state.late);
            state.random.shuffle(&mut late);
            late
        };
        self.book.happened_often(Happening::RedisLateNews, late.len() as u64);
        for news in late {
            self.arrive(news);
        }
    }

    fn arrive(&self, News { side, from, position, slot }: News) {
        let wakers: Vec<Waker> = {
            let mut state = self.state.lock();
            state.sides[side].tell(from, position, slot);
            let others = state.members.iter().filter(|(member, _)| **member != from);
            let on_side = others.filter(|(_, (_, at))| state.side(*at) == side);
            on_side.map(|(_, (waker, _))| waker.clone()).collect()
        };
        wakers.iter().for_each(Waker::wake_by_ref);
    }
}

impl State {
    /// Which of the two somebody uses who would use this one if there were two.
    fn side(&self, at: usize) -> usize {
        if self.weather == Weather::Split { at } else { 0 }
    }

    fn side_of(&self, member: &Member) -> usize {
        self.members.get(member).map_or(0, |(_, at)| self.side(*at))
    }

    fn has_turn(&self, member: &Member, now: Duration) -> bool {
        self.sides.iter().any(|side| side.has_turn(member, now))
    }
}

impl Coordination for Way {
    fn join(&self, Joining { member, waker, .. }: Joining) -> Arc<dyn Coordinator> {
        let mut state = self.redis.state.lock();
        let at = state.random.usize(..2);
        state.members.insert(member, (waker.clone(), at));
        Arc::new(Line { way: self.clone(), member, waker })
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.way.redis.state.lock().members.remove(&self.member);
    }
}

impl Line {
    fn now(&self) -> Duration {
        self.way.redis.clock.now()
    }

    fn answer(&self) -> Answer {
        let Redis { state, book, .. } = &*self.way.redis;
        let (now, mut state) = (self.now(), state.lock());
        if state.weather == Weather::Lost {
            return Answer::NoQueue;
        }
        let is_slow = state.weather == Weather::Slow && state.random.bool();
        let (had, side) = (state.has_turn(&self.member, now), state.side_of(&self.member));
        if is_slow || !state.sides[side].ask(self.member, now) {
            book.happened(Happening::RedisWaits);
            return Answer::Waiting(Some(state.sides[side].waiting_besides(&self.member)));
        }
        let have = |member: &&Member| state.has_turn(member, now);
        if !had {
            let holders = state.members.keys().filter(have).count();
            book.happened(Happening::RedisTurns);
            if holders > 1 {
                book.happened(Happening::RedisDoubleTurns);
            }
        }
        Answer::Mine
    }
}

impl Coordinator for Line {
    fn turn(&self) -> Answer {
        if !self.way.turn.yield_now() {
            return Answer::NoQueue;
        }
        let answer = self.answer();
        self.way.redis.book.trace.line(format_args!("    asks for a turn: {answer:?}"));
        // Waiting for what somebody else does would be waiting for ever: it asks again.
        self.waker.wake_by_ref();
        answer
    }

    fn end_turn(&self) {
        let mut state = self.way.redis.state.lock();
        if state.weather != Weather::Lost {
            let side = state.side_of(&self.member);
            state.sides[side].end(self.member);
        }
    }

    fn announce(&self, position: u64, slot: Option<&[u8]>) {
        self.end_turn();
        let news = {
            let mut state = self.way.redis.state.lock();
            let side = state.side_of(&self.member);
            let slot = slot.map(Arc::from);
            let news = News { side, from: self.member, position, slot };
            match state.weather {
                Weather::Lost => return,
                Weather::Slow => return state.late.push(news),
                Weather::Fair | Weather::Split => news,
            }
        };
        self.way.redis.arrive(news);
    }

    fn newest(&self) -> Option<u64> {
        let state = self.way.redis.state.lock();
        state.sides[state.side_of(&self.member)].newest_of_others(&self.member)
    }

    fn take_carried(&self, position: u64) -> Option<Arc<[u8]>> {
        let Redis { state, book, history, .. } = &*self.way.redis;
        let mut state = state.lock();
        if state.weather == Weather::Lost {
            return None;
        }
        let is_false = state.random.u8(..4) == 0;
        if is_false && let Some(slot) = history.lock().too_late_for(position) {
            book.happened(Happening::RedisFalseSlots);
            return Some(slot);
        }
        let slot = state.sides[state.side_of(&self.member)].carried(&self.member, position)?;
        book.happened(Happening::RedisSlots);
        Some(slot)
    }

    fn waiting(&self) -> u32 {
        let state = self.way.redis.state.lock();
        state.sides[state.side_of(&self.member)].waiting_besides(&self.member)
    }

    fn silence(&self, member: Member) -> Option<Duration> {
        let state = self.way.redis.state.lock();
        let heard = state.sides[state.side_of(&self.member)].heard(&member)?;
        Some(self.now().saturating_sub(heard))
    }

    fn health(&self) -> Health {
        match self.way.redis.state.lock().weather {
            Weather::Lost => Health::Open(Trouble::Unreachable("it is simulated".into())),
            _ => Health::Healthy,
        }
    }
}
