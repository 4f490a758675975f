//! The engine against an ordered map: random operations in random transactions, reopened now and
//! then.

use std::{collections::BTreeMap, sync::Arc};

use sop_core::{Database, MemoryDisk, Options, Result, StoreOptions};

type Model = BTreeMap<Vec<u8>, Vec<u8>>;

/// A small generator of random numbers (xorshift), so that a seed says everything.
struct Random(u64);

impl Random {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % bound
    }

    fn key(&mut self) -> Vec<u8> {
        match self.below(20) {
            0 => vec![7; usize::try_from(self.below(4_097)).expect("small")],
            1 => Vec::new(),
            _ => format!("key-{:06}", self.below(3_000)).into_bytes(),
        }
    }

    fn value(&mut self) -> Vec<u8> {
        let len = if self.below(30) == 0 { self.below(5_000) } else { self.below(60) };
        vec![b'v'; usize::try_from(len).expect("small")]
    }
}

fn open(disk: &MemoryDisk) -> Result<Database> {
    let options = Options::default().checkpoint_dirty_bytes(200_000).log_file_bytes(64 << 10);
    Database::builder().options(options).disk(Arc::new(disk.clone())).open("db")
}

fn compare(db: &Database, model: &Model) -> Result<()> {
    let snapshot = db.snapshot()?;
    let store = snapshot.store("s")?;
    let entries: Result<Vec<_>> =
        store.iter()?.map(|entry| entry.map(|(key, value)| (key, value.to_vec()))).collect();
    assert!(entries?.into_iter().eq(model.clone()));
    assert_eq!(store.len()?, model.len() as u64);
    let report = db.check()?;
    assert_eq!(report.problems, Vec::<String>::new());
    Ok(())
}

fn run(seed: u64, node_size: usize, transactions: u64) -> Result<()> {
    let mut random = Random(seed);
    let disk = MemoryDisk::default();
    let mut db = open(&disk)?;
    let mut model = Model::new();
    for number in 0..transactions {
        let tx = db.begin()?;
        let store = tx.open_store("s", &StoreOptions::default().node_size(node_size))?;
        let mut next = model.clone();
        for _ in 0..=random.below(200) {
            let (key, value) = (random.key(), random.value());
            match random.below(4) {
                0 | 1 => {
                    store.upsert(&key, &value)?;
                    next.insert(key, value);
                }
                2 => assert_eq!(store.remove(&key)?, next.remove(&key).is_some()),
                _ => assert_eq!(store.find(&key)?.as_deref(), next.get(&key).map(Vec::as_slice)),
            }
        }
        if random.below(4) == 0 {
            tx.rollback();
        } else {
            tx.commit()?;
            model = next;
        }
        match random.below(40) {
            0 => {
                drop(db);
                db = open(&disk)?;
            }
            1 => {
                db.close()?;
                db = open(&disk)?;
            }
            2 => db.compact()?,
            _ => {}
        }
        if number % 20 == 0 && number > 0 {
            compare(&db, &model)?;
        }
    }
    compare(&db, &model)
}

#[test]
fn a_store_equals_an_ordered_map() -> Result<()> {
    (1..=4).try_for_each(|seed| run(seed, 1 << 10, 400))?;
    (5..=6).try_for_each(|seed| run(seed, 8 << 10, 400))
}
