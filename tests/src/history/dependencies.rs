//! Who comes before whom, by what was read and written and by the clock.

use std::collections::BTreeMap;

use super::{
    Fate, Observed,
    graph::{Edge, Graph, OVERWRITE, PROCESS, READ, REAL_TIME, Reasons, WRITE},
    versions::Versions,
};

/// All dependencies between transactions.
pub(super) fn dependencies(transactions: &[Observed], versions: &Versions) -> Graph {
    let mut edges = Vec::new();
    add_writes(versions, &mut edges);
    add_reads(versions, &mut edges);
    add_processes(transactions, &mut edges);
    add_real_time(transactions, &mut edges);
    Graph::new(transactions.len(), edges)
}

fn edge(from: Option<usize>, to: Option<usize>, reasons: Reasons) -> Option<Edge> {
    Some(Edge { from: from?, to: to?, reasons })
}

fn add_writes(versions: &Versions, edges: &mut Vec<Edge>) {
    for (list, order) in &versions.orders {
        let writers: Vec<_> = (0..order.len()).map(|place| versions.writer(*list, place)).collect();
        edges.extend(writers.windows(2).filter_map(|pair| edge(pair[0], pair[1], WRITE)));
    }
}

fn add_reads(versions: &Versions, edges: &mut Vec<Edge>) {
    for read in &versions.reads {
        let last = read.len.checked_sub(1).and_then(|place| versions.writer(read.list, place));
        edges.extend(edge(last, Some(read.reader), READ));
        let next = versions.writer(read.list, read.len);
        edges.extend(edge(Some(read.reader), next, OVERWRITE));
    }
}

/// After a transaction of unknown outcome its process is like a new one: it may take effect later.
fn add_processes(transactions: &[Observed], edges: &mut Vec<Edge>) {
    let mut processes: BTreeMap<usize, Vec<usize>> = BTreeMap::new();
    for (number, transaction) in transactions.iter().enumerate() {
        processes.entry(transaction.process).or_default().push(number);
    }
    for mut numbers in processes.into_values() {
        numbers.sort_by_key(|number| transactions[*number].begin);
        let mut before = None;
        for number in numbers {
            edges.extend(edge(before, Some(number), PROCESS));
            if transactions[number].fate != Fate::Unknown {
                before = Some(number);
            }
        }
    }
}

/// Connects each transaction with those that ended before it began, if it was to see them, but not
/// with those of which it follows by way of others. So there are about as many edges as transactions times processes.
fn add_real_time(transactions: &[Observed], edges: &mut Vec<Edge>) {
    let moments = |(number, transaction): (usize, &Observed)| {
        [(transaction.begin, false, number), (transaction.end, true, number)]
    };
    let mut moments: Vec<_> = transactions.iter().enumerate().flat_map(moments).collect();
    moments.sort_unstable();
    // Those that have ended, and that nobody who has ended began after.
    let mut frontier: Vec<usize> = Vec::new();
    for (_, is_end, number) in moments {
        if !is_end && !transactions[number].is_fresh {
            continue;
        }
        if !is_end {
            let before = frontier.iter().filter_map(|b| edge(Some(*b), Some(number), REAL_TIME));
            edges.extend(before);
        } else if transactions[number].fate != Fate::Unknown {
            let Observed { begin, is_fresh, .. } = transactions[number];
            // Who did not have to see the others stands for none of them.
            frontier.retain(|before| !is_fresh || transactions[*before].end >= begin);
            frontier.push(number);
        }
    }
}
