//! Histories of transactions, and which isolation they show.
//!
//! Every transaction reads lists and appends elements that nobody else appends. Since a list only
//! grows, each read says which appends came before it, and the longest read of a list says in
//! which order they came. So nearly every dependency between two transactions is known, and
//! isolation is a question about cycles in a graph: Adya's definitions, found the way Elle does.
//! Nothing here knows of the database; all that is judged is what its users saw.
//!
//! - `versions`: the order of each list's elements, and reads that no isolation explains.
//! - `dependencies`: who comes before whom, and why.
//! - `graph`, `components`, `cycles`: the graph, where it has cycles, and the smallest of
//!   each kind.
//! - `anomaly`: what was found, in words.
//! - `lists`: lists in a database, and random steps on them.
//! - `record`: makes histories of a database.
//!
//! [`check`] finds all that is not strictly serializable: one order explains all reads, and agrees
//! with what ended before something else began. [`forbidden`] asks of each transaction only what
//! its [`Isolation`] promises. Both take time in proportion to the history, as long as it is good.
//!
//! Reads of transactions that abort count like others: nobody may act on a state that never was.
//! A transaction whose outcome is unknown counts as committed if somebody saw an append of it.

mod anomaly;
mod components;
mod cycles;
mod dependencies;
mod graph;
mod lists;
mod record;
mod versions;

#[cfg(test)]
mod tests;

pub use anomaly::{Anomaly, Cycle, CycleKind, Order, Step};
pub(crate) use lists::has_lists;
pub use lists::{Lists, steps};
pub use record::{Recorder, Workload, record};
pub use sop_core::Isolation;

use self::{cycles::Search, dependencies::dependencies, versions::Versions};

/// All transactions that were tried in a while, in any order.
#[derive(Clone, Debug, Default)]
pub struct History {
    /// The transactions. Anomalies name them by their place in here.
    pub transactions: Vec<Observed>,
}

/// A transaction, as its process saw it.
#[derive(Clone, Debug)]
pub struct Observed {
    /// The process, or thread, that ran it: one transaction at a time.
    pub process: usize,
    /// A moment before it began. Moments of all processes are comparable.
    pub begin: u64,
    /// A moment after it ended, later than `begin`.
    pub end: u64,
    /// What it asked for.
    pub isolation: Isolation,
    /// Whether it was promised to see all that had ended before it began. If not, it sees at least
    /// what its process had seen before.
    pub is_fresh: bool,
    /// How it ended.
    pub fate: Fate,
    /// What it did, in order.
    pub operations: Vec<Operation>,
}

/// How a transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fate {
    /// Its commit was acknowledged.
    Committed,
    /// It must have left no trace.
    Aborted,
    /// It may have taken effect, or may still.
    Unknown,
}

/// What a transaction did to a list. Lists are empty before anybody appends to them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Operation {
    /// It put an element behind the last one, which no other append to the list has.
    Append {
        /// The list.
        list: u64,
        /// The element.
        element: u64,
    },
    /// It saw the whole list, its own appends included.
    Read {
        /// The list.
        list: u64,
        /// The elements, in order.
        elements: Vec<u64>,
    },
}

impl Operation {
    /// The list in question.
    pub fn list(&self) -> u64 {
        match self {
            Self::Append { list, .. } | Self::Read { list, .. } => *list,
        }
    }
}

impl History {
    /// How many transactions committed.
    pub fn committed(&self) -> u64 {
        let committed = self.transactions.iter().filter(|t| t.fate == Fate::Committed);
        committed.count() as u64
    }
}

/// All that shows that a history is not strictly serializable: what is wrong with single reads, and
/// the smallest cycle found of each kind. Empty if it is.
pub fn check(history: &History) -> Vec<Anomaly> {
    let loose = vec![false; history.transactions.len()];
    judge(history, &loose)
}

/// All in a history that the isolation of its own transactions does not allow.
///
/// Under [`Isolation::Snapshot`] a transaction reads one state and commits to a later one, in which
/// nobody has changed what it changes. Both states are at least as new as all that ended before
/// it began. So others may overwrite what it read, while it overwrites what they read: write skew.
/// A cycle is allowed only if such a transaction is in it, with an overwrite on either side. One
/// that is [`Isolation::Serializable`] never makes a cycle allowed, whatever the others are.
pub fn forbidden(history: &History) -> Vec<Anomaly> {
    let is_loose = |t: &Observed| t.isolation == Isolation::Snapshot;
    let loose: Vec<bool> = history.transactions.iter().map(is_loose).collect();
    judge(history, &loose)
}

fn judge(history: &History, loose: &[bool]) -> Vec<Anomaly> {
    let (versions, mut anomalies) = Versions::of(&history.transactions);
    let graph = dependencies(&history.transactions, &versions);
    let found = Search::new(&graph, loose).run();
    let cycles = found.into_iter().map(|found| found.explain(&history.transactions, &versions));
    anomalies.extend(cycles.map(Anomaly::Cycle));
    anomalies
}
