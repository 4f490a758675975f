//! From a draft to what is kept of it while it is prepared, and back.

use super::{
    Isolation, StoreOptions,
    draft::{CatalogChange, Draft, StoreDraft},
    view::View,
};
use crate::{
    delta::{NewValue, Write},
    error::{Error, Result},
    id::{Address, StoreId},
    limit::PREPARED_LEN_MAX,
    version::{Intent, NameChange, StoreIntent},
    write_set::Regard,
};

impl View {
    /// Makes the draft one that is only prepared, under a name. Values that were placed are read.
    pub(crate) fn prepare(&self, name: &str) -> Result<()> {
        let prepared = self.drafted(|draft| {
            let bytes = draft.intent(|store, address| self.find_placed(store, address))?;
            if bytes.len() > PREPARED_LEN_MAX {
                let (bytes, limit) = (bytes.len() as u64, PREPARED_LEN_MAX as u64);
                return Err(Error::TransactionTooLarge { bytes, limit });
            }
            draft.is_prepared = true;
            let write = Write { key: name.as_bytes(), value: Some(NewValue::Bytes(&bytes)) };
            draft.write(StoreId::PREPARED, write, Regard::Checked)
        });
        prepared.unwrap_or(Err(Error::ReadOnly))
    }
}

impl Draft {
    /// What is kept of it, as bytes. `placed` reads values that stand in segments.
    fn intent(&self, placed: impl Fn(StoreId, Address) -> Result<Vec<u8>>) -> Result<Vec<u8>> {
        let mut values = Vec::new();
        for (store, own) in self.stores.iter() {
            if own.loaded.is_some() {
                let message = "a transaction that loads a store in bulk cannot be prepared; write \
                               the entries one by one";
                return Err(Error::Invalid(message.into()));
            }
            for write in own.writes.iter() {
                if let Some(NewValue::Placed(address)) = write.value {
                    values.push(placed(store, address)?);
                }
            }
        }
        let mut values = values.iter();
        let stores = self.stores.iter().filter(|(store, _)| !self.dropped(*store));
        let stores = stores.map(|(store, own)| own.intent(store, &mut values));
        let intent = Intent {
            catalog: self.catalog.iter().map(CatalogChange::to_name_change).collect(),
            names: self.names.keys().cloned().collect(),
            stores: stores.collect(),
        };
        Ok(intent.encode())
    }

    /// What a prepared transaction does, and that it is not prepared any more.
    pub(crate) fn of_intent(name: &str, bytes: &[u8]) -> Result<Self> {
        let intent = Intent::read(name, bytes)?;
        let mut draft = Self::ending(name)?;
        draft.catalog = intent.catalog.into_iter().map(CatalogChange::from).collect();
        for StoreIntent { store, writes, .. } in intent.stores {
            for write in writes {
                draft.write(store, write, Regard::Checked)?;
            }
        }
        Ok(draft)
    }

    /// What only says that a transaction is not prepared any more.
    pub(crate) fn ending(name: &str) -> Result<Self> {
        let mut draft = Self::new(Isolation::Snapshot);
        let write = Write { key: name.as_bytes(), value: None };
        draft.write(StoreId::PREPARED, write, Regard::Checked)?;
        Ok(draft)
    }
}

impl Draft {
    /// The same, and an entry.
    pub(crate) fn noting(mut self, store: StoreId, (key, value): (&[u8], &[u8])) -> Result<Self> {
        let write = Write { key, value: Some(NewValue::Bytes(value)) };
        self.write(store, write, Regard::Checked)?;
        Ok(self)
    }
}

impl StoreDraft {
    /// The same of one store. `placed` are the values that stand in segments, in order.
    fn intent<'a>(
        &'a self,
        store: StoreId,
        placed: &mut impl Iterator<Item = &'a Vec<u8>>,
    ) -> StoreIntent<'a> {
        let writes = self.writes.iter().map(|Write { key, value }| match value {
            Some(NewValue::Placed(_)) => {
                let value = placed.next().map(|value| NewValue::Bytes(value));
                Write { key, value }
            }
            value => Write { key, value },
        });
        StoreIntent {
            store,
            writes: writes.collect(),
            keys: self.read.keys.iter().chain(self.required.keys.iter()).collect(),
            ranges: self.ranges_read().chain(&self.required.ranges).cloned().collect(),
        }
    }
}

impl CatalogChange {
    fn to_name_change(&self) -> NameChange {
        let size = |options: &StoreOptions| {
            u32::try_from(options.node_size).expect("checked when it was opened")
        };
        match self.clone() {
            Self::Create { name, options, store, exclusive } => {
                NameChange::Create { name, node_size: size(&options), store, exclusive }
            }
            Self::Rename { from, to, store, options } => {
                NameChange::Rename { from, to, store, node_size: size(&options) }
            }
            Self::Drop { name, store } => NameChange::Drop { name, store },
        }
    }
}

impl From<NameChange> for CatalogChange {
    fn from(change: NameChange) -> Self {
        let options = |node_size: u32| StoreOptions { node_size: node_size as usize };
        match change {
            NameChange::Create { name, node_size, store, exclusive } => {
                Self::Create { name, options: options(node_size), store, exclusive }
            }
            NameChange::Rename { from, to, store, node_size } => {
                Self::Rename { from, to, store, options: options(node_size) }
            }
            NameChange::Drop { name, store } => Self::Drop { name, store },
        }
    }
}
