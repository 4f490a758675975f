//! Breadth-first search through all states of a model.
//!
//! A model says where it begins, what may happen next in a state, and what must never be. The
//! search looks at every state that can be reached within the model's bounds, so what it does not
//! find is not there; what it finds first has the fewest steps. States that differ only in who is
//! called first and who second are the same to it.

use super::{
    Packed,
    event::{Counterexample, Event},
    visited::Visited,
};

/// What is searched through.
pub trait Model {
    /// Everything that what happens next depends on.
    type State: Packed + 'static;

    /// Where all begins.
    fn initial(&self) -> Self::State;

    /// Everything that may happen next.
    fn next(&self, state: &Self::State, steps: &mut Steps<Self::State>);

    /// What is wrong about a state, if anything is.
    fn wrong(&self, state: &Self::State) -> Option<&'static str>;

    /// Whether everybody may have come to an end, so that nothing needs to happen any more.
    fn rests(&self, state: &Self::State) -> bool;

    /// One state for all that differ only in names.
    fn canonical(&self, state: Self::State) -> Self::State {
        state
    }

    /// Situations that must come up, or else the search would prove little.
    fn goals(&self) -> &'static [Goal<Self::State>];
}

/// A situation by name.
pub type Goal<S> = (&'static str, fn(&S) -> bool);

/// What may happen next in one state.
#[derive(Debug)]
pub struct Steps<S> {
    found: Vec<(Event, Result<S, &'static str>)>,
}

impl<S> Steps<S> {
    /// Something leads to another state, or back to the same one.
    pub fn to(&mut self, event: Event, state: S) {
        self.found.push((event, Ok(state)));
    }

    /// Something happens that must not.
    pub fn wrong(&mut self, event: Event, reason: &'static str) {
        self.found.push((event, Err(reason)));
    }
}

/// What a search found.
#[derive(Debug)]
pub enum Finding {
    /// Every state was looked at, and nothing is wrong.
    Nothing(Explored),
    /// Something is wrong.
    Wrong(Counterexample),
    /// There are more states than were asked for.
    Unfinished(Explored),
}

/// How much was searched.
#[derive(Debug, Default)]
pub struct Explored {
    /// How many states there are.
    pub states: usize,
    /// How many steps lead from one to another.
    pub steps: u64,
    /// The goals that no state met.
    pub missed: Vec<&'static str>,
}

/// Looks at all states that can be reached, but at no more than `states_max`, which is below
/// 2^32.
pub fn explore<M: Model>(model: &M, states_max: usize) -> Finding {
    let initial = model.canonical(model.initial()).pack();
    let mut visited = Visited::from(initial);
    let mut missed = model.goals().to_vec();
    let mut steps = Steps { found: Vec::new() };
    let mut taken = 0;
    let mut place = 0;
    while (place as usize) < visited.len() && visited.len() <= states_max {
        let state = M::State::unpack(visited.state(place));
        missed.retain(|(_, is_met)| !is_met(&state));
        if let Some(reason) = model.wrong(&state) {
            return Finding::Wrong(counterexample(model, &visited, place, reason));
        }
        model.next(&state, &mut steps);
        if steps.found.is_empty() && !model.rests(&state) {
            let reason = "nothing can happen any more, and somebody has come to no end";
            return Finding::Wrong(counterexample(model, &visited, place, reason));
        }
        taken += steps.found.len() as u64;
        for (event, step) in steps.found.drain(..) {
            match step {
                Ok(next) => drop(visited.insert(model.canonical(next).pack(), place)),
                Err(reason) => {
                    let mut found = counterexample(model, &visited, place, reason);
                    found.events.push(event);
                    return Finding::Wrong(found);
                }
            }
        }
        place += 1;
    }
    let missed = missed.into_iter().map(|(name, _)| name).collect();
    let explored = Explored { states: visited.len(), steps: taken, missed };
    if visited.len() > states_max {
        Finding::Unfinished(explored)
    } else {
        Finding::Nothing(explored)
    }
}

/// The way to a state. Only its states are known, so it is gone once more; by the same names from
/// begin to end, as the search forgot who was who.
fn counterexample<M: Model>(
    model: &M,
    visited: &Visited,
    place: u32,
    reason: &'static str,
) -> Counterexample {
    let mut events = Vec::new();
    let mut state = model.initial();
    for place in visited.path(place).into_iter().skip(1) {
        let mut steps = Steps { found: Vec::new() };
        model.next(&state, &mut steps);
        let is_it = |next: &M::State| model.canonical(*next).pack() == visited.state(place);
        let found = steps.found.into_iter().find_map(|(event, step)| match step {
            Ok(next) if is_it(&next) => Some((event, next)),
            _ => None,
        });
        let (event, next) = found.expect("invariant: the search took this step");
        events.push(event);
        state = next;
    }
    Counterexample { reason, states: visited.len(), events }
}
