//! Segments that were written and that nothing names, nor ever will.
//!
//! A segment that was written for a manifest is superfluous as soon as there is one of that number,
//! or of a higher one, and none names it: its author has lost, or comes too late. Before that it has
//! to stay, whoever its author is and whatever became of it, since a manifest can still be linked by
//! somebody who was expelled.
//!
//! One that was written for a batch is its author's for as long as that is a member: it may commit
//! the batch at any time. Once its author has ended, before the newest checkpoint, all of its
//! batches are in that; what they have brought and none of the kept manifests names never came into
//! the log. Who was expelled and joins anew does not use such files any more.

use std::collections::{BTreeMap, BTreeSet};

use crate::{
    error::Result,
    guard::{self, Guard},
    id::SegmentId,
    log::shared::Anchor,
    node::{Origin, Purpose, SegmentFolder},
};

/// Removes them, and remembers where the others come from.
#[derive(Debug, Default)]
pub(super) struct Orphans {
    /// Of segments that nothing has named yet.
    origins: BTreeMap<SegmentId, Option<Origin>>,
}

impl Orphans {
    /// Removes what is superfluous now that there is a newest manifest, by its number, its place in
    /// the log, and what all manifests name that are kept; how many segments.
    pub(super) fn remove(
        &mut self,
        folder: &SegmentFolder,
        (newest, anchor): (u64, &Anchor),
        named: &BTreeSet<SegmentId>,
    ) -> Result<u64> {
        let is_named = |id: &SegmentId| named.contains(id) && guard::stands(Guard::FilesInUse);
        let unnamed: BTreeSet<_> = folder.ids()?.into_iter().filter(|id| !is_named(id)).collect();
        self.origins.retain(|id, _| unnamed.contains(id));
        let mut removed = 0;
        for id in unnamed {
            let origin = match self.origins.get(&id) {
                Some(origin) => *origin,
                None => *self.origins.entry(id).or_insert(folder.origin(id)?),
            };
            if origin.is_some_and(|origin| is_superfluous(id, &origin, newest, anchor)) {
                folder.remove(id)?;
                self.origins.remove(&id);
                removed += 1;
            }
        }
        Ok(removed)
    }
}

/// Whether a segment that nothing names never will be named.
fn is_superfluous(id: SegmentId, origin: &Origin, newest: u64, anchor: &Anchor) -> bool {
    match origin.purpose {
        Purpose::Manifest(number) => number <= newest || !guard::stands(Guard::NextAttemptsStay),
        // Who has leased the number was a member by then, or joined later than the checkpoint.
        Purpose::Batch => {
            let may_come = id >= anchor.next_segment || anchor.members.has(origin.author);
            !may_come || !guard::stands(Guard::FilesOfMembers)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_for_a_manifest_stays_until_the_number_is_taken() {
        let anchor = Anchor::start();
        let is_superfluous = |number, newest| {
            let origin = Origin { author: [1; 16], purpose: Purpose::Manifest(number) };
            is_superfluous(SegmentId(7), &origin, newest, &anchor)
        };
        assert!(is_superfluous(4, 5) && is_superfluous(5, 5));
        assert!(!is_superfluous(6, 5), "its manifest can still come, whoever its author is");
    }

    #[test]
    fn what_is_written_for_a_batch_stays_for_who_may_have_joined_later() {
        let anchor = Anchor { next_segment: SegmentId(7), ..Anchor::start() };
        let origin = Origin { author: [1; 16], purpose: Purpose::Batch };
        assert!(is_superfluous(SegmentId(6), &origin, 5, &anchor));
        assert!(!is_superfluous(SegmentId(7), &origin, 5, &anchor));
    }
}
