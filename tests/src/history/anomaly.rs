//! What can be wrong with a history, in words.

use std::fmt;

/// Something in a history that is not as it should be. Transactions are named by their place in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Anomaly {
    /// Two transactions appended one element, so that the history itself is of no use.
    AppendedTwice {
        /// The list.
        list: u64,
        /// The element.
        element: u64,
    },
    /// A transaction did not see its own appends, or saw them at the wrong moment or place.
    Internal {
        /// The transaction.
        reader: usize,
        /// The list.
        list: u64,
        /// What it saw.
        elements: Vec<u64>,
    },
    /// Two reads of a list agree in no order: neither is the beginning of the other.
    IncompatibleOrder {
        /// The list.
        list: u64,
        /// Who read the longest.
        longest: (usize, Vec<u64>),
        /// Who read something else.
        other: (usize, Vec<u64>),
    },
    /// A read saw an element more than once.
    Doubled {
        /// Who read.
        reader: usize,
        /// The list.
        list: u64,
        /// The element.
        element: u64,
    },
    /// A read saw an element that nobody appended.
    Unwritten {
        /// Who read.
        reader: usize,
        /// The list.
        list: u64,
        /// The element.
        element: u64,
    },
    /// A read saw what a transaction appended that did not commit: G1a.
    AbortedRead {
        /// Who read.
        reader: usize,
        /// Who appended.
        writer: usize,
        /// The list.
        list: u64,
        /// The element.
        element: u64,
    },
    /// A read saw a list as it was in the middle of another transaction: G1b.
    IntermediateRead {
        /// Who read.
        reader: usize,
        /// Who appended more than was read.
        writer: usize,
        /// The list.
        list: u64,
        /// The last element that was seen.
        element: u64,
    },
    /// A committed append is in no read, although one began after the commit.
    Lost {
        /// Who appended.
        writer: usize,
        /// The list.
        list: u64,
        /// The element.
        element: u64,
        /// Who read afterwards.
        reader: usize,
    },
    /// Transactions that each come before the next, and the last before the first.
    Cycle(Cycle),
}

/// Transactions in a circle.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cycle {
    /// Of which kind it is.
    pub kind: CycleKind,
    /// What it takes to see it.
    pub order: Order,
    /// Each step leads to where the next begins.
    pub steps: Vec<Step>,
}

/// Which dependencies a cycle has, worst first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum CycleKind {
    /// Writes only: transactions overwrite each other back and forth.
    G0,
    /// Writes and at least one read: information flows in a circle.
    G1c,
    /// One overwrite: somebody missed a part of what they otherwise saw, or an update is lost.
    GSingle,
    /// More overwrites, but no two in a row.
    GNonadjacent,
    /// Overwrites in a row, as in write skew. Snapshot isolation allows it.
    G2,
}

/// Which order a cycle relies on besides what was read and written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Order {
    /// None: no order of the transactions explains what they saw.
    Any,
    /// Each process did one thing after another.
    Process,
    /// What ended before something else began also took effect before it.
    RealTime,
}

/// Why a transaction comes before another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Step {
    /// Who comes first.
    pub from: usize,
    /// Who comes later.
    pub to: usize,
    /// Why.
    pub reason: String,
}

impl Anomaly {
    /// The kind of the cycle, if it is one.
    pub fn cycle(&self) -> Option<CycleKind> {
        match self {
            Self::Cycle(cycle) => Some(cycle.kind),
            _ => None,
        }
    }
}

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AppendedTwice { list, element } => {
                write!(f, "{element} was appended to list {list} by two transactions")
            }
            Self::Internal { reader, list, elements } => write!(
                f,
                "transaction {reader} read list {list} as {elements:?}, which does not fit to \
                 what it appended itself"
            ),
            Self::IncompatibleOrder { list, longest, other } => write!(
                f,
                "list {list} was {:?} for transaction {} and {:?} for transaction {}",
                longest.1, longest.0, other.1, other.0
            ),
            Self::Doubled { reader, list, element } => {
                write!(f, "transaction {reader} read {element} more than once in list {list}")
            }
            Self::Unwritten { reader, list, element } => {
                write!(f, "transaction {reader} read {element} in list {list}; nobody wrote it")
            }
            Self::AbortedRead { reader, writer, list, element } => write!(
                f,
                "G1a: transaction {reader} read {element} in list {list}, which transaction \
                 {writer} appended but never committed"
            ),
            Self::IntermediateRead { reader, writer, list, element } => write!(
                f,
                "G1b: transaction {reader} read list {list} up to {element}, after which \
                 transaction {writer} appended more"
            ),
            Self::Lost { writer, list, element, reader } => write!(
                f,
                "transaction {writer} appended {element} to list {list} and committed; nobody \
                 read it, not even transaction {reader}, which began later"
            ),
            Self::Cycle(cycle) => cycle.fmt(f),
        }
    }
}

impl fmt::Display for Cycle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match self.kind {
            CycleKind::G0 => "G0",
            CycleKind::G1c => "G1c",
            CycleKind::GSingle => "G-single",
            CycleKind::GNonadjacent => "G-nonadjacent",
            CycleKind::G2 => "G2",
        };
        let order = match self.order {
            Order::Any => "",
            Order::Process => "-process",
            Order::RealTime => "-realtime",
        };
        write!(f, "{kind}{order}, a cycle of {}:", self.steps.len())?;
        self.steps.iter().try_for_each(|step| write!(f, "\n  {}", step.reason))
    }
}
