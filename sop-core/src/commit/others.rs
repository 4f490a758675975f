//! The other processes that append to the same log, if there are any.

use std::{sync::Arc, time::Duration};

use super::{Pipeline, Turns, attendance::Attendance, looks::Looks, pins::Pins};
use crate::{
    coordinate::Health,
    log::shared::Lookout,
    sync::{Mutex, atomic::AtomicU64},
    version::{ManifestFolder, PinFolder},
};

/// The other processes that append to the same log.
#[derive(Debug)]
pub(crate) struct Others {
    /// Where they leave their checkpoints.
    pub(super) manifests: Arc<ManifestFolder>,
    pub(super) pins: Pins,
    /// Sees where the log ends while it is in use.
    pub(super) lookout: Lookout,
    pub(super) looks: Looks,
    pub(super) turns: Arc<Turns>,
    pub(super) attendance: Mutex<Attendance>,
    /// When the end of the log was looked for last, and found.
    pub(super) verified: Mutex<Option<Duration>>,
    /// How many others are to write the next checkpoint before this process does.
    pub(super) rank: AtomicU64,
}

impl Others {
    /// With patience for those who show no sign of life.
    pub(crate) fn new(
        (manifests, pins): (Arc<ManifestFolder>, PinFolder),
        lookout: Lookout,
        turns: Arc<Turns>,
        patience: Duration,
    ) -> Self {
        let attendance = Mutex::new(Attendance::new(patience));
        let (pins, looks, verified) = (Pins::new(pins), Looks::default(), Mutex::new(None));
        let rank = AtomicU64::new(0);
        Self { manifests, pins, lookout, looks, turns, attendance, verified, rank }
    }
}

impl Pipeline {
    /// Whether the processes that share the log can coordinate.
    pub(crate) fn coordination(&self) -> Health {
        self.shared.as_ref().map_or(Health::Off, |others| others.turns.health())
    }

    pub(super) fn manifests(&self) -> &ManifestFolder {
        &self.others().manifests
    }

    pub(super) fn turns(&self) -> &Turns {
        &self.others().turns
    }

    pub(super) fn others(&self) -> &Others {
        self.shared.as_ref().expect("invariant: the log is shared")
    }
}
