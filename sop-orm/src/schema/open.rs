//! Bringing registered types and the catalog together when a database is opened.

use std::collections::HashMap;

use sop_core::{Database, Snapshot, StoreId, StoreOptions, StoreView, Transaction};

use super::{
    Schema, backfill,
    catalog::{self, CatalogEntry},
    diff,
};
use crate::{
    db::{
        registry::{OpenIndex, OpenStore, Registration},
        sequence::Sequence,
    },
    error::{Error, Result, SchemaError},
    layout::Layouts,
};

/// Makes the stores of all registered types ready. Writes only what has changed since last time;
/// where nothing can be written, that must be nothing.
pub(crate) async fn open(engine: &Database, types: &[Registration]) -> Result<Vec<OpenStore>> {
    refuse_shared_stores(types)?;
    let (prepared, writable): (Vec<Prepared>, bool) = match engine.begin() {
        Ok(transaction) => {
            let prepared: Result<_> = types.iter().map(|one| prepare(&transaction, one)).collect();
            let prepared = prepared?;
            transaction.commit_async().await?;
            (prepared, true)
        }
        Err(sop_core::Error::ReadOnly) => {
            let snapshot = engine.snapshot()?;
            let prepared: Result<_> = types.iter().map(|one| recall(&snapshot, one)).collect();
            (prepared?, false)
        }
        Err(error) => return Err(error.into()),
    };
    let ids: HashMap<String, StoreId> =
        engine.snapshot()?.stores()?.into_iter().map(|store| (store.name, store.id)).collect();
    let mut stores = Vec::with_capacity(types.len());
    for (registration, (entry, layouts)) in types.iter().zip(prepared) {
        let mut store = assemble(stores.len(), *registration, &entry, layouts, &ids)?;
        if writable {
            backfill::complete(engine, &mut store).await?;
        }
        stores.push(store);
    }
    Ok(stores)
}

/// What the catalog says of a type from now on.
type Prepared = (CatalogEntry, Layouts);

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

/// What the catalog has, and what it should have.
fn compare(
    catalog: StoreView<'_>,
    schema: &'static Schema,
) -> Result<(Option<CatalogEntry>, Prepared)> {
    let unreadable = |source| Error::Codec { store: schema.store, source };
    let stored = catalog.find(schema.store)?;
    let stored = stored.map(|bytes| CatalogEntry::from_bytes(&bytes)).transpose();
    let stored = stored.map_err(unreadable)?;
    let wanted = diff::update(schema, stored.as_ref())
        .map_err(|problems| schema_error(schema.store, problems))?;
    Ok((stored, wanted))
}

/// Reads what the catalog has of one type; fails if that is not what it should have.
fn recall(snapshot: &Snapshot, one: &Registration) -> Result<Prepared> {
    let (stored, wanted) = compare(snapshot.store(catalog::STORE)?, one.schema)?;
    if stored.as_ref() == Some(&wanted.0) {
        return Ok(wanted);
    }
    let problem = "it has changed: open the database for writing once, to bring it up to date";
    Err(schema_error(one.schema.store, vec![problem.to_owned()]))
}

/// Updates the catalog's entry and the engine stores of one type.
fn prepare(transaction: &Transaction, one: &Registration) -> Result<Prepared> {
    let (schema, options) = (one.schema, StoreOptions::default());
    let catalog = transaction.open_store(catalog::STORE, &options)?;
    let (stored, (entry, layouts)) = compare(*catalog, schema)?;
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
        hooks: one.hooks,
    })
}
