//! A disk that breaks when it is told to.

use std::{
    io::ErrorKind,
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
};

use sop_core::{Call, Database, Fault, FaultyDisk, MemoryDisk};

/// A disk in memory whose syncs fail from some moment on.
#[derive(Debug)]
pub(crate) struct Failing(Arc<FaultyDisk>);

impl Failing {
    pub(crate) fn new() -> Self {
        Self(Arc::new(FaultyDisk::new(Arc::new(MemoryDisk::default()))))
    }

    /// Lets so many more syncs succeed and no others.
    pub(crate) fn break_after(&self, syncs: u32) {
        let left = AtomicU32::new(syncs);
        let use_up = move || {
            let one_less = |left: u32| left.checked_sub(1);
            left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
        };
        self.0.faults().judge(move |call, _| {
            let breaks = call == Call::Sync && use_up().is_err();
            breaks.then_some(Fault::Error(ErrorKind::Other))
        });
    }

    pub(crate) fn mend(&self) {
        self.0.faults().clear();
    }

    /// Opens the engine on this disk.
    pub(crate) fn engine(&self) -> sop_core::Result<Database> {
        Database::builder().disk(Arc::clone(&self.0) as _).open("/data")
    }
}
