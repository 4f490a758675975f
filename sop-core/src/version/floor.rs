//! The newest manifest, looked up anew, as the floor of a shared log.

use std::sync::Arc;

use super::ManifestFolder;
use crate::{error::Result, id::Position, log::shared::Floor, sync::Mutex};

/// Reads a manifest only if it is another one than before.
#[derive(Debug)]
pub(crate) struct ManifestFloor {
    manifests: Arc<ManifestFolder>,
    /// Number and floor of the newest one that was read.
    known: Mutex<(u64, Position)>,
}

impl ManifestFloor {
    pub(crate) fn new(manifests: Arc<ManifestFolder>) -> Self {
        Self { manifests, known: Mutex::new((0, Position::ZERO)) }
    }
}

impl Floor for ManifestFloor {
    fn read(&self) -> Result<Position> {
        let mut known = self.known.lock();
        if self.manifests.newest_number()? != known.0 {
            let newest = self.manifests.newest_now()?;
            *known = (newest.number, newest.floor);
        }
        Ok(known.1)
    }
}
