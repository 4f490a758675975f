//! Whether the checker sees: known bad histories, good ones that were spoilt, and a comparison with
//! a search through all orders.

mod every_order;
mod known;
mod spoilt;

use super::{Fate, History, Isolation, Observed, Operation};

/// A transaction in the making. As it is, it commits, and runs beside all others.
#[derive(Clone)]
struct Tried(Observed);

/// When those end that run beside all others.
const LATE: u64 = 1_000;

fn tried() -> Tried {
    Tried(Observed {
        process: usize::MAX,
        begin: 0,
        end: LATE,
        isolation: Isolation::Serializable,
        is_fresh: true,
        fate: Fate::Committed,
        operations: Vec::new(),
    })
}

impl Tried {
    fn read(mut self, list: u64, elements: &[u64]) -> Self {
        self.0.operations.push(Operation::Read { list, elements: elements.to_vec() });
        self
    }

    fn append(mut self, list: u64, element: u64) -> Self {
        self.0.operations.push(Operation::Append { list, element });
        self
    }

    fn fate(mut self, fate: Fate) -> Self {
        self.0.fate = fate;
        self
    }

    fn isolation(mut self, isolation: Isolation) -> Self {
        self.0.isolation = isolation;
        self
    }

    /// It may see an older state than that of its beginning.
    fn stale(mut self) -> Self {
        self.0.is_fresh = false;
        self
    }

    fn lasting(mut self, begin: u64, end: u64) -> Self {
        (self.0.begin, self.0.end) = (begin, end);
        self
    }

    fn process(mut self, process: usize) -> Self {
        self.0.process = process;
        self
    }
}

/// A history of these, each in a process of its own unless it has one.
fn history(tried: impl IntoIterator<Item = Tried>) -> History {
    let own_process = |(number, Tried(mut observed)): (usize, Tried)| {
        if observed.process == usize::MAX {
            observed.process = 100 + number;
        }
        observed
    };
    History { transactions: tried.into_iter().enumerate().map(own_process).collect() }
}
