//! The disk of a run: it loses its power and fails when it is told to, traces its calls, and lets
//! others take steps while a checkpoint waits for it.

use std::{
    fmt,
    io::{self, ErrorKind},
    path::Path,
    sync::{Arc, Weak},
};

use fastrand::Rng;
use parking_lot::Mutex;
use sop_core::{Call, Disk, Fault, FaultyDisk, SimulatedDisk, Survival};

use super::trace::Trace;
use crate::Image;

/// Where the database is.
pub(super) const FOLDER: &str = "db";

/// Where its mirror is, if it has one.
pub(super) const MIRROR: &str = "mirror";

/// Whoever wants to go on while a checkpoint waits for the disk.
pub(super) trait Interleave: fmt::Debug + Send + Sync {
    /// Lets others take steps, if they can.
    fn interleave(&self);
}

/// A disk, and what is to become of it.
#[derive(Debug)]
pub(super) struct NodeDisk {
    content: Arc<SimulatedDisk>,
    mishaps: Arc<Mishaps>,
    /// Whether the database is in two folders.
    pub(super) mirrored: bool,
    /// Whether harm was done to one of them that may still be there.
    pub(super) harmed: bool,
}

/// What is to go wrong, or on, at calls of the disk.
#[derive(Debug)]
pub(super) struct Mishaps {
    trace: Arc<Trace>,
    world: Weak<dyn Interleave>,
    plan: Mutex<Planned>,
}

#[derive(Debug, Default)]
struct Planned {
    /// After how many calls that change something one goes wrong.
    after: Option<(u64, Fault)>,
    /// How many have failed.
    hits: u64,
}

impl NodeDisk {
    pub(super) fn new(trace: Arc<Trace>, world: Weak<dyn Interleave>, mirrored: bool) -> Self {
        let mishaps = Mishaps { trace, world, plan: Mutex::default() };
        Self::of(SimulatedDisk::new(), Arc::new(mishaps), mirrored)
    }

    fn of(content: SimulatedDisk, mishaps: Arc<Mishaps>, mirrored: bool) -> Self {
        let judge = Arc::clone(&mishaps);
        content.faults().judge(move |call, _| judge.strike(call));
        Self { content: Arc::new(content), mishaps, mirrored, harmed: false }
    }

    /// What a database is opened on. While the disk itself is at a call nobody else can use it, so
    /// others take their steps before a call reaches it.
    pub(super) fn disk(&self) -> Arc<dyn Disk> {
        let (disk, mishaps) = (FaultyDisk::new(self.content.clone()), Arc::clone(&self.mishaps));
        disk.faults().judge(move |call, path| {
            mishaps.note(call, path);
            None
        });
        Arc::new(disk)
    }

    pub(super) fn mishaps(&self) -> &Mishaps {
        &self.mishaps
    }

    /// The disk as it is after all who use it ended at once.
    pub(super) fn after(&self, survival: Survival) -> Self {
        let mishaps = Arc::clone(&self.mishaps);
        let after = Self::of(self.content.cut_now(survival), mishaps, self.mirrored);
        Self { harmed: self.harmed, ..after }
    }

    /// The disk itself, whose calls nobody traces.
    pub(super) fn content(&self) -> &dyn Disk {
        &*self.content
    }

    /// Adds every byte that is there to the trace.
    pub(super) fn trace_content(&self) -> io::Result<()> {
        for root in if self.mirrored { &[FOLDER, MIRROR][..] } else { &[FOLDER] } {
            for (path, bytes) in Image::take(&*self.content, Path::new(root))?.files {
                self.mishaps.trace.bytes(path.as_os_str().as_encoded_bytes());
                self.mishaps.trace.bytes(&bytes);
            }
        }
        Ok(())
    }
}

impl Mishaps {
    /// Lets a call that changes something fail, one of the next few.
    pub(super) fn arm(&self, random: &mut Rng) {
        let fault = match random.u8(..8) {
            0 => Fault::Full,
            1 => Fault::Short,
            2 => Fault::Interrupted,
            _ => Fault::Error(ErrorKind::Other),
        };
        self.plan.lock().after = Some((random.u64(..40), fault));
    }

    /// Nothing more fails.
    pub(super) fn disarm(&self) {
        self.plan.lock().after = None;
    }

    /// How many calls have failed.
    pub(super) fn hits(&self) -> u64 {
        self.plan.lock().hits
    }

    /// The same, and counts anew.
    pub(super) fn take_hits(&self) -> u64 {
        std::mem::take(&mut self.plan.lock().hits)
    }

    /// Traces a call that is about to be made, and lets others go first if they can.
    fn note(&self, call: Call, path: &Path) {
        self.trace.line(format_args!("    {call:?} {}", path.display()));
        // Beside these calls the engine holds nothing that others could want.
        if matches!(call, Call::Write | Call::Sync)
            && is_of_checkpoint(path)
            && let Some(world) = self.world.upgrade()
        {
            world.interleave();
        }
    }

    fn strike(&self, call: Call) -> Option<Fault> {
        let mut plan = self.plan.lock();
        let changes = matches!(call, Call::Create | Call::Write | Call::Sync | Call::Name);
        let (calls, fault) = plan.after.filter(|_| changes)?;
        if calls > 0 {
            plan.after = Some((calls - 1, fault));
            return None;
        }
        plan.after = None;
        plan.hits += 1;
        self.trace.line(format_args!("    which goes wrong: {fault:?}"));
        Some(fault)
    }
}

/// Whether a file is written by checkpoints, and by bulk loads, before anybody knows of it.
fn is_of_checkpoint(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "seg" || extension == "man")
}
