//! Random steps on two stores, each compared with a `BTreeMap`.
//!
//! [`Run`] is the outer loop: transactions that commit or roll back, and between them checkpoints,
//! reopenings, compactions, and snapshots that are looked at again much later. `steps` is what
//! happens inside of a transaction, `cursors` the cursors that live through it, `input` the
//! keys and values.

mod cursors;
mod input;
mod steps;

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
};

use crate::{Home, Outcome, Seed, assert_compact, assert_sound};
use sop_core::{
    Database, Isolation, Options, Snapshot, Store, StoreOptions, Transaction, TransactionOptions,
};

use steps::Steps;

/// The model of a store. Shared bytes, because a whole model is cloned for each transaction.
type Entries = BTreeMap<Arc<[u8]>, Arc<[u8]>>;

/// The node sizes of the two stores: the smallest, and the default.
const NODE_SIZES: [usize; 2] = [1 << 10, 8 << 10];

const NAMES: [&str; 2] = ["small nodes", "default nodes"];

const STEPS_PER_TRANSACTION_MAX: usize = 400;

const SNAPSHOTS_HELD_MAX: usize = 3;

/// A database and the model of what is in it.
#[derive(Debug)]
pub struct Run {
    home: Home,
    random: fastrand::Rng,
    /// `None` only while it is being reopened.
    db: Option<Database>,
    committed: [Entries; 2],
    snapshots: VecDeque<(Snapshot, [Entries; 2])>,
    /// Whether removals outweigh insertions most of the time.
    shrinking: bool,
}

impl Run {
    /// Creates the database.
    ///
    /// # Errors
    /// If that fails.
    pub fn new(home: Home, seed: Seed) -> Outcome<Self> {
        let run = Self {
            db: Some(open(&home)?),
            home,
            random: seed.stream(0),
            committed: Default::default(),
            snapshots: VecDeque::new(),
            shrinking: false,
        };
        let transaction = run.db().begin()?;
        stores(&transaction)?;
        transaction.commit()?;
        Ok(run)
    }

    /// The same run with more removals than insertions most of the time.
    #[must_use]
    pub fn shrinking(self) -> Self {
        Self { shrinking: true, ..self }
    }

    fn db(&self) -> &Database {
        self.db.as_ref().expect("the database is closed only while it is being reopened")
    }

    /// Takes at least so many steps, then reopens the database and compares everything.
    ///
    /// # Errors
    /// If the database fails.
    ///
    /// # Panics
    /// If it answers otherwise than the model.
    pub fn steps(mut self, steps: usize) -> Outcome {
        let mut taken = 0;
        while taken < steps {
            taken += self.transaction()?;
            self.between_transactions()?;
        }
        self.reopen()?;
        self.compare_everything()?;
        self.db().compact()?;
        assert_compact(self.db());
        self.compare_everything()
    }

    /// One transaction, and how many steps it had.
    fn transaction(&mut self) -> Outcome<usize> {
        let isolation = [Isolation::Serializable, Isolation::Snapshot][self.random.usize(..2)];
        let transaction =
            self.db().begin_with(TransactionOptions::default().isolation(isolation))?;
        let count = self.random.usize(..STEPS_PER_TRANSACTION_MAX);
        let removals =
            if self.random.u8(..10) < if self.shrinking { 7 } else { 3 } { 40 } else { 10 };
        let mut working = self.committed.clone();
        let random = &mut self.random;
        {
            let [small, default] = stores(&transaction)?;
            let [small_entries, default_entries] = &mut working;
            let mut stores = [
                Steps::new(small, small_entries, NODE_SIZES[0], removals)?,
                Steps::new(default, default_entries, NODE_SIZES[1], removals)?,
            ];
            for _ in 0..count {
                stores[random.usize(..2)].step(random)?;
            }
        }
        match self.random.u8(..10) {
            0 => drop(transaction),
            1 => transaction.rollback(),
            _ => {
                transaction.commit()?;
                self.committed = working;
            }
        }
        Ok(count)
    }

    fn between_transactions(&mut self) -> Outcome {
        match self.random.u8(..100) {
            0..5 => self.db().checkpoint()?,
            5..7 => self.reopen()?,
            7..9 => self.compare_everything()?,
            9 => self.db().compact()?,
            10..20 => self.snapshots.push_back((self.db().snapshot()?, self.committed.clone())),
            _ => {}
        }
        if self.snapshots.len() > SNAPSHOTS_HELD_MAX {
            self.look_at_a_snapshot_again()?;
        }
        Ok(())
    }

    fn look_at_a_snapshot_again(&mut self) -> Outcome {
        let any = self.random.usize(..self.snapshots.len());
        let (snapshot, expected) = self.snapshots.remove(any).expect("the index is within");
        compare(&snapshot, &expected)
    }

    /// Closes in one way or the other, and opens again.
    fn reopen(&mut self) -> Outcome {
        while !self.snapshots.is_empty() {
            self.look_at_a_snapshot_again()?;
        }
        let db = self.db.take().expect("it is open until now");
        if self.random.bool() {
            db.close()?;
        } else {
            drop(db);
        }
        let db = open(&self.home)?;
        assert_eq!(db.recovery().cut, None, "nothing was torn");
        self.db = Some(db);
        Ok(())
    }

    fn compare_everything(&self) -> Outcome {
        assert_sound(self.db());
        compare(&self.db().snapshot()?, &self.committed)
    }
}

/// Opens with checkpoints so frequent that most of what is read comes from segments.
fn open(home: &Home) -> sop_core::Result<Database> {
    let mut options = Options::default();
    options.checkpoint_dirty_bytes = 1 << 20;
    options.checkpoint_log_bytes = 2 << 20;
    options.log_file_bytes = 1 << 20;
    home.open_with(options)
}

fn stores(transaction: &Transaction) -> sop_core::Result<[Store<'_>; 2]> {
    let open = |which: usize| {
        let options = StoreOptions::default().node_size(NODE_SIZES[which]);
        transaction.open_store(NAMES[which], &options)
    };
    Ok([open(0)?, open(1)?])
}

fn compare(snapshot: &Snapshot, expected: &[Entries; 2]) -> Outcome {
    for (name, expected) in NAMES.iter().zip(expected) {
        let store = snapshot.store(name)?;
        assert_eq!(store.len()?, expected.len() as u64);
        let mut found = store.iter()?;
        for (key, value) in expected {
            let (found_key, found_value) = found.next().expect("an entry is missing")?;
            assert_eq!(found_key[..], key[..], "{name}");
            assert!(found_value[..] == value[..], "{name}: another value at {found_key:?}");
        }
        assert!(found.next().is_none(), "{name} has an entry too many");
    }
    Ok(())
}
