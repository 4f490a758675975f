//! Bringing registered types and the catalog together when a database is opened.

use std::collections::HashMap;

use sop_core::{Database, StoreId, StoreOptions, Transaction};

use super::{
    backfill,
    catalog::{self, CatalogEntry},
    diff,
};
use crate::{
    db::{
        registry::{OpenIndex, OpenStore, Registration},
        sequence::Sequence,
    },
    error::{Error, Result, SchemaError},
    row::Layouts,
};

/// Makes the stores of all registered types ready. Writes only what has changed since last time.
pub(crate) async fn open(engine: &Database, types: &[Registration]) -> Result<Vec<OpenStore>> {
    refuse_shared_stores(types)?;
    let transaction = engine.begin()?;
    let entries = types
        .iter()
        .map(|registration| prepare(&transaction, registration))
        .collect::<Result<Vec<_>>>()?;
    transaction.commit_async().await?;

    let ids: HashMap<String, StoreId> =
        engine.snapshot()?.stores()?.into_iter().map(|store| (store.name, store.id)).collect();
    let mut stores = Vec::with_capacity(types.len());
    for (registration, (entry, layouts)) in types.iter().zip(entries) {
        let mut store = assemble(stores.len(), *registration, &entry, layouts, &ids)?;
        backfill::complete(engine, &mut store).await?;
        stores.push(store);
    }
    Ok(stores)
}

fn refuse_shared_stores(types: &[Registration]) -> Result<()> {
    let mut names = HashMap::new();
    for registration in types {
        let schema = registration.schema;
        if let Some(other) = names.insert(schema.store, schema.type_name) {
            return Err(schema_error(
                schema.store,
                vec![format!(
                    "{other} and {} both claim it: give one of them another #[sop(store = ..)]",
                    schema.type_name,
                )],
            ));
        }
    }
    Ok(())
}

fn schema_error(store: &str, problems: Vec<String>) -> Error {
    Error::Schema(SchemaError { store: store.to_owned(), problems })
}

/// Updates the catalog's entry and the engine stores of one type.
fn prepare(transaction: &Transaction, one: &Registration) -> Result<(CatalogEntry, Layouts)> {
    let (schema, options) = (one.schema, StoreOptions::default());
    let catalog = transaction.open_store(catalog::STORE, &options)?;
    let stored = match catalog.find(schema.store)? {
        Some(bytes) => Some(
            CatalogEntry::from_bytes(&bytes)
                .map_err(|source| Error::Codec { store: schema.store, source })?,
        ),
        None => None,
    };
    let (entry, layouts) = diff::update(schema, stored.as_ref())
        .map_err(|problems| schema_error(schema.store, problems))?;
    if stored.as_ref() == Some(&entry) {
        return Ok((entry, layouts));
    }
    for index in stored.iter().flat_map(|stored| diff::outdated(stored, &entry)) {
        transaction.drop_store(&schema.index_store(index))?;
    }
    transaction.open_store(schema.store, &options)?;
    for index in schema.indexes {
        transaction.open_store(&schema.index_store(index.name), &options)?;
    }
    catalog.upsert(schema.store, entry.to_bytes())?;
    Ok((entry, layouts))
}

fn assemble(
    position: usize,
    one: Registration,
    entry: &CatalogEntry,
    layouts: Layouts,
    ids: &HashMap<String, StoreId>,
) -> Result<OpenStore> {
    let schema = one.schema;
    let id = |name: String| {
        let id = ids.get(&name).copied();
        id.ok_or(Error::Engine(sop_core::Error::StoreNotFound { name }))
    };
    let indexes = schema.indexes.iter().zip(&entry.indexes).map(|(spec, record)| {
        Ok(OpenIndex {
            spec,
            entries: id(schema.index_store(spec.name))?,
            complete: record.filled_to.is_none(),
        })
    });
    Ok(OpenStore {
        position,
        schema,
        rows: id(schema.store.to_owned())?,
        indexes: indexes.collect::<Result<_>>()?,
        layouts,
        read: one.read,
        sequence: Sequence::new(schema.store),
    })
}
