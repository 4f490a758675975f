//! The smallest cycles of each kind.
//!
//! Worse kinds have fewer reasons for their dependencies, so each is looked for in a graph with
//! just these. In a graph whose components are all of one moment there is no cycle, which is what
//! takes a good history no more than one look.

use std::collections::{BTreeMap, VecDeque, btree_map::Entry};

use super::{
    Cycle, CycleKind, Observed, Operation, Order, Step,
    components::components,
    graph::{Edge, Graph, Moment, OVERWRITE, PROCESS, READ, REAL_TIME, Reasons, View, WRITE},
    versions::Versions,
};

/// What transactions do to each other. All other reasons are orders in time.
const DIRECT: Reasons = WRITE | READ;

/// How many dependencies are tried for being on a small cycle of a kind.
const TRIES_MAX: usize = 300;

/// A search for cycles.
pub(super) struct Search<'g> {
    graph: &'g Graph,
    /// Which transactions may commit to a later state than they read.
    loose: &'g [bool],
    found: BTreeMap<CycleKind, Found>,
}

/// A cycle of transactions, with the reason for each to come before the next.
#[derive(Debug)]
pub(super) struct Found {
    kind: CycleKind,
    order: Order,
    steps: Vec<Edge>,
}

/// Which cycles are looked for.
struct Target<'g> {
    /// Where all of the cycle must be.
    inside: View<'g>,
    /// The reason for one of its dependencies.
    first: Reasons,
    /// Where all others are.
    rest: View<'g>,
}

impl<'g> Search<'g> {
    pub(super) fn new(graph: &'g Graph, loose: &'g [bool]) -> Self {
        Self { graph, loose, found: BTreeMap::new() }
    }

    /// The smallest cycles found, worst kind first; none only if there are none.
    pub(super) fn run(mut self) -> Vec<Found> {
        let reasons = DIRECT | OVERWRITE | PROCESS | REAL_TIME;
        let everything = View { graph: self.graph, reasons, split: self.loose };
        if !has_cycles(everything) {
            return Vec::new();
        }
        let transactions = self.graph.transactions();
        let (none, all) = (vec![false; transactions], vec![true; transactions]);
        for order in [0, PROCESS, PROCESS | REAL_TIME] {
            let view =
                |reasons: Reasons, split| View { reasons: reasons | order, split, ..everything };
            let (writes, direct) = (view(WRITE, &none), view(DIRECT, &none));
            let snapshot = view(DIRECT | OVERWRITE, &all);
            let full = view(DIRECT | OVERWRITE, self.loose);
            self.look_for(&Target { inside: writes, first: WRITE, rest: writes });
            self.look_for(&Target { inside: direct, first: READ, rest: direct });
            self.look_for(&Target { inside: snapshot, first: OVERWRITE, rest: direct });
            self.look_for(&Target { inside: snapshot, first: OVERWRITE, rest: snapshot });
            self.look_for(&Target { inside: full, first: OVERWRITE, rest: full });
        }
        self.found.into_values().collect()
    }

    fn look_for(&mut self, target: &Target<'_>) {
        let Target { inside, first, rest } = target;
        let components = components_of(*inside);
        let is_inside = |edge: &&Edge| {
            let (from, to) = inside.ends(edge, *first);
            edge.reasons & first != 0 && components[from.0] == components[to.0]
        };
        let mut moments_max = usize::MAX;
        for edge in self.graph.edges().iter().filter(is_inside).take(TRIES_MAX) {
            let (end, begin) = rest.ends(edge, *first);
            let component = components[inside.ends(edge, *first).0.0];
            let may_pass = |moment: Moment| components[moment.0] == component;
            if let Some(path) = shortest_path(*rest, begin, end, moments_max, may_pass) {
                moments_max = path.len() - 1;
                self.note(&untangled(path), inside.reasons);
            }
        }
    }

    fn note(&mut self, cycle: &[usize], reasons: Reasons) {
        let next = cycle.iter().cycle().skip(1);
        let steps = cycle.iter().zip(next).map(|(from, to)| {
            let reasons = strongest(self.graph.reasons(*from, *to) & reasons);
            Edge { from: *from, to: *to, reasons }
        });
        let found = Found::new(steps.collect());
        let rank = |found: &Found| (found.order, found.steps.len());
        let best = self.found.get(&found.kind);
        if best.is_none_or(|best| rank(&found) < rank(best)) {
            self.found.insert(found.kind, found);
        }
    }
}

fn components_of(view: View<'_>) -> Vec<usize> {
    components(view.len(), |moment| view.after(Moment(moment)).map(|next| next.0))
}

/// A component is numbered by one of its members, so that others differ from their number.
fn has_cycles(view: View<'_>) -> bool {
    components_of(view).iter().enumerate().any(|(moment, component)| moment != *component)
}

/// The shortest path between two moments, both included, if it has at most `moments_max` of them.
/// Where it passes is limited, other than its beginning.
fn shortest_path(
    view: View<'_>,
    from: Moment,
    to: Moment,
    moments_max: usize,
    may_pass: impl Fn(Moment) -> bool,
) -> Option<Vec<Moment>> {
    let mut before = BTreeMap::from([(from.0, from)]);
    let mut queue = VecDeque::from([(from, 1)]);
    while let Some((moment, moments)) = queue.pop_front() {
        if moment == to {
            let mut path = vec![to];
            while path[path.len() - 1] != from {
                path.push(before[&path[path.len() - 1].0]);
            }
            path.reverse();
            return Some(path);
        }
        if moments >= moments_max {
            continue;
        }
        for next in view.after(moment).filter(|next| may_pass(*next)) {
            if let Entry::Vacant(place) = before.entry(next.0) {
                place.insert(moment);
                queue.push_back((next, moments + 1));
            }
        }
    }
    None
}

/// The transactions of a cycle of moments, none of them twice.
///
/// One whose two moments are apart on the way is on two cycles. That which leaves it by its commit
/// and comes back to its start is one of moments too; the other one is not.
fn untangled(mut path: Vec<Moment>) -> Vec<usize> {
    let mut at = 0;
    while at < path.len() {
        let commit = path[at];
        let other =
            path.iter().position(|m| *m != commit && m.transaction() == commit.transaction());
        if let Some(start) = other.filter(|_| commit.0 % 2 == 1)
            && (start + 1) % path.len() != at
        {
            path.rotate_left(at);
            let len = path.len();
            path.truncate((start + len - at) % len + 1);
            at = 0;
        } else {
            at += 1;
        }
    }
    let mut transactions: Vec<usize> = path.into_iter().map(Moment::transaction).collect();
    transactions.dedup();
    if transactions.len() > 1 && transactions.first() == transactions.last() {
        transactions.pop();
    }
    transactions
}

/// The reason that makes the worst of a cycle.
fn strongest(reasons: Reasons) -> Reasons {
    let by_strength = [WRITE, READ, PROCESS, REAL_TIME, OVERWRITE];
    by_strength.into_iter().find(|reason| reasons & reason != 0).unwrap_or_default()
}

impl Found {
    fn new(steps: Vec<Edge>) -> Self {
        let has = |reason| steps.iter().any(|step| step.reasons == reason);
        let overwrites: Vec<_> = steps.iter().map(|step| step.reasons == OVERWRITE).collect();
        let next = overwrites.iter().cycle().skip(1);
        let are_adjacent = overwrites.iter().zip(next).any(|(a, b)| *a && *b);
        let kind = match overwrites.iter().filter(|is_one| **is_one).count() {
            0 if has(READ) => CycleKind::G1c,
            0 => CycleKind::G0,
            1 => CycleKind::GSingle,
            _ if are_adjacent => CycleKind::G2,
            _ => CycleKind::GNonadjacent,
        };
        let order = match (has(REAL_TIME), has(PROCESS)) {
            (true, _) => Order::RealTime,
            (false, true) => Order::Process,
            (false, false) => Order::Any,
        };
        Self { kind, order, steps }
    }

    /// Says it in words.
    pub(super) fn explain(self, transactions: &[Observed], versions: &Versions) -> Cycle {
        let step = |step: Edge| {
            let reason = reason(step, transactions, versions);
            Step { from: step.from, to: step.to, reason }
        };
        let steps = self.steps.into_iter().map(step).collect();
        Cycle { kind: self.kind, order: self.order, steps }
    }
}

/// Why one transaction comes before another, in words.
fn reason(step: Edge, transactions: &[Observed], versions: &Versions) -> String {
    let Edge { from, to, reasons } = step;
    let read = |reader: usize| versions.reads.iter().filter(move |read| read.reader == reader);
    let words = match reasons {
        PROCESS => Some(format!("process {} ran {from} before {to}", transactions[from].process)),
        REAL_TIME => Some(format!("{from} ended before {to} began")),
        WRITE => transactions[from].operations.iter().find_map(|operation| {
            let Operation::Append { list, element } = operation else { return None };
            let order = versions.orders.get(list)?;
            let place = order.iter().position(|other| other == element)?;
            let next = order.get(place + 1)?;
            (versions.writer(*list, place + 1) == Some(to)).then(|| {
                format!("{from} appended {element} to list {list}, right before {to} did {next}")
            })
        }),
        READ => read(to).find_map(|read| {
            let place = read.len.checked_sub(1)?;
            let (list, element) = (read.list, versions.orders.get(&read.list)?.get(place)?);
            (versions.writer(list, place) == Some(from))
                .then(|| format!("{from} appended {element} to list {list}, which {to} read last"))
        }),
        _ => read(from).find_map(|read| {
            let (list, order) = (read.list, versions.orders.get(&read.list)?);
            let element = order.get(read.len)?;
            (versions.writer(list, read.len) == Some(to)).then(|| {
                let seen = &order[..read.len];
                format!("{from} read list {list} as {seen:?}, before {to} appended {element}")
            })
        }),
    };
    words.unwrap_or_else(|| format!("{from} comes before {to}"))
}
