//! Removing what no kept manifest of a shared folder names.
//!
//! Only by whoever has written the newest manifest, and only after that: slots up to its floor, the
//! older ones of the manifests, and segments that only those have named. A segment that was named once
//! and is not any more never will be again, so nobody can be about to name it. Of what nobody has
//! named [`orphans`](super::orphans) knows.
//!
//! Somebody may still read what goes, who has not pinned it, and is told that it is gone.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
};

use super::{Ground, orphans::Orphans};
use crate::{
    error::Result,
    id::SegmentId,
    limit::PINNED_MANIFESTS,
    log::{
        Bookmark,
        shared::{Member, Slots},
    },
    version::{Footing, ManifestFolder, PinFolder, oldest_kept},
};

/// Removes what is old, and remembers what manifests name.
#[derive(Debug)]
pub(super) struct Collector {
    pins: PinFolder,
    named: BTreeMap<u64, BTreeSet<SegmentId>>,
    orphans: Orphans,
}

impl Collector {
    pub(super) fn new(pins: PinFolder) -> Self {
        Self { pins, named: BTreeMap::new(), orphans: Orphans::default() }
    }

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
        if !self.named.contains_key(&newest.number) {
            // It is gone already: others have written so many that nobody can tell by this one what
            // they name.
            return Ok(());
        }
        // Those that come late with a number from before are among the old ones.
        let kept = self.named.split_off(&self.oldest_kept(newest)?);
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

    /// The oldest manifest that stays. Only looked for when all manifests are known: who pins looks
    /// at them last. Removes pins that count no more.
    fn oldest_kept(&self, newest: &Footing) -> Result<u64> {
        let mut kept = oldest_kept(newest.number);
        let reach = (newest.number + 1).saturating_sub(PINNED_MANIFESTS);
        for pin in self.pins.all()? {
            if pin.number < reach || has_ended(pin.member, &newest.log) {
                self.pins.remove(pin)?;
            } else {
                kept = kept.min(pin.number);
            }
        }
        Ok(kept)
    }
}

/// Whether somebody is known at a place of the log as a member who has ended.
fn has_ended(member: Member, place: &Bookmark) -> bool {
    matches!(place, Bookmark::Slots(anchor) if anchor.members.has_ended(member))
}
