//! Structs that change while their records stay.

mod fields;
mod golden;
mod migration;
mod turns;
mod versions;

use sop_core::Database;
use sop_orm::{Entity, prelude::*};

/// A database of one stored type on an engine that stays open between two programs.
async fn attach<E: Entity>(engine: &Database) -> Result<Db> {
    Db::builder().store::<E>().attach(engine.clone()).await
}

fn engine() -> Result<Database> {
    Ok(Database::builder().in_memory()?)
}

/// What is said when a program cannot read what is there.
async fn refused<E: Entity>(engine: &Database) -> String {
    match attach::<E>(engine).await {
        Err(error @ Error::Schema(_)) => error.to_string(),
        Err(other) => panic!("expected a schema error, got {other}"),
        Ok(_) => panic!("expected a schema error"),
    }
}

/// All keys and values of a store of the engine.
fn entries(engine: &Database, store: &str) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let snapshot = engine.snapshot()?;
    let mut entries = Vec::new();
    for entry in snapshot.store(store)?.range::<Vec<u8>>(..)? {
        let (key, value) = entry?;
        entries.push((key, value.to_vec()));
    }
    Ok(entries)
}
