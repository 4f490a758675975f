//! The catalog: a store of its own that holds the names of all others.

use std::fmt;

use crate::{
    codec::{Malformed, Reader, write},
    error::{Error, Result},
    id::StoreId,
    limit::{NODE_SIZE_DEFAULT, NODE_SIZE_MAX, NODE_SIZE_MIN, STORE_NAME_LEN_MAX},
    tree::{KeyRange, TreeCursor},
    version::State,
};

/// How a store is laid out. Chosen when it is created, compared whenever it is opened.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct StoreOptions {
    /// What nodes are filled up to, in bytes; from [`crate::limit::NODE_SIZE_MIN`] to
    /// [`crate::limit::NODE_SIZE_MAX`], 8 KiB by default. Smaller nodes suit small random writes,
    /// larger ones scans.
    pub node_size: usize,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self { node_size: NODE_SIZE_DEFAULT }
    }
}

impl StoreOptions {
    /// Sets the node size, in bytes.
    #[must_use]
    pub fn node_size(self, bytes: usize) -> Self {
        Self { node_size: bytes }
    }

    pub(super) fn check(&self) -> Result<()> {
        if (NODE_SIZE_MIN..=NODE_SIZE_MAX).contains(&self.node_size) {
            return Ok(());
        }
        Err(Error::Invalid(format!(
            "a node size of {} bytes; it must be from {NODE_SIZE_MIN} to {NODE_SIZE_MAX}",
            self.node_size
        )))
    }
}

impl fmt::Display for StoreOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a node size of {} bytes", self.node_size)
    }
}

/// What the catalog holds under a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct CatalogEntry {
    pub(super) store: StoreId,
    pub(super) options: StoreOptions,
}

impl CatalogEntry {
    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        write::put_varint(&mut out, u64::from(self.store.0));
        write::put_varint(&mut out, self.options.node_size as u64);
        out
    }

    fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        let store = u32::try_from(reader.varint()?).map_err(|_| Malformed("a store's number"))?;
        let size = usize::try_from(reader.varint()?).map_err(|_| Malformed("a node size"))?;
        reader.finish()?;
        Ok(Self { store: StoreId(store), options: StoreOptions { node_size: size } })
    }
}

/// Refuses names that no store can have. Any text will do that is neither empty nor too long: a
/// name is a key, never a path.
pub(super) fn check_name(name: &str) -> Result<()> {
    if name.is_empty() {
        return Err(Error::Invalid("a store's name must not be empty".into()));
    }
    if name.len() > STORE_NAME_LEN_MAX {
        return Err(Error::Invalid(format!(
            "a store's name of {} bytes; the limit is {STORE_NAME_LEN_MAX}",
            name.len()
        )));
    }
    Ok(())
}

/// The store of this name in a state.
pub(super) fn look_up(state: &impl State, name: &str) -> Result<Option<CatalogEntry>> {
    state.value(StoreId::CATALOG, name.as_bytes())?.map(|entry| decode(entry.bytes())).transpose()
}

/// All stores in a state, by name.
pub(super) fn list(state: &impl State) -> Result<Vec<(String, CatalogEntry)>> {
    let Some(tree) = state.tree(StoreId::CATALOG) else { return Ok(Vec::new()) };
    let mut stores = Vec::new();
    TreeCursor::new(state.source(), *tree).visit_all(|entry, leaf, index| {
        let name = String::from_utf8_lossy(&leaf.key(index)).into_owned();
        stores.push((name, decode(entry.value()?.bytes())?));
        Ok(())
    })?;
    Ok(stores)
}

/// The name of a store in a state, for messages.
pub(super) fn name_of(state: &impl State, store: StoreId) -> Option<String> {
    let stores = list(state).ok()?;
    stores.into_iter().find(|(_, entry)| entry.store == store).map(|(name, _)| name)
}

/// What a list of all stores reads.
pub(super) const EVERYTHING: KeyRange = KeyRange::ALL;

fn decode(bytes: &[u8]) -> Result<CatalogEntry> {
    CatalogEntry::decode(bytes)
        .map_err(|error| Error::Invalid(format!("the catalog of stores is damaged: {error}")))
}
