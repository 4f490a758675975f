//! All that takes part in a run, and who goes next.

use std::sync::{Arc, Weak};

use fastrand::Rng;
use parking_lot::Mutex;
use sop_core::{Database, Work};

use super::{
    Summary,
    disk::NodeDisk,
    node::{Node, StepClock},
    plan::{Plan, happens, happens_rarely},
    session::{Activity, InFlight, Session, Submission},
    trace::Trace,
};
use crate::oracle::{Life, Model};

/// Why a run failed, in words.
pub(super) type Outcome<T = ()> = Result<T, String>;

/// A run. Calls of the disk come back to it, see [`World::interleave`].
#[derive(Debug)]
pub(super) struct World {
    state: Mutex<State>,
}

/// What everybody in a run shares.
#[derive(Debug)]
pub(super) struct State {
    pub(super) plan: Plan,
    pub(super) random: Rng,
    pub(super) trace: Arc<Trace>,
    pub(super) nodes: Vec<Node>,
    pub(super) sessions: Vec<Session>,
    pub(super) in_flight: Vec<InFlight>,
    /// Commits whose futures were dropped.
    pub(super) abandoned: Vec<Submission>,
    /// What the database held when it was opened, and what happened since.
    pub(super) begun_with: Model,
    pub(super) life: Life,
    /// The highest position that was acknowledged, and that was promised to be on the disk.
    pub(super) acknowledged: u64,
    pub(super) durable: u64,
    /// Numbers that nobody has had yet.
    pub(super) next_order: u64,
    pub(super) next_value: u64,
    /// After how many steps the database is opened anew, since it accepts nothing more.
    pub(super) reopens_in: Option<u32>,
    /// The maintenance that is going on, while nobody has hold of this state.
    maintenance: Option<Maintenance>,
    /// What went wrong while maintenance was going on.
    failure: Option<String>,
    pub(super) summary: Summary,
}

/// What is done to a database beside its sessions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Maintenance {
    Work,
    Checkpoint,
    Compact,
    Sync,
}

impl World {
    pub(super) fn begin(seed: u64, trace: Arc<Trace>) -> Outcome<Arc<Self>> {
        let mut random = Rng::with_seed(seed);
        let plan = Plan::draw(&mut random);
        trace.line(format_args!("{plan:?}"));
        let mut opened = Ok(());
        let world = Arc::new_cyclic(|world: &Weak<Self>| {
            let mut state = State::new(plan, random, trace);
            let disk = NodeDisk::new(Arc::clone(&state.trace), Weak::clone(world));
            opened = state.open_first(disk);
            Self { state: Mutex::new(state) }
        });
        opened.map(|()| world)
    }

    pub(super) fn run(&self) -> Outcome<Summary> {
        let steps = self.state.lock().plan.steps;
        for number in 0..steps {
            self.step(number)?;
        }
        // Whoever is still at something comes to an end, on a disk that fails no more.
        while !self.state.lock().wind_up()? {
            self.maintain(Maintenance::Work)?;
        }
        self.state.lock().conclude()
    }

    fn step(&self, number: u64) -> Outcome {
        let maintenance = {
            let mut state = self.state.lock();
            state.trace.line(format_args!("step {number}"));
            state.beside_sessions()?
        };
        match maintenance {
            Some(maintenance) => self.maintain(maintenance),
            None => self.state.lock().step(),
        }
    }

    /// Does maintenance, during which others take steps.
    fn maintain(&self, maintenance: Maintenance) -> Outcome {
        let (db, position) = {
            let mut state = self.state.lock();
            state.trace.line(format_args!("  {maintenance:?}"));
            state.maintenance = Some(maintenance);
            let db = state.nodes[0].db.clone();
            let position = state.position()?;
            (db, position)
        };
        let done = match maintenance {
            Maintenance::Work => db.work(),
            Maintenance::Checkpoint => db.checkpoint().map(|()| Some(Work::Checkpoint)),
            Maintenance::Compact => db.compact().map(|()| Some(Work::Checkpoint)),
            Maintenance::Sync => db.sync().map(|()| Some(Work::Sync)),
        };
        let mut state = self.state.lock();
        state.maintenance = None;
        state.worked(&done, position)?;
        state.failure.take().map_or(Ok(()), Err)
    }

    /// Lets others take steps while maintenance is going on and the engine holds nothing that they
    /// could wait for.
    pub(super) fn interleave(&self) {
        // Somebody who is in the middle of a step waits for the disk.
        let Some(mut state) = self.state.try_lock() else { return };
        let Some(maintenance) = state.maintenance.filter(|_| state.failure.is_none()) else {
            return;
        };
        let most = state.plan.rates.interleaved_max;
        for _ in 0..state.random.u32(..=most) {
            state.summary.interleaved += 1;
            let outcome = state.step_inside(maintenance);
            if outcome.is_err() {
                state.failure = outcome.err();
                return;
            }
        }
    }
}

impl State {
    fn new(plan: Plan, random: Rng, trace: Arc<Trace>) -> Self {
        let session = |_| Session { node: 0, activity: Activity::Idle };
        Self {
            sessions: (0..plan.sessions).map(session).collect(),
            plan,
            random,
            trace,
            nodes: Vec::new(),
            in_flight: Vec::new(),
            abandoned: Vec::new(),
            begun_with: Model::default(),
            life: Life::default(),
            acknowledged: 0,
            durable: 0,
            next_order: 0,
            next_value: 0,
            reopens_in: None,
            maintenance: None,
            failure: None,
            summary: Summary::default(),
        }
    }

    fn open_first(&mut self, disk: NodeDisk) -> Outcome {
        let clock = Arc::new(StepClock::default());
        let node = Node::open(disk, clock, &self.plan);
        self.nodes.push(node.map_err(|error| format!("the first opening failed: {error:?}"))?);
        self.summary.lives = 1;
        self.prepare()
    }

    /// The handle of the first node.
    pub(super) fn db(&self) -> &Database {
        &self.nodes[0].db
    }

    /// The handle that a session uses.
    pub(super) fn db_of(&self, session: usize) -> &Database {
        &self.nodes[self.sessions[session].node].db
    }

    /// What happens to the database as a whole, if anything does now; maintenance is left to do.
    fn beside_sessions(&mut self) -> Outcome<Option<Maintenance>> {
        let passed = self.random.u64(..2_000);
        self.nodes[0].clock.pass(passed);
        if let Some(left) = self.reopens_in {
            self.reopens_in = Some(left.saturating_sub(1));
        }
        let rates = self.plan.rates.clone();
        if self.reopens_in == Some(0) || happens_rarely(&mut self.random, rates.ending) {
            return self.end_life().map(|()| None);
        }
        if happens_rarely(&mut self.random, rates.fault) {
            self.nodes[0].disk.mishaps().arm(&mut self.random);
        }
        if happens(&mut self.random, rates.work) {
            return Ok(Some(Maintenance::Work));
        }
        if happens(&mut self.random, rates.maintenance) {
            return Ok(Some(match self.random.u8(..4) {
                0 => Maintenance::Compact,
                1 => Maintenance::Sync,
                _ => Maintenance::Checkpoint,
            }));
        }
        Ok(None)
    }

    /// A step inside of maintenance.
    fn step_inside(&mut self, maintenance: Maintenance) -> Outcome {
        self.trace.line(format_args!("  meanwhile"));
        // A checkpoint that was asked for outright would wait for this one.
        let may_work = maintenance == Maintenance::Work;
        let rate = self.plan.rates.work;
        if may_work && happens(&mut self.random, rate) {
            let position = self.position()?;
            let done = self.db().work();
            return self.worked(&done, position);
        }
        self.step()
    }
}
