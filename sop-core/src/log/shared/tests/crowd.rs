//! Many members at random, judged by what was promised.
//!
//! Whatever happens, there is one history: a batch that was acknowledged is in it once and for
//! ever, one that was refused never, and what each member has applied is how it begins.

use std::collections::BTreeSet;

use super::*;
use crate::random::{Counts, Random, run_seeds};

const MEMBERS: usize = 4;
const STEPS: usize = 120;
const SEEDS: u64 = 1_000;

/// All of it, and what is known of it.
struct Crowd {
    random: Random,
    server: SimulatedDisk,
    clock: Arc<Counting>,
    nodes: Vec<Node>,
    /// The batch of each member of which it is not known what becomes of it.
    open: Vec<Option<u64>>,
    next: u64,
    acknowledged: BTreeSet<u64>,
    refused: BTreeSet<u64>,
    /// The longest state that anybody has had.
    history: Vec<u64>,
    /// How often each thing came about.
    counts: Counts,
}

impl Crowd {
    fn new(seed: u64) -> Self {
        let (server, clock) = (server(), Arc::default());
        let nodes = (0..MEMBERS).map(|_| open(&server, &clock)).collect();
        Self {
            random: Random::new(seed),
            server,
            clock,
            nodes,
            open: vec![None; MEMBERS],
            next: 1,
            acknowledged: BTreeSet::new(),
            refused: BTreeSet::new(),
            history: Vec::new(),
            counts: Counts::default(),
        }
    }

    fn step(&mut self) {
        let who = self.random.below(MEMBERS);
        match self.random.below(22) {
            // Whoever is in doubt takes its time.
            0..12 if self.open[who].is_some() && self.random.below(4) > 0 => {}
            0..8 => self.append(who),
            8..12 => self.follow(who),
            12 | 13 => self.checkpoint(who),
            14 => {
                self.nodes[who].collect();
            }
            15 | 16 => {
                let late = self.nodes[who].disk.deliver();
                if late > 0 {
                    self.counts.note("late requests");
                }
            }
            17 => self.replace(who),
            20 => self.expel(who),
            18 if self.random.below(4) == 0 => self.cut_power(),
            _ => self.upset(who),
        }
        self.judge();
    }

    fn append(&mut self, who: usize) {
        if self.open[who].is_none() && self.random.below(2) == 0 {
            self.follow(who);
        }
        let (batch, appended) = if let Some(batch) = self.open[who] {
            (batch, self.nodes[who].settle(batch))
        } else {
            let batch = self.next;
            self.next += 1;
            (batch, self.nodes[who].append(batch))
        };
        self.open[who] = None;
        match appended.unwrap() {
            Appended::At(_) => {
                self.counts.note("acknowledged");
                self.acknowledged.insert(batch);
            }
            Appended::Overtaken => {
                self.counts.note("overtaken");
                self.refused.insert(batch);
            }
            Appended::Open(_) => {
                self.counts.note("open");
                self.open[who] = Some(batch);
                if self.random.below(2) == 0 {
                    self.nodes[who].disk.deliver();
                }
            }
            Appended::Behind => {
                self.open[who] = Some(batch);
                self.begin_anew(who);
            }
            Appended::NoMember => {
                self.counts.note("expelled");
                self.refused.insert(batch);
                self.nodes[who] = open(&self.server, &self.clock);
            }
        }
    }

    /// A process loses patience with another one, and does not wait to see how it ends.
    fn expel(&mut self, who: usize) {
        let whom = self.nodes[(who + 1) % MEMBERS].log.member();
        if self.open[who].is_none() {
            self.nodes[who].links(Vec::new());
            self.nodes[who].log.expel(whom).unwrap();
            if self.nodes[who].log.is_pending() {
                self.begin_anew(who);
            }
        }
    }

    fn follow(&mut self, who: usize) {
        if self.open[who].is_some() {
            self.append(who);
        } else if self.nodes[who].follow().unwrap() == Followed::Behind {
            self.begin_anew(who);
        }
    }

    fn begin_anew(&mut self, who: usize) {
        let fate = self.nodes[who].begin_anew();
        match (fate, self.open[who].take()) {
            (Some(Fate::Committed), Some(batch)) => {
                self.counts.note("committed below the floor");
                self.acknowledged.insert(batch);
            }
            (Some(Fate::NotCommitted), Some(batch)) => {
                self.counts.note("lost below the floor");
                self.refused.insert(batch);
            }
            (_, None) => self.counts.note("behind"),
            other => panic!("nobody forgets members here: {other:?}"),
        }
    }

    /// A checkpoint only ever follows a newer state than the one before.
    fn checkpoint(&mut self, who: usize) {
        let node = &self.nodes[who];
        let newest = node.manifests.newest().unwrap();
        let position = node.log.anchor().tip.position.0;
        let floor = newest.floor.0;
        if position >= newest.anchor.tip.position.0 {
            let slots = usize::try_from(position - floor).unwrap();
            let raised = floor + self.random.below(slots + 1) as u64;
            self.nodes[who].checkpoint(raised);
        }
    }

    /// A process dies, and another one opens the folder. Its last requests may still be executed.
    fn replace(&mut self, who: usize) {
        self.open[who] = None;
        let late = self.nodes[who].disk.clone();
        self.nodes[who] = open(&self.server, &self.clock);
        late.deliver();
    }

    fn cut_power(&mut self) {
        self.counts.note("power cuts");
        let seed = self.random.below(1 << 20) as u64;
        self.server = self.server.cut_now(Survival::Random(seed));
        for who in 0..MEMBERS {
            self.open[who] = None;
            self.nodes[who] = open(&self.server, &self.clock);
        }
    }

    /// The next requests to link go wrong, or some of them.
    fn upset(&mut self, who: usize) {
        use LinkFate::{Answered, Late, Lost, Misreported, Unanswered};
        let fates = if self.random.below(3) == 0 {
            vec![Late, Lost, Lost]
        } else {
            let kinds = [Answered, Misreported, Unanswered, Lost, Late];
            (0..6).map(|_| kinds[self.random.below(kinds.len())]).collect()
        };
        self.nodes[who].links(fates);
    }

    fn judge(&mut self) {
        for node in &self.nodes {
            let batches = &node.batches;
            let shorter = batches.len().min(self.history.len());
            assert_eq!(batches[..shorter], self.history[..shorter], "there are two histories");
            if batches.len() > shorter {
                self.history.clone_from(batches);
            }
        }
    }

    /// Everybody comes to the end, and what was promised is compared with what is there.
    fn end(mut self) -> Counts {
        for who in 0..MEMBERS {
            self.nodes[who].links(vec![]);
            self.nodes[who].disk.deliver();
        }
        for who in 0..MEMBERS {
            while self.open[who].is_some() {
                self.append(who);
            }
        }
        for who in 0..MEMBERS {
            self.follow(who);
            self.follow(who);
        }
        self.judge();
        let there: BTreeSet<_> = self.history.iter().copied().collect();
        assert_eq!(there.len(), self.history.len(), "a batch is there twice");
        assert!(self.acknowledged.is_subset(&there), "an acknowledged batch is lost");
        assert!(self.refused.is_disjoint(&there), "a refused batch is there");
        for node in &self.nodes {
            assert_eq!(node.batches, self.history, "somebody did not come to the end");
        }
        self.counts
    }
}

#[test]
fn a_crowd_has_one_history_and_keeps_its_promises() {
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
        20,
        &[
            "acknowledged",
            "behind",
            "committed below the floor",
            "expelled",
            "late requests",
            "lost below the floor",
            "open",
            "overtaken",
            "power cuts",
        ],
    );
}
