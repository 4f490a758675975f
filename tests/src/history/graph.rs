//! A graph of dependencies, and ways to look at it.
//!
//! A transaction that may commit to a later state than it read, as snapshot isolation allows, has
//! two moments, its start and its commit. Seen so, an overwrite leads from the start of the reader
//! to the commit of the writer, and everything else from a commit to a start. Nothing but write
//! skew is a cycle of transactions without being one of moments. Other transactions have one
//! moment, which is both.

/// Why one transaction comes before another: a set of reasons.
pub(super) type Reasons = u8;

/// It appended the element right before.
pub(super) const WRITE: Reasons = 1;
/// It appended what the other read last.
pub(super) const READ: Reasons = 2;
/// It read a list before the other appended to it.
pub(super) const OVERWRITE: Reasons = 4;
/// Its process ran it before the other.
pub(super) const PROCESS: Reasons = 8;
/// It ended before the other began.
pub(super) const REAL_TIME: Reasons = 16;

/// A dependency of a transaction on another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Edge {
    pub(super) from: usize,
    pub(super) to: usize,
    pub(super) reasons: Reasons,
}

/// All dependencies, by the transaction that comes first.
#[derive(Debug)]
pub(super) struct Graph {
    edges: Vec<Edge>,
    /// Where the edges of each transaction begin, and, one more, where the last ones end.
    begins: Vec<usize>,
}

impl Graph {
    /// Edges between the same two become one, and those from a transaction to itself are left out.
    pub(super) fn new(transactions: usize, mut edges: Vec<Edge>) -> Self {
        edges.retain(|edge| edge.from != edge.to);
        edges.sort_unstable();
        edges.dedup_by(|next, edge| {
            let is_same = (next.from, next.to) == (edge.from, edge.to);
            if is_same {
                edge.reasons |= next.reasons;
            }
            is_same
        });
        let mut begins = vec![0; transactions + 1];
        for edge in &edges {
            begins[edge.from + 1] += 1;
        }
        for transaction in 0..transactions {
            begins[transaction + 1] += begins[transaction];
        }
        Self { edges, begins }
    }

    pub(super) fn transactions(&self) -> usize {
        self.begins.len() - 1
    }

    pub(super) fn edges(&self) -> &[Edge] {
        &self.edges
    }

    fn edges_from(&self, transaction: usize) -> &[Edge] {
        &self.edges[self.begins[transaction]..self.begins[transaction + 1]]
    }

    /// Why one comes before the other: nothing if it does not.
    pub(super) fn reasons(&self, from: usize, to: usize) -> Reasons {
        let edges = self.edges_from(from);
        edges.binary_search_by_key(&to, |edge| edge.to).map_or(0, |place| edges[place].reasons)
    }
}

/// A moment of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Moment(pub(super) usize);

impl Moment {
    pub(super) fn transaction(self) -> usize {
        self.0 / 2
    }

    fn is_commit(self) -> bool {
        self.0 % 2 == 1
    }
}

/// The graph of moments, less dependencies for reasons that do not count.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'g> {
    pub(super) graph: &'g Graph,
    /// The reasons that count.
    pub(super) reasons: Reasons,
    /// Which transactions have two moments.
    pub(super) split: &'g [bool],
}

impl<'g> View<'g> {
    /// How many moments there are, with some that are never used.
    pub(super) fn len(&self) -> usize {
        2 * self.graph.transactions()
    }

    /// When a transaction reads.
    pub(super) fn start(transaction: usize) -> Moment {
        Moment(2 * transaction)
    }

    /// When its writes take effect.
    pub(super) fn commit(&self, transaction: usize) -> Moment {
        Moment(2 * transaction + usize::from(self.split[transaction]))
    }

    /// The moments that a dependency for some reason connects.
    pub(super) fn ends(&self, edge: &Edge, reason: Reasons) -> (Moment, Moment) {
        if reason == OVERWRITE {
            (Self::start(edge.from), self.commit(edge.to))
        } else {
            (self.commit(edge.from), Self::start(edge.to))
        }
    }

    /// The moments right after one.
    pub(super) fn after(self, moment: Moment) -> impl Iterator<Item = Moment> + 'g {
        let transaction = moment.transaction();
        let is_split = self.split[transaction];
        let own_commit = (is_split && !moment.is_commit()).then(|| self.commit(transaction));
        let (mut overwrites, mut others) = (OVERWRITE & self.reasons, !OVERWRITE & self.reasons);
        if is_split && moment.is_commit() {
            overwrites = 0;
        } else if is_split {
            others = 0;
        }
        let next = self.graph.edges_from(transaction).iter().flat_map(move |edge| {
            let start = (edge.reasons & others != 0).then(|| Self::start(edge.to));
            let commit = (edge.reasons & overwrites != 0).then(|| self.commit(edge.to));
            start.into_iter().chain(commit)
        });
        own_commit.into_iter().chain(next)
    }
}
