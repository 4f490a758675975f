//! A node: a process with a handle of the database, on a disk, with a clock. A run has one.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use sop_core::{Clock, Database, Options, Result};

use super::disk::{FOLDER, MIRROR, NodeDisk};

/// Time that passes only when the run says so, and random numbers that are none: each is another.
#[derive(Debug, Default)]
pub(crate) struct StepClock {
    micros: AtomicU64,
    drawn: AtomicU64,
}

impl StepClock {
    pub(crate) fn pass(&self, micros: u64) {
        self.micros.fetch_add(micros, Ordering::Relaxed);
    }
}

impl Clock for StepClock {
    fn now(&self) -> Duration {
        Duration::from_micros(self.micros.load(Ordering::Relaxed))
    }

    fn date(&self) -> Duration {
        self.now()
    }

    fn random(&self) -> [u8; 16] {
        let drawn = self.drawn.fetch_add(1, Ordering::Relaxed);
        (u128::from_be_bytes(*b"not random at al") + u128::from(drawn)).to_be_bytes()
    }
}

/// An open database and what it runs on.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) db: Database,
    pub(super) disk: NodeDisk,
    pub(super) clock: Arc<StepClock>,
}

impl Node {
    pub(super) fn open(disk: NodeDisk, clock: Arc<StepClock>, options: Options) -> Result<Self> {
        let builder = Database::builder().options(options).disk(disk.disk());
        let builder = builder.clock(clock.clone());
        let builder = if disk.mirrored { builder.mirror(MIRROR) } else { builder };
        let hits = disk.mishaps().hits();
        let db = match builder.clone().open(FOLDER) {
            // A call may fail while the database is opened; the next attempt must do.
            Err(_) if disk.mishaps().hits() > hits => {
                disk.mishaps().disarm();
                builder.open(FOLDER)?
            }
            other => other?,
        };
        Ok(Self { db, disk, clock })
    }
}
