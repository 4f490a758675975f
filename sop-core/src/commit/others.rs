//! The other processes that append to the same log, if there are any.

use std::{sync::Arc, time::Duration};

use super::{Pipeline, Turns, attendance::Attendance};
use crate::{coordinate::Health, sync::Mutex, version::ManifestFolder};

/// The other processes that append to the same log.
#[derive(Debug)]
pub(crate) struct Others {
    /// Where they leave their checkpoints.
    manifests: Arc<ManifestFolder>,
    pub(super) turns: Turns,
    pub(super) attendance: Mutex<Attendance>,
}

impl Others {
    /// With patience for those who show no sign of life.
    pub(crate) fn new(manifests: Arc<ManifestFolder>, turns: Turns, patience: Duration) -> Self {
        Self { manifests, turns, attendance: Mutex::new(Attendance::new(patience)) }
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
