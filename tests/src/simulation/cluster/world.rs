//! Who goes next. What happens to machines and to the server meanwhile is in
//! [`events`](super::events).

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use fastrand::Rng;
use parking_lot::Mutex;
use sop_core::{Clock, Coordination, Database, Disk, NoCoordination, SimulatedDisk};

use super::{
    Happening,
    book::Book,
    coordination::{Redis, Way},
    history::{History, Watched},
    machine::Machine,
    plan::Plan,
    process::{Circumstances, Process},
    turns::{Order, Player, Turn},
};
use crate::simulation::{
    Summary, disk::FOLDER, node::StepClock, trace::Trace, words, world::Outcome,
};

/// Turns after which a run that comes to no end is given up.
const TURNS_MAX: u64 = 400_000;

/// Nobody waits for anybody for longer than this.
const LEASES_END: Duration = Duration::from_secs(2);

/// How often opening is tried while calls fail.
const OPENINGS_MAX: usize = 20;

/// A run.
pub(super) struct World {
    pub(super) plan: Arc<Plan>,
    pub(super) book: Arc<Book>,
    pub(super) trace: Arc<Trace>,
    pub(super) server: SimulatedDisk,
    pub(super) history: Arc<Mutex<History>>,
    pub(super) clock: Arc<StepClock>,
    pub(super) random: Rng,
    pub(super) redis: Option<Arc<Redis>>,
    pub(super) seats: Vec<Seat>,
    /// Machines that were switched off, from which requests may still arrive.
    pub(super) off: Vec<Machine>,
    pub(super) turns: u64,
}

/// A machine, and the process on it.
pub(super) struct Seat {
    pub(super) machine: Machine,
    pub(super) process: Option<Player<Outcome>>,
    /// The newest position that the process knows of.
    pub(super) known: Arc<AtomicU64>,
    pub(super) pause: Option<Pause>,
}

/// A time in which a process gets no turn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pause {
    /// Up to this turn.
    pub(super) until: u64,
    /// Since when, by the clock.
    pub(super) since: Duration,
    /// Whether it was stalled beside something that is not durable yet.
    pub(super) is_stall: bool,
}

impl World {
    pub(super) fn new(seed: u64, trace: Arc<Trace>) -> Self {
        let mut random = Rng::with_seed(seed);
        let plan = Arc::new(Plan::draw(&mut random));
        trace.line(format_args!("{plan:?}"));
        let (book, clock) = (Arc::new(Book::new(Arc::clone(&trace))), Arc::default());
        let history = Arc::default();
        let redis = plan.has_redis.then(|| {
            let (clock, book) = (Arc::clone(&clock), Arc::clone(&book));
            Arc::new(Redis::new(random.fork(), clock, book, Arc::clone(&history)))
        });
        let mut world = Self {
            plan,
            book,
            trace,
            server: SimulatedDisk::new(),
            history,
            clock,
            random,
            redis,
            seats: Vec::new(),
            off: Vec::new(),
            turns: 0,
        };
        for _ in 0..world.plan.processes {
            let machine = world.machine();
            world.seats.push(Seat { machine, process: None, known: Arc::default(), pause: None });
        }
        world
    }

    pub(super) fn run(mut self) -> Outcome<Summary> {
        while self.book.begun() < self.plan.transactions {
            self.happen()?;
            self.turn(Order::GoOn)?;
        }
        self.wind_up()?;
        self.conclude()
    }

    pub(super) fn machine(&mut self) -> Machine {
        let watched = Watched::new(self.server.clone(), Arc::clone(&self.history));
        let (random, rates) = (self.random.fork(), self.plan.rates);
        Machine::new(Arc::new(watched), random, rates, Arc::clone(&self.book))
    }

    /// Lets somebody go on; whether there is anybody.
    fn turn(&mut self, order: Order) -> Outcome<bool> {
        self.turns += 1;
        self.clock.pass(self.random.u64(..self.plan.pace));
        if self.turns > TURNS_MAX {
            return Err("it comes to no end".into());
        }
        let is_leaving = order == Order::Leave;
        for which in 0..self.seats.len() {
            self.wake(which);
        }
        let awake: Vec<usize> = (0..self.seats.len())
            .filter(|seat| is_leaving || self.seats[*seat].pause.is_none())
            .filter(|seat| !is_leaving || self.seats[*seat].process.is_some())
            .collect();
        if awake.is_empty() {
            return Ok(!is_leaving);
        }
        let which = awake[self.random.usize(..awake.len())];
        let points = self.random.u32(..=self.plan.stride_max);
        let random = self.random.fork();
        self.trace.line(format_args!("{which}"));
        if self.seats[which].process.is_none() {
            self.book.count(|summary| summary.lives += 1);
            let process = self.begin(which, random)?;
            self.seats[which].process = Some(process);
        }
        let seat = &mut self.seats[which];
        let ended = seat.process.as_mut().and_then(|process| process.go_on(points, order));
        seat.machine.count_stale();
        if seat.machine.take_stalled() && order == Order::GoOn {
            let len = self.random.u64(..400);
            self.pause(which, len, true);
        }
        let seat = &mut self.seats[which];
        match ended {
            None => Ok(true),
            Some(outcome) => {
                seat.process = None;
                self.trace.line(format_args!("{which} has ended"));
                outcome.unwrap_or_else(|panic| Err(words(&*panic))).map(|()| true)
            }
        }
    }

    /// A process opens the database.
    fn begin(&self, which: usize, random: Rng) -> Outcome<Player<Outcome>> {
        let (plan, book) = (Arc::clone(&self.plan), Arc::clone(&self.book));
        let machine = &self.seats[which].machine;
        let (luck, machine) = (machine.luck(), machine.clone());
        let (known, log) = (Arc::clone(&self.seats[which].known), Arc::clone(&self.history));
        let (clock, redis) = (Arc::clone(&self.clock), self.redis.clone());
        let started = Player::new(move |turn| {
            let disk = machine.disk(Arc::clone(&turn));
            let around = Circumstances { plan, book, luck, turn, log, known };
            match open(&around, &disk, (&clock, redis))? {
                Some(db) => Process::new(around, random, db).live(),
                None => Ok(()),
            }
        });
        started.map_err(|error| format!("no thread: {error}"))
    }

    /// Somebody gets no turn for as many of them.
    pub(super) fn pause(&mut self, which: usize, len: u64, is_stall: bool) {
        self.trace.line(format_args!("{which} is paused for {len} turns"));
        self.book.happened(Happening::Pauses);
        let (until, since) = (self.turns + len, self.clock.now());
        self.seats[which].pause = Some(Pause { until, since, is_stall });
    }

    /// Somebody may get turns again, if it is time.
    fn wake(&mut self, which: usize) {
        let seat = &mut self.seats[which];
        let Some(pause) = seat.pause.take_if(|pause| pause.until <= self.turns) else { return };
        if seat.process.is_none() {
            return;
        }
        if self.clock.now().saturating_sub(pause.since) > LEASES_END {
            self.book.happened(Happening::PausesBeyondLeases);
        }
        let known = seat.known.load(Ordering::Relaxed);
        if known > 0 && self.history.lock().removed_up_to() > known {
            self.book.happened(Happening::PausesBeyondSlots);
        }
    }

    /// Everybody comes to an end, and nothing goes wrong any more.
    fn wind_up(&mut self) -> Outcome {
        for seat in &self.seats {
            seat.machine.calm();
        }
        while self.turn(Order::Leave)? {}
        for machine in self.off.iter().chain(self.seats.iter().map(|seat| &seat.machine)) {
            machine.deliver();
        }
        Ok(())
    }
}

/// Opens the database, again if a call fails; nothing if the process is not there any more.
fn open(
    around: &Circumstances,
    disk: &Arc<dyn Disk>,
    (clock, redis): (&Arc<StepClock>, Option<Arc<Redis>>),
) -> Outcome<Option<Database>> {
    let Circumstances { plan, luck, turn, .. } = around;
    let mut mishaps = luck.mishaps();
    let coordination: Arc<dyn Coordination> = match redis {
        Some(redis) => Arc::new(Way { redis, turn: Arc::clone(turn) }),
        None => Arc::new(NoCoordination),
    };
    for _ in 0..OPENINGS_MAX {
        let builder = Database::builder().options(plan.options()).disk(Arc::clone(disk));
        let builder = builder.coordination(Arc::clone(&coordination));
        match builder.clock(Arc::clone(clock) as Arc<_>).open(FOLDER) {
            Ok(db) => return Ok(Some(db)),
            Err(_) if Turn::is_over(turn) => return Ok(None),
            Err(error) if luck.mishaps() == mishaps => {
                return Err(format!("it cannot be opened: {error:?}"));
            }
            Err(error) => {
                around.book.trace.line(format_args!("  it cannot be opened: {error}"));
                mishaps = luck.mishaps();
            }
        }
    }
    Err("it was tried to open it too often".into())
}
