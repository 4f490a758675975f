//! The disk of a run: it loses its power and fails when it is told to, traces its calls, and lets
//! others take steps while a checkpoint waits for it.

use std::{
    io::{self, ErrorKind},
    path::Path,
    sync::{Arc, Weak},
};

use fastrand::Rng;
use parking_lot::Mutex;
use sop_core::Disk;

use super::{trace::Trace, world::World};
use crate::{
    Image,
    faulty::{Call, FaultyDisk},
    power::{PowerDisk, Survival},
};

/// Where the database is.
pub(super) const FOLDER: &str = "db";

/// A disk, and what is to become of it.
#[derive(Debug)]
pub(super) struct NodeDisk {
    content: PowerDisk,
    mishaps: Arc<Mishaps>,
}

/// What is to go wrong, or on, at calls of the disk.
#[derive(Debug)]
pub(super) struct Mishaps {
    trace: Arc<Trace>,
    world: Weak<World>,
    fault: Mutex<Fault>,
}

#[derive(Debug, Default)]
struct Fault {
    /// After how many calls that change something one fails.
    after: Option<(u64, ErrorKind)>,
    /// How many have failed.
    hits: u64,
}

impl NodeDisk {
    pub(super) fn new(trace: Arc<Trace>, world: Weak<World>) -> Self {
        let mishaps = Mishaps { trace, world, fault: Mutex::default() };
        Self { content: PowerDisk::default(), mishaps: Arc::new(mishaps) }
    }

    /// What a database is opened on.
    pub(super) fn disk(&self) -> Arc<dyn Disk> {
        let (mishaps, content) = (Arc::clone(&self.mishaps), Arc::new(self.content.clone()));
        Arc::new(FaultyDisk::judged(content, move |call, path| mishaps.judge(call, path)))
    }

    pub(super) fn mishaps(&self) -> &Mishaps {
        &self.mishaps
    }

    /// The disk as it is after all who use it ended at once.
    pub(super) fn after(&self, survival: &mut Survival) -> Self {
        let content = self.content.after_power_loss(survival);
        Self { content, mishaps: Arc::clone(&self.mishaps) }
    }

    /// Adds every byte that is there to the trace.
    pub(super) fn trace_content(&self) -> io::Result<()> {
        for (path, bytes) in Image::take(&self.content, Path::new(FOLDER))?.files {
            self.mishaps.trace.bytes(path.as_os_str().as_encoded_bytes());
            self.mishaps.trace.bytes(&bytes);
        }
        Ok(())
    }
}

impl Mishaps {
    /// Lets a call that changes something fail, one of the next few.
    pub(super) fn arm(&self, random: &mut Rng) {
        let kind = if random.u8(..4) == 0 { ErrorKind::StorageFull } else { ErrorKind::Other };
        self.fault.lock().after = Some((random.u64(..40), kind));
    }

    /// Nothing more fails.
    pub(super) fn disarm(&self) {
        self.fault.lock().after = None;
    }

    /// How many calls have failed.
    pub(super) fn hits(&self) -> u64 {
        self.fault.lock().hits
    }

    /// The same, and counts anew.
    pub(super) fn take_hits(&self) -> u64 {
        std::mem::take(&mut self.fault.lock().hits)
    }

    fn judge(&self, call: Call, path: &Path) -> io::Result<()> {
        self.trace.line(format_args!("    {call:?} {}", path.display()));
        self.strike(call)?;
        // Beside these calls the engine holds nothing that others could want.
        if matches!(call, Call::Write | Call::Sync)
            && is_of_checkpoint(path)
            && let Some(world) = self.world.upgrade()
        {
            world.interleave();
        }
        Ok(())
    }

    fn strike(&self, call: Call) -> io::Result<()> {
        let mut fault = self.fault.lock();
        let Some((calls, kind)) = fault.after.filter(|_| call.changes()) else { return Ok(()) };
        if calls > 0 {
            fault.after = Some((calls - 1, kind));
            return Ok(());
        }
        fault.after = None;
        fault.hits += 1;
        self.trace.line(format_args!("    which fails: {kind:?}"));
        Err(kind.into())
    }
}

/// Whether a file is written by checkpoints, and by bulk loads, before anybody knows of it.
fn is_of_checkpoint(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "seg" || extension == "man")
}
