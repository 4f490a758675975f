//! Bringing registered types and the catalog together when a database is opened.
//!
//! This is done at once: the catalog says what is true from now on. What is left to do, filling new
//! indexes and emptying removed ones, is found by looking at what the catalog and the names of the
//! stores say, so it needs no notes of its own.

use std::{collections::HashMap, ops::Bound};

use sop_core::{Database, Snapshot, StoreId, StoreOptions, StoreView, Transaction};

use super::{
    Schema,
    catalog::{self, CatalogEntry, IndexRecord},
    diff,
};
use crate::{
    db::{
        readiness::{Progress, Readiness},
        registry::{OpenBlob, OpenIndex, OpenStore, Registration},
        sequence::Sequence,
    },
    error::{Error, Result, SchemaError},
    layout::Layouts,
    relation::Graph,
    vector::Coder,
};

/// What the names of stores that are on their way out begin with.
pub(crate) const DROPPED: &str = "sop.dropped/";

/// Entries up to which a store is dropped at once: the commit that drops it has to read it.
pub(crate) const DROPPED_AT_ONCE: u64 = 4_096;

/// Makes the stores of all registered types ready. Writes only what has changed since last time;
/// where nothing can be written, that must be nothing.
pub(crate) async fn open(engine: &Database, types: &[Registration]) -> Result<Vec<OpenStore>> {
    refuse_shared_stores(types)?;
    let prepared = loop {
        match prepare_all(engine, types).await {
            // Somebody else opened the database at the same time. What they wrote counts.
            Err(error) if error.is_retryable() => {}
            prepared => break prepared?,
        }
    };
    let snapshot = engine.snapshot()?;
    let ids: HashMap<String, StoreId> =
        snapshot.stores()?.into_iter().map(|store| (store.name, store.id)).collect();
    let assembled = types
        .iter()
        .zip(prepared)
        .enumerate()
        .map(|(position, (one, prepared))| assemble(&snapshot, position, *one, prepared, &ids));
    assembled.collect()
}

async fn prepare_all(engine: &Database, types: &[Registration]) -> Result<Vec<Prepared>> {
    match engine.begin() {
        Ok(transaction) => {
            let prepared: Result<_> = types.iter().map(|one| prepare(&transaction, one)).collect();
            let prepared = prepared?;
            transaction.commit_async().await?;
            Ok(prepared)
        }
        Err(sop_core::Error::ReadOnly) => {
            let snapshot = engine.snapshot()?;
            types.iter().map(|one| recall(&snapshot, one)).collect()
        }
        Err(error) => Err(error.into()),
    }
}

/// How records refer to each other, those included whose types are not registered.
pub(crate) fn relations(engine: &Database, types: &[Registration]) -> Result<Graph> {
    let known = |name: &str| types.iter().any(|one| one.schema.store == name);
    let others = match engine.snapshot()?.store(catalog::STORE) {
        Ok(catalog) => catalog::others(catalog, known)?,
        Err(sop_core::Error::StoreNotFound { .. }) => Vec::new(),
        Err(error) => return Err(error.into()),
    };
    Ok(Graph::new(types, &others))
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
        retire(transaction, &schema.index_store(index))?;
        let cells = schema.cell_store(index);
        if transaction.stores()?.iter().any(|store| store.name == cells) {
            retire(transaction, &cells)?;
        }
    }
    transaction.open_store(schema.store, &options)?;
    prepare_blobs(transaction, schema)?;
    for index in schema.indexes {
        transaction.open_store(&schema.index_store(index.name), &options)?;
        if index.has_cells() {
            transaction.open_store(&schema.cell_store(index.name), &options)?;
        }
    }
    catalog.upsert(schema.store, entry.to_bytes())?;
    Ok((entry, layouts))
}

/// Makes the stores of content, each of which may go by an earlier name of its field.
fn prepare_blobs(transaction: &Transaction, schema: &Schema) -> Result<()> {
    for blob in schema.blobs {
        let name = schema.blob_store(blob.field);
        let known = transaction.stores()?;
        let is_known = |name: &String| known.iter().any(|store| store.name == *name);
        let field = schema.fields.get(blob.position);
        let before = field.and_then(|field| field.renamed_from).map(|old| schema.blob_store(old));
        match before.filter(|before| is_known(before) && !is_known(&name)) {
            Some(before) => transaction.rename_store(&before, &name)?,
            None => drop(transaction.open_blobs(&name, &blob.options())?),
        }
    }
    Ok(())
}

/// Drops a store, or gives it a name under which it will be emptied and dropped.
fn retire(transaction: &Transaction, name: &str) -> Result<()> {
    if transaction.store(name)?.len()? <= DROPPED_AT_ONCE {
        return Ok(transaction.drop_store(name)?);
    }
    let known = transaction.stores()?;
    let number = |name: &str| name.strip_prefix(DROPPED)?.parse::<u64>().ok();
    let last = known.iter().filter_map(|store| number(&store.name)).max();
    let next = last.map_or(0, |last| last.saturating_add(1));
    Ok(transaction.rename_store(name, &format!("{DROPPED}{next}"))?)
}

fn assemble(
    snapshot: &Snapshot,
    position: usize,
    one: Registration,
    (entry, layouts): Prepared,
    ids: &HashMap<String, StoreId>,
) -> Result<OpenStore> {
    let schema = one.schema;
    let id = |name: String| {
        let id = ids.get(&name).copied();
        id.ok_or(Error::Engine(sop_core::Error::StoreNotFound { name }))
    };
    let rows = id(schema.store.to_owned())?;
    let indexes = schema.indexes.iter().zip(&entry.indexes).map(|(spec, record)| {
        let readiness = Readiness::new(progress(snapshot.store_by_id(rows)?, record)?);
        let coder = spec.vector.map(|vector| Coder::new(vector.dimensions));
        let cells = spec.has_cells().then(|| id(schema.cell_store(spec.name))).transpose()?;
        let entries = id(schema.index_store(spec.name))?;
        Ok(OpenIndex { spec, entries, readiness, coder, cells })
    });
    let blobs = schema
        .blobs
        .iter()
        .map(|spec| Ok(OpenBlob { spec, contents: id(schema.blob_store(spec.field))? }));
    let contents = ids.iter().filter(|(name, _)| schema.is_blob_store(name)).map(|(_, id)| *id);
    Ok(OpenStore {
        position,
        schema,
        rows,
        indexes: indexes.collect::<Result<_>>()?,
        blobs: blobs.collect::<Result<_>>()?,
        contents: contents.collect(),
        layouts,
        read: one.read,
        sequence: Sequence::new(schema.store),
        hooks: one.hooks,
    })
}

/// How far an index is, and how far it has to go.
fn progress(rows: StoreView<'_>, record: &IndexRecord) -> Result<Progress> {
    let Some(filling) = record.filling.clone() else {
        let total = rows.len()?;
        return Ok(Progress { total, ..Progress::default() });
    };
    let left = rows.count::<&[u8]>((Bound::Excluded(filling.to.as_slice()), Bound::Unbounded))?;
    let until = rows.last()?.map(|(key, _)| key).unwrap_or_default();
    let total = filling.records + left;
    Ok(Progress { filling: Some(filling), until, total, fault: None })
}
