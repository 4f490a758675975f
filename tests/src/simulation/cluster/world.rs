//! Who goes next, and what happens to machines and to the server.

use std::{path::Path, sync::Arc};

use fastrand::Rng;
use parking_lot::Mutex;
use sop_core::{Database, Disk, SimulatedDisk, Survival};

use super::{
    book::Book,
    history::{History, Watched},
    machine::Machine,
    plan::Plan,
    process::{Circumstances, Process},
    turns::{Order, Player, Turn},
};
use crate::simulation::{
    Summary,
    disk::FOLDER,
    node::StepClock,
    surroundings::{happens, happens_rarely},
    trace::Trace,
    words,
    world::Outcome,
};

/// Turns after which a run that comes to no end is given up.
const TURNS_MAX: u64 = 400_000;

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
    pub(super) seats: Vec<Seat>,
    /// Machines that were switched off, from which requests may still arrive.
    off: Vec<Machine>,
    turns: u64,
}

/// A machine, and the process on it.
pub(super) struct Seat {
    pub(super) machine: Machine,
    pub(super) process: Option<Player<Outcome>>,
    /// It does not get a turn before this one.
    paused_until: u64,
}

impl World {
    pub(super) fn new(seed: u64, trace: Arc<Trace>) -> Self {
        let mut random = Rng::with_seed(seed);
        let plan = Arc::new(Plan::draw(&mut random));
        trace.line(format_args!("{plan:?}"));
        let mut world = Self {
            plan,
            book: Arc::new(Book::new(Arc::clone(&trace))),
            trace,
            server: SimulatedDisk::new(),
            history: Arc::default(),
            clock: Arc::default(),
            random,
            seats: Vec::new(),
            off: Vec::new(),
            turns: 0,
        };
        for _ in 0..world.plan.processes {
            let machine = world.machine();
            world.seats.push(Seat { machine, process: None, paused_until: 0 });
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

    fn machine(&mut self) -> Machine {
        let watched = Watched::new(self.server.clone(), Arc::clone(&self.history));
        let (random, rates) = (self.random.fork(), self.plan.rates);
        Machine::new(Arc::new(watched), random, rates, Arc::clone(&self.trace))
    }

    /// What happens by itself.
    fn happen(&mut self) -> Outcome {
        let rates = self.plan.rates;
        self.clock.pass(self.random.u64(..self.plan.turn_max));
        let which = self.random.usize(..self.seats.len());
        if happens(&mut self.random, rates.arrival) {
            self.seats[which].machine.deliver();
            self.off.iter().for_each(Machine::deliver);
        }
        if happens_rarely(&mut self.random, rates.pause) {
            let len = self.random.u64(..3_000);
            self.trace.line(format_args!("{which} is paused for {len} turns"));
            self.seats[which].paused_until = self.turns + len;
        }
        if happens_rarely(&mut self.random, rates.kill) {
            self.kill(which)?;
        }
        if happens_rarely(&mut self.random, rates.power) {
            self.cut_power()?;
        }
        Ok(())
    }

    /// Lets somebody go on; whether there is anybody.
    fn turn(&mut self, order: Order) -> Outcome<bool> {
        self.turns += 1;
        if self.turns > TURNS_MAX {
            return Err("it comes to no end".into());
        }
        let is_leaving = order == Order::Leave;
        let awake: Vec<usize> = (0..self.seats.len())
            .filter(|seat| is_leaving || self.seats[*seat].paused_until <= self.turns)
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
        let clock = Arc::clone(&self.clock);
        let started = Player::new(move |turn| {
            let disk = machine.disk(Arc::clone(&turn));
            let around = Circumstances { plan, book, luck, turn };
            match open(&around, &disk, &clock)? {
                Some(db) => Process::new(around, random, db).live(),
                None => Ok(()),
            }
        });
        started.map_err(|error| format!("no thread: {error}"))
    }

    /// A process ends in the middle of what it does, and maybe its machine with it.
    fn kill(&mut self, which: usize) -> Outcome {
        self.trace.line(format_args!("{which} is killed"));
        let ended = self.seats[which].process.take().and_then(Player::cut_off);
        ended.map_or(Ok(()), |outcome| outcome.unwrap_or_else(|panic| Err(words(&*panic))))?;
        if self.random.bool() {
            let machine = self.machine();
            self.off.push(std::mem::replace(&mut self.seats[which].machine, machine));
        }
        Ok(())
    }

    /// The server loses its power, and everybody with it.
    fn cut_power(&mut self) -> Outcome {
        for which in 0..self.seats.len() {
            self.kill(which)?;
        }
        let seed = self.random.u64(..);
        self.trace.line(format_args!("the power goes: {seed}"));
        self.book.count(|summary| summary.power_cuts += 1);
        self.server = self.server.cut_now(match seed % 8 {
            0 => Survival::Nothing,
            _ => Survival::Random(seed),
        });
        let kept = self.history.lock().keep(&self.server, &Path::new(FOLDER).join("log"));
        kept.map_err(|error| format!("the log cannot be read: {error}"))?;
        self.off.clear();
        for which in 0..self.seats.len() {
            self.seats[which].machine = self.machine();
        }
        Ok(())
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
    clock: &Arc<StepClock>,
) -> Outcome<Option<Database>> {
    let Circumstances { plan, luck, turn, .. } = around;
    let mut mishaps = luck.mishaps();
    for _ in 0..OPENINGS_MAX {
        let builder = Database::builder().options(plan.options()).disk(Arc::clone(disk));
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
