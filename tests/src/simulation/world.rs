//! All that takes part in a run, and who goes next.

use std::{
    fmt,
    sync::{Arc, Weak},
};

use fastrand::Rng;
use parking_lot::Mutex;
use sop_core::{Database, Error, Kind, Work};

use super::{
    Summary,
    disk::{Interleave, NodeDisk},
    node::{Node, StepClock},
    surroundings::{Surroundings, happens, happens_rarely},
    trace::Trace,
};

/// Why a run failed, in words.
pub(super) type Outcome<T = ()> = Result<T, String>;

/// Those who use the database in a run: its sessions, and what is known of their work.
pub(super) trait Cast: fmt::Debug + Send + Sized + 'static {
    /// Begins with the database, which has just been created.
    fn prepare(state: &mut State<Self>) -> Outcome;

    /// A step of one of them.
    fn step(state: &mut State<Self>) -> Outcome;

    /// Commits that wait were led.
    fn settle(state: &mut State<Self>) -> Outcome;

    /// The database was closed under their hands.
    fn closed(state: &mut State<Self>) -> Outcome;

    /// Everybody lets go of what they have, the database included.
    fn let_all_go(state: &mut State<Self>) -> Outcome;

    /// Checks the life that is over, and that what had to outlast it is there. The next one was
    /// opened at a position; one behind it may have failed.
    fn judge(state: &mut State<Self>, opened_at: u64, failed_at: Option<u64>) -> Outcome;

    /// Brings everybody to an end; whether all are there.
    fn finish(state: &mut State<Self>) -> Outcome<bool>;
}

/// A run. Calls of the disk come back to it, see [`Interleave`].
#[derive(Debug)]
pub(super) struct World<C> {
    state: Mutex<State<C>>,
}

/// What everybody in a run shares.
#[derive(Debug)]
pub(super) struct State<C> {
    pub(super) surroundings: Surroundings,
    pub(super) random: Rng,
    pub(super) trace: Arc<Trace>,
    pub(super) nodes: Vec<Node>,
    pub(super) cast: C,
    /// The highest position that was acknowledged, and that was promised to be on the disk.
    pub(super) acknowledged: u64,
    pub(super) durable: u64,
    /// Everything up to here was promised to outlast the life that is over.
    pub(super) lasting: u64,
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

impl<C: Cast> World<C> {
    /// Begins the run of a seed, with a cast that is drawn from it.
    pub(super) fn begin(
        seed: u64,
        trace: Arc<Trace>,
        cast: impl FnOnce(&mut Rng) -> C,
    ) -> Outcome<Arc<Self>> {
        let mut random = Rng::with_seed(seed);
        let (mut surroundings, cast) = (Surroundings::draw(&mut random), cast(&mut random));
        // Drawn beside all others, so that these are what they were.
        let mirrored = Rng::with_seed(!seed).u8(..4) == 0;
        if mirrored {
            // While a folder is rebuilt nobody may go on in the middle of a call.
            surroundings.rates.interleaved_max = 0;
        }
        trace.line(format_args!("{surroundings:?} {cast:?}"));
        let mut opened = Ok(());
        let world = Arc::new_cyclic(|world: &Weak<Self>| {
            let mut state = State::new(surroundings, cast, random, trace);
            let disk = NodeDisk::new(Arc::clone(&state.trace), world.clone() as Weak<_>, mirrored);
            opened = state.open_first(disk);
            Self { state: Mutex::new(state) }
        });
        opened.map(|()| world)
    }

    pub(super) fn run(&self) -> Outcome<Summary> {
        let steps = self.state.lock().surroundings.steps;
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
            None => C::step(&mut self.state.lock()),
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
}

impl<C: Cast> Interleave for World<C> {
    /// While maintenance is going on and the engine holds nothing that others could wait for.
    fn interleave(&self) {
        // Somebody who is in the middle of a step waits for the disk.
        let Some(mut state) = self.state.try_lock() else { return };
        let Some(maintenance) = state.maintenance.filter(|_| state.failure.is_none()) else {
            return;
        };
        let most = state.surroundings.rates.interleaved_max;
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

impl<C: Cast> State<C> {
    fn new(surroundings: Surroundings, cast: C, random: Rng, trace: Arc<Trace>) -> Self {
        Self {
            surroundings,
            random,
            trace,
            nodes: Vec::new(),
            cast,
            acknowledged: 0,
            durable: 0,
            lasting: 0,
            reopens_in: None,
            maintenance: None,
            failure: None,
            summary: Summary::default(),
        }
    }

    fn open_first(&mut self, disk: NodeDisk) -> Outcome {
        let clock = Arc::new(StepClock::default());
        let node = Node::open(disk, clock, self.surroundings.options());
        self.nodes.push(node.map_err(|error| format!("the first opening failed: {error:?}"))?);
        self.summary.lives = 1;
        C::prepare(self)
    }

    /// The handle of the first node.
    pub(super) fn db(&self) -> &Database {
        &self.nodes[0].db
    }

    /// The position of the newest state.
    pub(super) fn position(&self) -> Outcome<u64> {
        let snapshot = self.db().snapshot();
        Ok(snapshot.map_err(|error| format!("there is no state: {error:?}"))?.position())
    }

    /// Takes down what came of maintenance that began at a position.
    pub(super) fn worked(&mut self, done: &Result<Option<Work>, Error>, at: u64) -> Outcome {
        self.trace.line(format_args!("  {done:?}"));
        match done {
            Ok(Some(Work::Sync | Work::Checkpoint)) => {
                self.durable = self.durable.max(at);
                Ok(())
            }
            Ok(Some(Work::Commits)) => C::settle(self),
            Ok(_) => Ok(()),
            Err(error) => self.explained(error),
        }
    }

    /// An error must come from a call of the disk that failed. If nothing more is accepted since,
    /// the database is opened anew soon.
    pub(super) fn explained(&mut self, error: &Error) -> Outcome {
        let is_explained = matches!(error.kind(), Kind::Io | Kind::Full | Kind::Reopen);
        if !is_explained || self.nodes[0].disk.mishaps().hits() == 0 {
            return Err(format!("without a cause: {error:?}"));
        }
        if error.kind() == Kind::Reopen && self.reopens_in.is_none() {
            self.reopens_in = Some(self.random.u32(1..40));
        }
        Ok(())
    }

    /// What happens to the database as a whole, if anything does now; maintenance is left to do.
    fn beside_sessions(&mut self) -> Outcome<Option<Maintenance>> {
        let passed = self.random.u64(..2_000);
        self.nodes[0].clock.pass(passed);
        if let Some(left) = self.reopens_in {
            self.reopens_in = Some(left.saturating_sub(1));
        }
        let rates = self.surroundings.rates.clone();
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
        let rate = self.surroundings.rates.work;
        if may_work && happens(&mut self.random, rate) {
            let position = self.position()?;
            let done = self.db().work();
            return self.worked(&done, position);
        }
        C::step(self)
    }
}
