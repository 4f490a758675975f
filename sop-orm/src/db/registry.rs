//! The typed stores of an open database.

use std::{any::TypeId, collections::BTreeMap, fmt, sync::Arc};

use sop_core::{
    BlobStoreView, StoreId,
    guard::{self, Guard},
};

use super::{readiness::Readiness, sequence::Sequence};
use crate::{
    blob::BlobSpec,
    entity::{Entity, ReadRecord, Record, read_record},
    error::{CodecError, Conflict, Error, Result},
    hooks::AnyHooks,
    index::{IndexEntries, IndexEntry},
    layout::{self, Layouts, RowReader},
    relation::Graph,
    schema::{self, IndexSpec, Schema},
    timestamp::Timestamp,
    vector::Coder,
};

/// A type given to the builder.
#[derive(Clone, Copy)]
pub(crate) struct Registration {
    pub(crate) type_id: TypeId,
    pub(crate) schema: &'static Schema,
    pub(crate) read: ReadRecord,
    pub(crate) hooks: Option<&'static dyn AnyHooks>,
}

impl Registration {
    pub(crate) fn of<E: Entity>() -> Self {
        let (type_id, schema) = (TypeId::of::<E>(), E::SCHEMA);
        Self { type_id, schema, read: read_record::<E>, hooks: E::HOOKS }
    }
}

impl fmt::Debug for Registration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Registration").field(&self.schema.store).finish()
    }
}

/// A typed store, ready to be used.
pub(crate) struct OpenStore {
    /// Position in the registry.
    pub(crate) position: usize,
    pub(crate) schema: &'static Schema,
    pub(crate) rows: StoreId,
    pub(crate) indexes: Vec<OpenIndex>,
    /// The blob fields.
    pub(crate) blobs: Vec<OpenBlob>,
    /// Where content of its records is: that of these fields, and of others that were here once.
    pub(crate) contents: Vec<StoreId>,
    pub(crate) layouts: Layouts,
    pub(crate) read: ReadRecord,
    pub(crate) sequence: Sequence,
    pub(crate) hooks: Option<&'static dyn AnyHooks>,
}

impl fmt::Debug for OpenStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OpenStore").field("store", &self.schema.store).finish_non_exhaustive()
    }
}

/// A blob field of a typed store.
#[derive(Debug)]
pub(crate) struct OpenBlob {
    pub(crate) spec: &'static BlobSpec,
    pub(crate) contents: StoreId,
}

/// An index of a typed store.
#[derive(Debug)]
pub(crate) struct OpenIndex {
    pub(crate) spec: &'static IndexSpec,
    pub(crate) entries: StoreId,
    pub(crate) readiness: Readiness,
    /// Makes the values of the entries, in an index of vectors.
    pub(crate) coder: Option<Coder>,
    /// Where the cells of its large partitions are, if it has such.
    pub(crate) cells: Option<StoreId>,
}

impl OpenStore {
    /// Reads a stored record of a type that is forgotten.
    pub(crate) fn read(&self, key: &[u8], row: &[u8]) -> Result<Arc<dyn Record>> {
        (self.read)(&self.layouts, key, row).map_err(|source| self.unreadable(source))
    }

    /// A changed copy of a record. Whoever holds the record does not see it change.
    pub(crate) fn altered(
        &self,
        key: &[u8],
        record: &dyn Record,
        alter: impl FnOnce(&mut dyn Record),
    ) -> Result<Arc<dyn Record>> {
        let mut copy = self.read(key, &record.row_bytes(self.layouts.current))?;
        alter(Arc::get_mut(&mut copy).expect("invariant: a record just read is not shared"));
        Ok(copy)
    }

    /// Whether records changed in the state at `position` may be merged at the commit.
    pub(crate) fn merges_at(&self, position: u64) -> bool {
        let ready = |index: &OpenIndex| index.readiness.is_ready_at(position);
        self.schema.merges()
            && (self.indexes.iter().all(ready) || !guard::stands(Guard::MergedUnfinished))
    }

    /// The row that is to be written in the place of `before`, given that of the changed record:
    /// with what `before` has and the present struct does not know.
    pub(crate) fn carried(&self, before: &[u8], after: Vec<u8>) -> Result<Vec<u8>> {
        let carried = layout::carry(&self.layouts, before, &after);
        Ok(carried.map_err(|source| self.unreadable(source))?.unwrap_or(after))
    }

    /// What a row becomes that is not as this program would write it, given its record.
    pub(crate) fn renewed(&self, row: &[u8], record: &dyn Record) -> Result<Option<Vec<u8>>> {
        let layout = layout::layout_of(row).map_err(|source| self.unreadable(source))?;
        if self.layouts.is_settled(layout) {
            return Ok(None);
        }
        self.carried(row, record.row_bytes(self.layouts.current)).map(Some)
    }

    /// The engine's store with the entries of an index, or with the rows for the primary key.
    /// Refuses an index that does not hold all records in the state at `position`.
    pub(crate) fn entries_of(&self, index: Option<usize>, position: u64) -> Result<StoreId> {
        let Some(index) = index.and_then(|at| self.indexes.get(at)) else { return Ok(self.rows) };
        index.refuse_incomplete(self, position)?;
        Ok(index.entries)
    }

    /// The primary key that an entry of an index leads to: the value of a unique one, else the end
    /// of its key.
    pub(crate) fn primary_key<'e>(
        &self,
        index: Option<usize>,
        key: &'e [u8],
        value: &'e [u8],
    ) -> Result<&'e [u8]> {
        match index.and_then(|at| self.indexes.get(at)) {
            None => Ok(key),
            Some(index) if index.spec.unique => Ok(value),
            Some(index) => {
                let split = schema::split(index.spec.columns, key);
                Ok(split.map_err(|source| self.unreadable(source))?.1)
            }
        }
    }

    /// Whether a stored row is that of a deleted record.
    pub(crate) fn is_deleted(&self, key: &[u8], row: &[u8]) -> Result<bool> {
        let Some(position) = self.schema.soft_delete else { return Ok(false) };
        let unreadable = |source| self.unreadable(source);
        let fields = RowReader::new(&self.layouts, row).map_err(unreadable)?;
        if fields.version().is_some_and(|version| version != self.schema.version) {
            return Ok(self.read(key, row)?.is_deleted());
        }
        let at = fields.field_or::<Option<Timestamp>>(position, || None);
        Ok(at.map_err(unreadable)?.is_some())
    }

    pub(crate) fn unreadable(&self, source: CodecError) -> Error {
        Error::Codec { store: self.schema.store, source }
    }
}

impl OpenIndex {
    /// Refuses to answer from an index that does not hold all records in the state at `position`.
    pub(crate) fn refuse_incomplete(&self, store: &OpenStore, position: u64) -> Result<()> {
        if self.readiness.is_ready_at(position) {
            return Ok(());
        }
        let (store, index) = (store.schema.store, self.spec.name);
        Err(match self.readiness.fault() {
            None => Error::IndexBuilding { store, index },
            Some(fault) => Error::IndexFailed { store, index, fault },
        })
    }

    /// The engine's keys and values for the entries of the record with this primary key, in order.
    pub(crate) fn encode_all(
        &self,
        mut entries: IndexEntries,
        primary_key: &[u8],
    ) -> impl Iterator<Item = (Vec<u8>, Vec<u8>)> {
        let code = entries.take_vector().zip(self.coder.as_ref());
        let code = code.map(|(vector, coder)| coder.encode(&vector));
        entries.into_sorted().into_iter().map(move |entry| {
            let (key, value) = self.encode(entry, primary_key);
            (key, code.clone().unwrap_or(value))
        })
    }

    /// The engine's key for an entry of the record with this primary key, and its value if it is no
    /// vector's.
    fn encode(&self, entry: IndexEntry, primary_key: &[u8]) -> (Vec<u8>, Vec<u8>) {
        let mut key = entry.columns;
        if self.spec.unique && !entry.has_none {
            return (key, primary_key.to_vec());
        }
        key.extend_from_slice(primary_key);
        (key, if self.spec.unique { primary_key.to_vec() } else { Vec::new() })
    }
}

/// All typed stores of a database.
#[derive(Debug)]
pub(crate) struct Registry {
    stores: Vec<OpenStore>,
    by_type: BTreeMap<TypeId, usize>,
    /// Names of engine stores, with the position of the typed store and that of the index.
    by_name: BTreeMap<String, (usize, Option<usize>)>,
    relations: Graph,
}

impl Registry {
    pub(crate) fn new(
        registrations: &[Registration],
        stores: Vec<OpenStore>,
        relations: Graph,
    ) -> Self {
        let by_type = registrations.iter().zip(0..).map(|(one, at)| (one.type_id, at)).collect();
        let mut by_name = BTreeMap::new();
        for store in &stores {
            by_name.insert(store.schema.store.to_owned(), (store.position, None));
            for blob in store.schema.blobs {
                by_name.insert(store.schema.blob_store(blob.field), (store.position, None));
            }
            for (index, spec) in store.schema.indexes.iter().enumerate() {
                by_name.insert(store.schema.index_store(spec.name), (store.position, Some(index)));
                if spec.has_cells() {
                    by_name
                        .insert(store.schema.cell_store(spec.name), (store.position, Some(index)));
                }
            }
        }
        Self { stores, by_type, by_name, relations }
    }

    /// How their records refer to each other.
    pub(crate) fn relations(&self) -> &Graph {
        &self.relations
    }

    /// All of them, by position.
    pub(crate) fn stores(&self) -> &[OpenStore] {
        &self.stores
    }

    /// Every index with its store.
    pub(crate) fn indexes(&self) -> impl Iterator<Item = (&OpenStore, &OpenIndex)> {
        self.stores.iter().flat_map(|store| store.indexes.iter().map(move |index| (store, index)))
    }

    pub(crate) fn of<E: Entity>(&self) -> Option<&OpenStore> {
        self.by_type.get(&TypeId::of::<E>()).and_then(|at| self.stores.get(*at))
    }

    /// The store of a type, for what cannot do without.
    pub(crate) fn opened<E: Entity>(&self) -> Result<&OpenStore> {
        self.of::<E>().ok_or(Error::NotRegistered { type_name: E::SCHEMA.type_name })
    }

    pub(crate) fn at(&self, position: usize) -> &OpenStore {
        self.stores.get(position).expect("invariant: positions come from this registry")
    }

    /// The engine store of this name as a typed store and one of its indexes.
    pub(crate) fn named(&self, name: &str) -> Option<(&OpenStore, Option<usize>)> {
        self.by_name.get(name).map(|(store, index)| (self.at(*store), *index))
    }

    /// A conflict in the terms of typed stores.
    pub(crate) fn conflict(&self, conflict: sop_core::Conflict) -> Conflict {
        let sop_core::Conflict { store, key, kind, prepared, .. } = conflict;
        let Some((typed, index)) = self.named(&store) else {
            return Conflict { store, index: None, type_name: None, key, kind, prepared };
        };
        let index = index.and_then(|at| typed.schema.indexes.get(at));
        let key = if typed.schema.is_blob_store(&store) {
            BlobStoreView::name_of(&key).unwrap_or_default()
        } else {
            key
        };
        let may_show = typed.schema.may_show(index.map_or(&[], |index| index.columns));
        Conflict {
            store: typed.schema.store.to_owned(),
            index: index.map(|index| index.name.to_owned()),
            type_name: Some(typed.schema.type_name),
            key: if may_show { key } else { Vec::new() },
            kind,
            prepared,
        }
    }
}

impl From<sop_core::Error> for Error {
    fn from(error: sop_core::Error) -> Self {
        match error {
            sop_core::Error::Conflict(conflict) => {
                // What stands in the key, and whether it may be shown, is not known here.
                let sop_core::Conflict { store, kind, prepared, .. } = conflict;
                let (index, type_name, key) = (None, None, Vec::new());
                Self::Conflict(Conflict { store, index, type_name, key, kind, prepared })
            }
            sop_core::Error::InUse { .. } => Self::Busy(error),
            sop_core::Error::CommitUnknown { .. } => Self::CommitUnknown(error),
            other => Self::Engine(other),
        }
    }
}
