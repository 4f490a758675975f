//! Keeping what old snapshots read, in a folder from which others remove what is old.
//!
//! Files stay for as long as one of the newest manifests names them, which costs nobody anything.
//! Only when a live state, be it the newest one or one that somebody holds, is about to fall behind
//! that does a process pin the checkpoint whose segments the state reads. It looks whether it has
//! to whenever it follows the others.

use super::{LogStage, Pipeline, follow::shared};
use crate::{
    error::Result,
    limit::{KEPT_MANIFESTS, PINNED_MANIFESTS},
    sync::Mutex,
    version::{ManifestFolder, Pin, PinFolder, oldest_kept},
};

/// The pin of this process.
#[derive(Debug)]
pub(super) struct Pins {
    folder: PinFolder,
    /// Confirmed: set, and seen to be in time.
    held: Mutex<Option<Pin>>,
}

impl Pins {
    pub(super) fn new(folder: PinFolder) -> Self {
        Self { folder, held: Mutex::new(None) }
    }

    /// Goes from the pin that is held to another one, or to none.
    fn change(&self, wanted: Option<Pin>, manifests: &ManifestFolder) -> Result<()> {
        let mut held = self.held.lock();
        if *held == wanted {
            return Ok(());
        }
        if let Some(pin) = wanted {
            self.folder.set(pin)?;
            let covers = |before: &Pin| before.member == pin.member && before.number <= pin.number;
            if !held.as_ref().is_some_and(covers) {
                let newest = manifests.newest_number();
                if !newest.as_ref().is_ok_and(|newest| pin.number >= oldest_kept(*newest)) {
                    self.folder.remove(pin)?;
                    return newest.map(drop);
                }
            }
        }
        let before = std::mem::replace(&mut *held, wanted);
        before.map_or(Ok(()), |before| self.folder.remove(before))
    }
}

/// The checkpoint that has to be pinned, if any, when `newest` is the newest one: the oldest whose
/// segments a state reads, as `oldest_from` knows it, of those that can still be had.
fn wanted(newest: u64, held: Option<u64>, oldest_from: impl Fn(u64) -> Option<u64>) -> Option<u64> {
    let reach = (newest + 1).saturating_sub(PINNED_MANIFESTS);
    let from = held.filter(|held| *held >= reach).unwrap_or_else(|| oldest_kept(newest));
    oldest_from(from).filter(|oldest| newest.saturating_sub(*oldest) > KEPT_MANIFESTS / 2)
}

impl Pipeline {
    /// Sees to it that what live states read stays. If that fails it is tried again the next time,
    /// and matters only if it fails for long.
    pub(super) fn pin(&self, stage: &mut LogStage) {
        let (manifests, pins) = (self.manifests(), &self.others().pins);
        let member = shared(stage).member();
        let held = pins.held.lock().filter(|pin| pin.member == member).map(|pin| pin.number);
        let oldest = |from| self.published.oldest_checkpoint(from);
        let wanted = wanted(manifests.newest_seen(), held, oldest);
        let wanted = wanted.map(|number| Pin { member, number });
        if let Err(error) = pins.change(wanted, manifests) {
            tracing::debug!(%error, "cannot pin what old snapshots read");
        }
    }

    /// Lets go of everything, for somebody who is a member no more.
    pub(super) fn unpin(&self) {
        if let Err(error) = self.others().pins.change(None, self.manifests()) {
            tracing::debug!(%error, "a pin stays until others remove it");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HALF: u64 = KEPT_MANIFESTS / 2;

    /// What is wanted when states of these checkpoints are alive.
    fn wanted_for(newest: u64, held: Option<u64>, live: &[u64]) -> Option<u64> {
        wanted(newest, held, |from| live.iter().copied().find(|number| *number >= from))
    }

    #[test]
    fn nothing_is_pinned_that_is_kept_for_long_anyway() {
        assert_eq!(wanted_for(100, None, &[100]), None);
        assert_eq!(wanted_for(100, None, &[100 - HALF, 100]), None);
        assert_eq!(wanted_for(1, None, &[0, 1]), None);
    }

    #[test]
    fn the_oldest_is_pinned_that_can_still_be_had() {
        assert_eq!(wanted_for(100, None, &[100 - HALF - 1, 95, 100]), Some(100 - HALF - 1));
        let oldest = 101 - KEPT_MANIFESTS;
        assert_eq!(wanted_for(100, None, &[oldest - 1, oldest, 100]), Some(oldest));
        assert_eq!(wanted_for(100, None, &[oldest - 1, 100]), None);
    }

    #[test]
    fn what_is_pinned_stays_so_until_nobody_reads_it_or_it_is_out_of_reach() {
        assert_eq!(wanted_for(100, Some(20), &[20, 30, 100]), Some(20));
        assert_eq!(wanted_for(100, Some(20), &[30, 100]), Some(30));
        assert_eq!(wanted_for(100, Some(20), &[100]), None);
        let reach = 1_001 - PINNED_MANIFESTS;
        assert_eq!(wanted_for(1_000, Some(reach), &[reach, 1_000]), Some(reach));
        assert_eq!(wanted_for(1_000, Some(reach - 1), &[reach - 1, reach, 1_000]), None);
    }
}
