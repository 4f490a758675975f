//! What happens in a model, in words, and what led to something wrong.

use std::fmt;

/// One step: who does what, to what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    who: &'static str,
    /// Which of those who are called so, from 1 on.
    number: u8,
    does: &'static str,
    /// The number of what it is done to.
    what: Option<u8>,
}

impl Event {
    /// Who does something. `index` is counted from 0.
    pub fn new(who: &'static str, index: usize, does: &'static str) -> Self {
        let number = u8::try_from(index + 1).unwrap_or(u8::MAX);
        Self { who, number, does, what: None }
    }

    /// Somebody does something to a thing that has a number.
    pub fn at(who: &'static str, index: usize, does: &'static str, what: u8) -> Self {
        Self { what: Some(what), ..Self::new(who, index, does) }
    }
}

impl fmt::Display for Event {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.who, self.number, self.does)?;
        self.what.map_or(Ok(()), |what| write!(f, " {what}"))
    }
}

/// Steps that lead to something that must not be.
#[derive(Clone, Debug)]
pub struct Counterexample {
    /// What is wrong in the end.
    pub reason: &'static str,
    /// How many states had been met when it was found.
    pub states: usize,
    /// The steps, as few as suffice.
    pub events: Vec<Event>,
}

impl fmt::Display for Counterexample {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} ({} states met)", self.reason, self.states)?;
        for (event, number) in self.events.iter().zip(1..) {
            writeln!(f, "{number:4}. {event}")?;
        }
        Ok(())
    }
}
