//! Values that a transaction writes to segments while it runs.
//!
//! A long value need not be in memory until the commit, nor be written twice, to the log and to a
//! segment. It is placed: written to a segment that only this transaction knows of; the draft has its
//! address. Whoever reads it before the commit reads it back from there. A segment that is not
//! linked to in the end, be it that the transaction is dropped, goes with the transaction.

use std::{collections::BTreeMap, sync::Arc};

use super::draft::{Draft, StoreDraft};
use crate::{
    error::{Error, Result},
    id::{Address, StoreId},
    node::{LastFile, Segment, SegmentFolder, SegmentSink},
    sync::Mutex,
};

/// Where a transaction places values: segments of their own for each store.
#[derive(Debug)]
pub(super) struct Placing {
    folder: Arc<SegmentFolder>,
    sinks: Mutex<BTreeMap<StoreId, Sink>>,
}

#[derive(Debug)]
enum Sink {
    Open(SegmentSink),
    /// A write or a sync has failed. What was written before may be lost, and a later sync that
    /// succeeds would prove nothing; so the store cannot be committed any more.
    Failed(Error),
}

impl Placing {
    pub(super) fn new(folder: Arc<SegmentFolder>) -> Self {
        Self { folder, sinks: Mutex::default() }
    }

    /// Writes a value for a store.
    pub(super) fn place(&self, store: StoreId, value: &[u8]) -> Result<Address> {
        let new = || Sink::Open(SegmentSink::for_streams(Arc::clone(&self.folder)));
        let mut sinks = self.sinks.lock();
        let sink = sinks.entry(store).or_insert_with(new);
        let address = sink.get()?.add_value(value);
        address.inspect_err(|error| *sink = Sink::Failed(error.clone()))
    }

    /// Fills `buf`, which is as long as the address says, with a value that was placed.
    pub(super) fn read(
        &self,
        (store, address): (StoreId, Address),
        buf: &mut [u8],
        last: &mut LastFile,
    ) -> Result<()> {
        match self.sinks.lock().get_mut(&store) {
            Some(sink) => sink.get()?.read_value(address, buf, last),
            None => Err(Error::Invalid("the transaction is about to commit".into())),
        }
    }

    /// Makes durable what the draft links to, and hands it over. All else goes.
    pub(super) fn finish(&self, draft: &mut Draft) -> Result<()> {
        for (store, sink) in std::mem::take(&mut *self.sinks.lock()) {
            if draft.stores.get(store).is_some_and(StoreDraft::has_placed) {
                draft.store(store).placed = sink.finish()?;
            }
        }
        Ok(())
    }
}

impl Sink {
    fn get(&mut self) -> Result<&mut SegmentSink> {
        match self {
            Self::Open(sink) => Ok(sink),
            Self::Failed(error) => Err(error.clone()),
        }
    }

    fn finish(self) -> Result<Vec<Arc<Segment>>> {
        match self {
            Self::Open(sink) => {
                Ok(sink.finish()?.into_iter().map(|(segment, _)| segment).collect())
            }
            Self::Failed(error) => Err(error),
        }
    }
}
