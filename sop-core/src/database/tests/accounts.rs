//! One thread does everything that can be done to a database, in random order.
//!
//! After every step the newest state is compared with ordered maps, byte by byte; the books of
//! live and dirty bytes with what a walk over all trees finds. Old snapshots are compared with the
//! maps as they were, also after the database that they belong to was closed.

use std::sync::Arc;

use super::{
    Model, Random, assert_no_leftovers, audit, change, cursor, equals, name, nodes_of, open,
};
use crate::{Database, Durability, MemoryDisk, Result, Snapshot, StoreOptions, TransactionOptions};

const LIVES: usize = 4;
const STEPS: usize = 30;
const STORES: usize = 4;

struct Trial {
    random: Random,
    model: Model,
    held: Vec<(Snapshot, Model)>,
    /// How many keys there are to choose from.
    space: usize,
    options: StoreOptions,
}

impl Trial {
    fn new(seed: u64) -> Self {
        let mut random = Random::new(seed);
        let space = random.pick(&[50, 400, 3_000]);
        let options = nodes_of(random.pick(&[1_024, 1_500, 8_192]));
        Self { random, model: Model::new(), held: Vec::new(), space, options }
    }

    fn step(&mut self, db: &Database) -> Result<()> {
        let store = self.random.below(STORES);
        match self.random.below(16) {
            0 => db.checkpoint(),
            1 => db.compact(),
            2 => {
                self.held.push((db.snapshot()?, self.model.clone()));
                Ok(())
            }
            3 => self.look_back(),
            4 => self.drop_store(db, store),
            5 | 6 => self.load(db, store),
            7 => self.remove_many(db, store),
            _ => self.write(db, store),
        }
    }

    /// Compares one of the old states, and lets go of it.
    fn look_back(&mut self) -> Result<()> {
        if !self.held.is_empty() {
            let index = self.random.below(self.held.len());
            let (snapshot, model) = self.held.swap_remove(index);
            assert!(equals(&snapshot, &model)?, "an old state changed");
        }
        Ok(())
    }

    fn drop_store(&mut self, db: &Database, store: usize) -> Result<()> {
        if self.model.remove(&store).is_some() {
            let tx = db.begin()?;
            tx.drop_store(&name(store))?;
            tx.commit()?;
        }
        Ok(())
    }

    /// Loads a store that is empty or missing; every fourth time nothing comes of it.
    fn load(&mut self, db: &Database, store: usize) -> Result<()> {
        if self.model.get(&store).is_some_and(|entries| !entries.is_empty()) {
            return Ok(());
        }
        let count = self.random.below(500);
        let entries = self.random.entries(count, self.space);
        let tx = db.begin()?;
        let loaded = tx.bulk_load(&name(store), &self.options, &entries)?;
        assert_eq!(loaded, entries.len() as u64);
        if !self.random.once_in(4) {
            tx.commit()?;
            self.model.insert(store, entries);
        }
        Ok(())
    }

    /// Removes a run of keys, or all.
    fn remove_many(&mut self, db: &Database, store: usize) -> Result<()> {
        let Some(entries) = self.model.get_mut(&store) else { return Ok(()) };
        let from = self.random.below(entries.len() + 1);
        let run = if self.random.once_in(4) { 0..usize::MAX } else { from..from + 100 };
        let keys: Vec<_> = entries.keys().skip(run.start).take(run.len()).cloned().collect();
        let tx = db.begin()?;
        let store = tx.store(&name(store))?;
        for key in keys {
            assert!(store.remove(&key)?);
            entries.remove(&key);
        }
        tx.commit().map(drop)
    }

    /// Writes a little or much, in ascending or in random order; every eighth time in vain.
    fn write(&mut self, db: &Database, store: usize) -> Result<()> {
        let durability = self.random.pick(&[Durability::Eventual, Durability::Immediate]);
        let tx = db.begin_with(TransactionOptions::default().durability(durability))?;
        tx.allow_placing()?;
        let mut entries = self.model.get(&store).cloned().unwrap_or_default();
        let opened = tx.open_store(&name(store), &self.options)?;
        let count = self.random.pick(&[1, 5, 50, 600]);
        let ascending = self.random.once_in(4).then(|| self.random.below(10_000));
        for number in 0..count {
            let key = match ascending {
                Some(run) => format!("z{run:04}{number:06}").into_bytes(),
                None => self.random.key(self.space),
            };
            change(&mut self.random, opened, &mut entries, key)?;
        }
        if self.random.once_in(2) {
            cursor::wander(&mut self.random, opened, &mut entries, self.space)?;
        }
        if !self.random.once_in(8) {
            tx.commit()?;
            self.model.insert(store, entries);
        }
        Ok(())
    }
}

fn run(seed: u64) -> Result<()> {
    let mut trial = Trial::new(seed);
    let disk = Arc::new(MemoryDisk::default());
    for life in 0..LIVES {
        let db = open(&disk)?;
        for step in 0..STEPS {
            assert!(equals(&db.snapshot()?, &trial.model)?, "life {life}, before step {step}");
            audit(&db)?;
            if trial.held.is_empty() {
                assert_no_leftovers(&db, &*disk)?;
            }
            trial.step(&db)?;
        }
        if trial.random.once_in(2) {
            db.close()?;
        }
    }
    let db = open(&disk)?;
    assert!(equals(&db.snapshot()?, &trial.model)?);
    audit(&db)?;
    while !trial.held.is_empty() {
        trial.look_back()?;
    }
    Ok(())
}

#[test]
fn a_database_equals_its_model_and_its_books_equal_its_trees() {
    super::for_seeds(1..=12, run);
}
