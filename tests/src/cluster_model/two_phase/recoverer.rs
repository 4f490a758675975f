//! Whoever finds a prepared branch finishes it, in the place of a coordinator that is silent.

use super::{Branch, Choice, Decision, Event, Guard, State, Steps, TwoPhaseModel, other};

const WHO: &str = "the recoverer of database";

/// What it has found out about the branch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Known {
    #[default]
    Nothing,
    Commit,
    Abort,
}

impl Choice for Known {
    const ALL: &'static [Self] = &[Self::Nothing, Self::Commit, Self::Abort];
}

impl TwoPhaseModel {
    pub(super) fn recoverer_steps(self, state: &State, at: usize, steps: &mut Steps<State>) {
        let home = other(at);
        let knowing = |mut state: State, recoverer| {
            state.recoverers[at] = recoverer;
            state
        };
        match state.recoverers[at] {
            Known::Nothing if state.databases[at].branch != Branch::Prepared => {}
            Known::Nothing => match state.databases[home].decision {
                Decision::Commit => {
                    let next = knowing(*state, Known::Commit);
                    steps.to(Event::new(WHO, at, "finds a decision to commit"), next);
                }
                Decision::Abort => {
                    let next = knowing(*state, Known::Abort);
                    steps.to(Event::new(WHO, at, "finds a decision to abort"), next);
                }
                Decision::None => {
                    let mut next = *state;
                    if self.rules.has(Guard::AbortByDecision) {
                        next.databases[home].decide(Decision::Abort, self.rules);
                    }
                    let next = knowing(next, Known::Abort);
                    steps.to(Event::new(WHO, at, "finds no decision, and decides to abort"), next);
                }
            },
            known => {
                let event = Event::new(WHO, at, "resolves the branch");
                match self.resolve(state, at, known == Known::Commit) {
                    Ok(next) => steps.to(event, knowing(next, Known::Nothing)),
                    Err(reason) => steps.wrong(event, reason),
                }
            }
        }
    }
}
