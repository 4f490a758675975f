//! Many processes at random, judged by what was promised.
//!
//! Transactions append tags of their own to lists. Whatever happens to links, machines and the
//! server's power: a tag whose commit was acknowledged is there once and for ever, one that was
//! refused never is, and all nodes have the same lists. Whoever is asked in the end what became of
//! those that nobody could tell about says what is so.

use std::collections::BTreeSet;

use super::*;
use crate::random::{Counts, Random, run_seeds};
use crate::{CommitId, Resolution, limit::SLOTS_KEPT_DEFAULT};

const NODES: usize = 3;
const STEPS: usize = 150;
const SEEDS: u64 = 48;
const LISTS: usize = 4;

/// A transaction that is to be committed, and the tag that it appends.
struct Open {
    transaction: Transaction,
    tag: String,
}

struct Crowd {
    random: Random,
    cluster: Cluster,
    nodes: Vec<Node>,
    /// Of each node.
    open: Vec<Vec<Open>>,
    next: u64,
    acknowledged: BTreeSet<String>,
    refused: BTreeSet<String>,
    unknown: Vec<(CommitId, String)>,
    counts: Counts,
}

impl Crowd {
    fn new(seed: u64) -> Self {
        let cluster = Cluster::new();
        let nodes = (0..NODES).map(|_| cluster.open().unwrap()).collect();
        Self {
            random: Random::new(seed),
            cluster,
            nodes,
            open: (0..NODES).map(|_| Vec::new()).collect(),
            next: 0,
            acknowledged: BTreeSet::new(),
            refused: BTreeSet::new(),
            unknown: Vec::new(),
            counts: Counts::default(),
        }
    }

    fn step(&mut self) {
        let who = self.random.below(NODES);
        match self.random.below(40) {
            0..12 => self.begin(who),
            12..26 => self.commit(who),
            26 | 27 => self.follow(who),
            28..31 => self.checkpoint(who),
            31 if self.random.once_in(2) => self.hurry(who),
            32..35 => self.upset(who),
            35 | 36 => {
                if self.nodes[who].disk.deliver() > 0 {
                    self.counts.note("late requests");
                }
            }
            37 | 38 => self.replace(who),
            _ => self.cut_power(),
        }
    }

    /// Begins a transaction that appends to a list.
    fn begin(&mut self, who: usize) {
        let list = format!("list{}", self.random.below(LISTS));
        let tag = format!("{};", self.next);
        self.next += 1;
        let begun = self.nodes[who].db.begin().and_then(|transaction| {
            let store = transaction.open_store(STORE, &StoreOptions::default())?;
            let mut value = store.find(&list)?.map_or(Vec::new(), |value| value.to_vec());
            value.extend_from_slice(tag.as_bytes());
            store.upsert(&list, value)?;
            Ok(transaction)
        });
        match begun {
            Ok(transaction) => self.open[who].push(Open { transaction, tag }),
            Err(error) => self.excuse(&error),
        }
    }

    fn commit(&mut self, who: usize) {
        if self.open[who].is_empty() {
            return;
        }
        let at = self.random.below(self.open[who].len());
        let Open { transaction, tag } = self.open[who].swap_remove(at);
        match transaction.commit() {
            Ok(_) => {
                self.counts.note("acknowledged");
                self.acknowledged.insert(tag);
            }
            Err(Error::CommitUnknown { commit, .. }) => {
                self.counts.note("unknown");
                self.unknown.push((commit.unwrap(), tag));
            }
            Err(Error::Conflict(_)) => {
                self.counts.note("conflicts");
                self.refused.insert(tag);
            }
            Err(error) => {
                self.excuse(&error);
                self.refused.insert(tag);
            }
        }
    }

    /// The server did not answer for a while; anything else is a fault.
    fn excuse(&mut self, error: &Error) {
        let is_timeout = matches!(error, Error::Io { source, .. }
            if matches!(source.kind(), std::io::ErrorKind::TimedOut | std::io::ErrorKind::NotFound));
        assert!(is_timeout, "{error:?}");
        self.counts.note("put off");
    }

    fn follow(&mut self, who: usize) {
        if let Err(error) = self.nodes[who].db.follow() {
            self.excuse(&error);
        }
    }

    fn checkpoint(&mut self, who: usize) {
        match self.nodes[who].db.checkpoint() {
            Ok(()) => self.counts.note("checkpoints"),
            Err(error) => self.excuse(&error),
        }
    }

    /// Commits so much that slots which others still need are removed.
    fn hurry(&mut self, who: usize) {
        self.nodes[who].links([]);
        for number in 0..SLOTS_KEPT_DEFAULT + 20 {
            let written = self.nodes[who].write(&format!("n{}", number % 9), "x");
            written.unwrap();
        }
        self.checkpoint(who);
        self.counts.note("hurries");
    }

    /// A process dies. Its last requests may still be executed.
    fn replace(&mut self, who: usize) {
        self.open[who].clear();
        self.nodes[who].disk.judge_links(|_| LinkFate::Lost);
        let late = self.nodes[who].disk.clone();
        self.nodes[who] = self.cluster.open().unwrap();
        late.deliver();
        self.counts.note("deaths");
    }

    fn cut_power(&mut self) {
        if !self.random.once_in(3) {
            return;
        }
        let seed = self.random.below(1 << 20) as u64;
        self.cluster = self.cluster.cut(Survival::Random(seed));
        for who in 0..NODES {
            self.open[who].clear();
            self.nodes[who] = self.cluster.open().unwrap();
        }
        self.counts.note("power cuts");
    }

    /// The next requests to link go wrong, or some of them.
    fn upset(&mut self, who: usize) {
        use LinkFate::{Answered, Late, Lost, Misreported, Unanswered};
        let kinds = [Answered, Misreported, Unanswered, Lost, Late];
        let fates: Vec<_> = if self.random.once_in(3) {
            vec![Late, Lost, Lost]
        } else {
            (0..6).map(|_| self.random.pick(&kinds)).collect()
        };
        self.nodes[who].links(fates);
    }

    /// Everybody comes to the end, and what was promised is compared with what is there.
    fn end(mut self) -> Counts {
        for node in &self.nodes {
            node.links([]);
            node.disk.deliver();
        }
        // Whoever is in doubt settles it, which the others have not seen then.
        for node in &self.nodes {
            node.db.follow().unwrap();
        }
        let entries = self.nodes[0].entries().unwrap();
        for node in &self.nodes {
            assert_eq!(node.entries().unwrap(), entries);
            node.db.check().unwrap();
        }
        let lists = entries.iter().filter(|(key, _)| key.starts_with("list"));
        let tags: Vec<_> =
            lists.flat_map(|(_, list)| list.split_inclusive(';')).map(str::to_owned).collect();
        let there: BTreeSet<_> = tags.iter().cloned().collect();
        assert_eq!(there.len(), tags.len(), "a commit took effect twice");
        assert!(self.acknowledged.is_subset(&there), "an acknowledged commit is lost");
        assert!(self.refused.is_disjoint(&there), "a refused commit is there");
        for (commit, tag) in &self.unknown {
            let is_there = there.contains(tag);
            let committed = Resolution::Committed { position: commit.position() };
            let expected = if is_there { committed } else { Resolution::NotCommitted };
            let who = self.random.below(NODES);
            assert_eq!(self.nodes[who].db.resolve(commit).unwrap(), expected, "{tag}");
        }
        self.open.clear();
        self.counts
    }
}

#[test]
fn a_crowd_of_processes_keeps_its_promises() {
    let run = |seed| {
        let mut crowd = Crowd::new(seed);
        for _ in 0..STEPS {
            crowd.step();
        }
        crowd.end()
    };
    run_seeds(
        SEEDS,
        run,
        10,
        &[
            "acknowledged",
            "checkpoints",
            "conflicts",
            "deaths",
            "hurries",
            "late requests",
            "power cuts",
            "put off",
            "unknown",
        ],
    );
}
