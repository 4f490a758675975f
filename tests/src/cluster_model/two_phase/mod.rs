//! Two-phase commit over two databases: one decision in one log, locks until it is known.
//!
//! Two transactions span both databases. Each has another one of them for its *home*, whose log
//! takes its decision together with what it writes there; the other one is its *participant*, whose
//! log takes its *branch*: prepared first, resolved when the decision is known. Each database has
//! one key, which both transactions read; local writers change it beside them.
//!
//! Coordinators may stop anywhere for as long as they like. Anybody who finds a prepared branch may
//! finish it: by the decision, or, where there is none, by deciding against it first. An append to
//! one log is one step here, which its author may hear nothing of; the model of the log is about how
//! that comes to be.

mod coordinator;
mod recoverer;

use super::{Choice, Event, Goal, Guard, Model, Packed, Packer, Rules, Steps};
use coordinator::{Coordinator, Phase};
use recoverer::Known;

const DATABASES: usize = 2;

/// Two databases, and two transactions over both of them.
#[derive(Clone, Copy, Debug)]
pub struct TwoPhaseModel {
    /// Which guards there are.
    pub rules: Rules,
    /// Whether the transactions write to both databases; else each writes to its home only and has
    /// just read in the other.
    pub writes_both: bool,
}

/// Both databases, and how far everybody has come.
#[derive(Clone, Copy, Debug, Default)]
pub struct State {
    databases: [Database; DATABASES],
    /// Transaction 1 has database 1 for its home, transaction 2 database 2.
    coordinators: [Coordinator; DATABASES],
    /// What they know who finish the branches that are prepared in each database.
    recoverers: [Known; DATABASES],
}

/// What the log of a database says.
#[derive(Clone, Copy, Debug, Default)]
struct Database {
    /// How often the key was written.
    version: u8,
    /// The branch of the transaction that is at home in the other one.
    branch: Branch,
    /// What was decided about the transaction that is at home here, as far as it is remembered.
    decision: Decision,
    /// What was ever decided, for the verdict.
    has_committed: bool,
    has_aborted: bool,
    /// Whether its local writer has come.
    is_written: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Branch {
    #[default]
    None,
    Prepared,
    Committed,
    Aborted,
}

impl Choice for Branch {
    const ALL: &'static [Self] = &[Self::None, Self::Prepared, Self::Committed, Self::Aborted];
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Decision {
    #[default]
    None,
    Commit,
    Abort,
}

impl Choice for Decision {
    const ALL: &'static [Self] = &[Self::None, Self::Commit, Self::Abort];
}

impl Database {
    /// Whether a prepared branch keeps others from the key.
    fn is_locked(self, rules: Rules) -> bool {
        self.branch == Branch::Prepared && rules.has(Guard::PreparedLocks)
    }

    /// Appends a decision, if there is none.
    fn decide(&mut self, decision: Decision, rules: Rules) -> bool {
        let is_first = self.decision == Decision::None || !rules.has(Guard::FirstDecisionCounts);
        if is_first {
            self.decision = decision;
            self.has_committed |= decision == Decision::Commit;
            self.has_aborted |= decision == Decision::Abort;
        }
        is_first
    }
}

/// The database where a transaction is a guest, and the other way round.
fn other(database: usize) -> usize {
    1 - database
}

impl TwoPhaseModel {
    /// The end of a branch. A branch that has ended already stays as it is.
    fn resolve(self, state: &State, at: usize, commits: bool) -> Result<State, &'static str> {
        let mut next = *state;
        let database = &mut next.databases[at];
        if database.branch != Branch::Prepared {
            return Ok(next);
        }
        database.branch = if commits { Branch::Committed } else { Branch::Aborted };
        if commits && self.writes_both {
            let coordinator = &mut next.coordinators[other(at)];
            if coordinator.read_abroad != database.version {
                return Err("a transaction writes over what it never saw");
            }
            database.version += 1;
            coordinator.wrote_abroad = database.version;
        }
        Ok(next)
    }

    fn local_writer_steps(self, state: &State, at: usize, steps: &mut Steps<State>) {
        let database = state.databases[at];
        if !database.is_written && !database.is_locked(self.rules) {
            let mut next = *state;
            next.databases[at].version += 1;
            next.databases[at].is_written = true;
            steps.to(Event::new("the local writer of database", at, "commits"), next);
        }
    }

    /// Decisions are forgotten when nobody can ask for them any more.
    fn forget(self, state: &State, home: usize, steps: &mut Steps<State>) {
        let branch = state.databases[other(home)].branch;
        let may_forget = match state.databases[home].decision {
            Decision::None => false,
            Decision::Commit => {
                branch == Branch::Committed || !self.rules.has(Guard::CommitsAreRemembered)
            }
            Decision::Abort => {
                state.coordinators[home].has_ended() || !self.rules.has(Guard::AbortsAreRemembered)
            }
        };
        if may_forget {
            let mut next = *state;
            next.databases[home].decision = Decision::None;
            steps.to(Event::new("database", home, "forgets its decision"), next);
        }
    }
}

impl Model for TwoPhaseModel {
    type State = State;

    fn initial(&self) -> State {
        State::default()
    }

    fn next(&self, state: &State, steps: &mut Steps<State>) {
        for database in 0..DATABASES {
            self.coordinator_steps(state, database, steps);
            self.recoverer_steps(state, database, steps);
            self.local_writer_steps(state, database, steps);
            self.forget(state, database, steps);
        }
    }

    fn wrong(&self, state: &State) -> Option<&'static str> {
        for (home, coordinator) in state.coordinators.iter().enumerate() {
            let database = state.databases[home];
            let branch = state.databases[other(home)].branch;
            let is_aborted = branch == Branch::Aborted || coordinator.phase == Phase::Refused;
            if database.has_committed && database.has_aborted {
                return Some("a transaction was decided both ways");
            }
            let is_incomplete = coordinator.phase == Phase::Acknowledged
                && self.writes_both
                && branch != Branch::Committed;
            if database.has_committed && (is_aborted || is_incomplete)
                || branch == Branch::Committed && !database.has_committed
            {
                return Some("half of a transaction was committed");
            }
            if coordinator.phase == Phase::Acknowledged && !database.has_committed {
                return Some("a commit was acknowledged that was not decided");
            }
        }
        is_cyclic(state).then_some("two transactions each came before the other")
    }

    fn rests(&self, state: &State) -> bool {
        let is_resolved = |database: &Database| database.branch != Branch::Prepared;
        state.databases.iter().all(is_resolved)
    }

    fn canonical(&self, state: State) -> State {
        let mut mirrored = state;
        mirrored.databases.swap(0, 1);
        mirrored.coordinators.swap(0, 1);
        mirrored.recoverers.swap(0, 1);
        if mirrored.pack() < state.pack() { mirrored } else { state }
    }

    fn goals(&self) -> &'static [Goal<State>] {
        &[
            ("both transactions commit", |state| {
                state.databases.iter().all(|database| database.has_committed)
            }),
            ("somebody else decides against a transaction", |state| {
                state.databases[0].has_aborted && !state.coordinators[0].has_ended()
            }),
            ("somebody else finishes a commit", |state| {
                state.databases[1].branch == Branch::Committed
                    && state.coordinators[0].phase != Phase::Acknowledged
            }),
            ("a branch is prepared when its transaction has ended", |state| {
                state.coordinators[0].phase == Phase::Refused
                    && state.databases[1].branch == Branch::Prepared
            }),
        ]
    }
}

/// Whether each of the two has read what the other wrote later.
fn is_cyclic(state: &State) -> bool {
    let precedes = |first: usize, second: usize| {
        let (reader, writer) = (state.coordinators[first], state.coordinators[second]);
        // The second writes at home, where the first is a guest, and perhaps abroad.
        reader.read_abroad < writer.wrote_home || reader.read_home < writer.wrote_abroad
    };
    let committed = |at: usize| state.databases[at].has_committed;
    committed(0) && committed(1) && precedes(0, 1) && precedes(1, 0)
}

impl Packed for State {
    fn fields(&mut self, packer: &mut Packer) {
        for database in &mut self.databases {
            packer.number(&mut database.version, 3);
            packer.choice(&mut database.branch);
            packer.choice(&mut database.decision);
            packer.flag(&mut database.has_committed);
            packer.flag(&mut database.has_aborted);
            packer.flag(&mut database.is_written);
        }
        for coordinator in &mut self.coordinators {
            coordinator.fields(packer);
        }
        for recoverer in &mut self.recoverers {
            packer.choice(recoverer);
        }
    }
}
