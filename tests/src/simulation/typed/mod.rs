//! Typed databases: sessions that change the same records at once, judged by a model of merging.
//!
//! Sessions of two stores edit, insert, delete, exchange unique values, ask indexes of each kind,
//! and search by nearness; what both sides changed merges, field by field, or is a conflict. Each
//! opening is one by the early or by the late version of the program (`program`), so indexes come
//! and go, and are filled in pieces between and inside the steps of sessions, and codes of vectors
//! move into cells. Everything else is as in runs of the
//! engine alone: the disk, the clock, checkpoints, and how lives end.
//!
//! Every session that changes something leaves a mark in a store of its own, so that the marks say
//! which of them took effect. What they were told is judged (`judge`) at the end of every life.

mod attempt;
mod ending;
mod judge;
mod kind;
mod model;
mod near;
mod operation;
mod plan;
mod program;
mod report;
mod steps;

use fastrand::Rng;
use sop_orm::Db;

use self::{
    model::Committed,
    plan::Plan,
    program::Program,
    report::Life,
    steps::{InFlight, Open, Submission},
};
use super::{
    Failure, Summary,
    world::{Cast, Outcome, State, World},
};

/// Makes the run of a seed.
///
/// # Errors
/// If the database fails without a cause, panics, or does what the model does not allow.
pub fn run(seed: u64) -> Result<Summary, Failure> {
    super::attempt("typed_simulation::", seed, |trace| {
        World::begin(seed, trace, Crowd::draw)?.run()
    })
}

/// Sessions, commits under way, and what is to be judged.
#[derive(Debug)]
struct Crowd {
    plan: Plan,
    /// The version that has the database open.
    program: Program,
    db: Option<Db>,
    /// Whether there may be something left to do for indexes, but for the moving of codes.
    is_building: bool,
    sessions: Vec<Option<Open>>,
    in_flight: Vec<InFlight>,
    /// Commits whose futures were dropped.
    abandoned: Vec<Submission>,
    /// What was committed when the database was opened, and what happened since.
    begun_with: Committed,
    life: Life,
    /// The last numbers that somebody has had.
    next_order: u64,
    next_mark: u64,
}

impl Crowd {
    fn draw(random: &mut Rng) -> Self {
        let plan = Plan::draw(random);
        Self {
            sessions: (0..plan.sessions).map(|_| None).collect(),
            plan,
            program: Program::Early,
            db: None,
            is_building: false,
            in_flight: Vec::new(),
            abandoned: Vec::new(),
            begun_with: Committed::default(),
            life: Life::default(),
            next_order: 0,
            next_mark: 0,
        }
    }
}

impl Cast for Crowd {
    fn prepare(state: &mut State<Self>) -> Outcome {
        state.prepare()
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
        state.judge(opened_at, failed_at)
    }

    fn finish(state: &mut State<Self>) -> Outcome<bool> {
        state.finish_all()
    }
}
