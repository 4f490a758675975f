//! Removing what no kept manifest of a shared folder names.
//!
//! Only by whoever has written the newest manifest, and only after that: slots up to its floor, the
//! older ones of the manifests, and segments that only those have named. A segment that was named once
//! and is not any more never will be again, so nobody can be about to name it. What a process has
//! written and nobody has named is its own business.
//!
//! Somebody may still read what goes. Whoever takes in what others commit moves on to a newer
//! manifest long before.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
};

use super::{Ground, orphans::Orphans};
use crate::{
    error::Result,
    id::SegmentId,
    limit::KEPT_MANIFESTS,
    log::{Bookmark, shared::Slots},
    version::{Footing, ManifestFolder},
};

/// Removes what is old, and remembers what manifests name.
#[derive(Debug, Default)]
pub(super) struct Collector {
    named: BTreeMap<u64, BTreeSet<SegmentId>>,
    orphans: Orphans,
}

impl Collector {
    /// Removes what goes with the newest checkpoint, which this process has just written.
    pub(super) fn run(
        &mut self,
        ground: &impl Ground,
        manifests: &ManifestFolder,
        (slots, newest): (&Slots, &Footing),
    ) -> Result<()> {
        slots.remove_up_to(newest.floor)?;
        if let Bookmark::Slots(anchor) = &newest.log {
            slots.remove_left_by_ended(&anchor.members)?;
        }
        let mut numbers = manifests.numbers()?;
        numbers.sort_unstable();
        self.named.retain(|number, _| numbers.contains(number));
        for number in numbers {
            if self.named.contains_key(&number) {
                continue;
            }
            match manifests.read(number) {
                Ok(manifest) => {
                    let segments = manifest.segments.iter().map(|segment| segment.id);
                    self.named.insert(number, segments.collect());
                }
                // Somebody else has removed it meanwhile.
                Err(_) if !manifests.numbers_now()?.contains(&number) => {}
                Err(error) => return Err(error),
            }
        }
        // Those that come late with a number from before are among the old ones.
        let kept = self.named.split_off(&(newest.number + 1).saturating_sub(KEPT_MANIFESTS));
        let named: BTreeSet<_> = kept.values().flatten().copied().collect();
        for (number, segments) in mem::replace(&mut self.named, kept) {
            // Before the manifest, so that whoever is interrupted leaves nothing behind.
            for id in segments.difference(&named) {
                ground.folder().remove(*id)?;
            }
            manifests.remove(number)?;
        }
        if let Bookmark::Slots(anchor) = &newest.log {
            self.orphans.remove(ground.folder(), (newest.number, anchor), &named)?;
        }
        Ok(())
    }
}
