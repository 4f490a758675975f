//! Sessions that use the engine's transactions and snapshots, judged by the [`oracle`].
//!
//! A session begins something, reads, writes, commits or gives up; a commit's future is polled or
//! dropped; some are prepared, and committed or rolled back later. What everybody saw and was told is judged at the end of every life of the database.
//!
//! Sessions belong to a node, a process with a handle of the database. There is one.
//!
//! [`oracle`]: crate::oracle

mod ending;
mod prepared;
mod session;
mod steps;

use fastrand::Rng;

use self::{
    prepared::Prepared,
    session::{Activity, Session},
};
use super::{
    Failure, Summary,
    transactions::{InFlight, Plan, Submission},
    world::{Cast, Outcome, State, World},
};
use crate::oracle::{Life, Model};

/// Makes the run of a seed.
///
/// # Errors
/// If the engine fails without a cause, panics, or does what the oracle does not allow.
pub fn run(seed: u64) -> Result<Summary, Failure> {
    super::attempt("simulation::", seed, |trace| {
        World::begin(seed, trace, Transactions::draw)?.run()
    })
}

/// Sessions, commits under way, and what is to be judged.
#[derive(Debug)]
struct Transactions {
    plan: Plan,
    sessions: Vec<Session>,
    in_flight: Vec<InFlight>,
    /// Commits whose futures were dropped.
    abandoned: Vec<Submission>,
    /// What the database held when it was opened, and what happened since.
    begun_with: Model,
    life: Life,
    prepared: Prepared,
    /// Numbers that nobody has had yet.
    next_order: u64,
    next_value: u64,
}

impl Transactions {
    fn draw(random: &mut Rng) -> Self {
        let plan = Plan::draw(random);
        let session = |_| Session { node: 0, activity: Activity::Idle };
        Self {
            sessions: (0..plan.sessions).map(session).collect(),
            plan,
            in_flight: Vec::new(),
            abandoned: Vec::new(),
            begun_with: Model::default(),
            life: Life::default(),
            prepared: Prepared::default(),
            next_order: 0,
            next_value: 0,
        }
    }
}

impl Cast for Transactions {
    fn prepare(state: &mut State<Self>) -> Outcome {
        state.create_stores()
    }

    fn step(state: &mut State<Self>) -> Outcome {
        state.step()
    }

    fn settle(state: &mut State<Self>) -> Outcome {
        state.settle_abandoned()
    }

    fn closed(state: &mut State<Self>) -> Outcome {
        state.end_on_closed()
    }

    fn let_all_go(state: &mut State<Self>) -> Outcome {
        state.give_all_up()
    }

    fn judge(state: &mut State<Self>, opened_at: u64, failed_at: Option<u64>) -> Outcome {
        state.settle_abandoned_at(opened_at, failed_at)?;
        state.judge(opened_at)
    }

    fn finish(state: &mut State<Self>) -> Outcome<bool> {
        state.finish_all()
    }
}
