//! SOP's engine: one transaction over all of them, or one in each.

use super::Several;
use crate::{
    Result,
    engines::{Settings, version},
};
use sop_core::{Database, StoreOptions, Transaction, TransactionManager};
use std::path::Path;

const STORE: &str = "entries";

/// Databases whose transactions are one, or are apart: then a crash leaves some of them.
pub(crate) struct Sop<const TOGETHER: bool> {
    databases: Vec<Database>,
    manager: TransactionManager,
}

impl<const TOGETHER: bool> Several for Sop<TOGETHER> {
    fn settings() -> Settings {
        Settings {
            name: format!("SOP {}", version("sop-core")),
            options: if TOGETHER {
                "one transaction over all databases, in two phases"
            } else {
                "one transaction in each database, one after the other"
            },
            durable: "one sync of the log for each commit; in two phases one of the deciding database, and \
                      two of each other one",
            relaxed: "not used",
        }
    }

    fn open(folder: &Path, count: usize) -> Result<Self> {
        let mut builder = TransactionManager::builder();
        let mut databases = Vec::new();
        for number in 0..count {
            let db = Database::open(folder.join(number.to_string()))?;
            let tx = db.begin()?;
            tx.create_store(STORE, &StoreOptions::default())?;
            tx.commit()?;
            builder = builder.database(&db)?;
            databases.push(db);
        }
        Ok(Self { databases, manager: builder.build() })
    }

    fn put(&mut self, key: &[u8], value: &[u8]) -> Result<()> {
        let put = |tx: &Transaction| tx.store(STORE)?.upsert(key, value);
        if TOGETHER {
            let mut global = self.manager.begin(&self.databases[0])?;
            for db in &self.databases {
                put(global.enlist(db)?)?;
            }
            let commit = pollster::block_on(global.commit())?;
            return if commit.untold.is_empty() { Ok(()) } else { Err("not everywhere".into()) };
        }
        for db in &self.databases {
            let tx = db.begin()?;
            put(&tx)?;
            tx.commit()?;
        }
        Ok(())
    }

    fn entries(&mut self) -> Result<Vec<u64>> {
        let count = |db: &Database| Ok(db.snapshot()?.store(STORE)?.len()?);
        self.databases.iter().map(count).collect()
    }
}
