//! The guards of the database by name, each of which a test can take away to see who notices.
//!
//! A guard is a line that keeps an invariant: a sync, a checksum, a comparison of versions. The
//! places ask [`stands`] of theirs. In every ordinary build the answer is the constant `true`, and
//! nothing of the question is left in the program. Built with `--cfg mutants`, one guard at a time
//! can be removed (`remove`), and `tests/tests/mutants` demands that the tests notice.
//!
//! Typed layer included, all guards of a process are here, because the switch is one for all.

/// Names the guards, and lists them for whoever removes one after the other.
macro_rules! guards {
    ($($(#[$doc:meta])+ $name:ident,)+) => {
        /// A guard, described by what goes wrong without it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Guard {
            $($(#[$doc])+ $name,)+
        }

        #[cfg(mutants)]
        impl Guard {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];
        }
    };
}

guards! {
    // The log.
    /// A commit would be acknowledged before it is on the disk.
    LogSync,
    /// A file of the log could get its name before its header is on the disk.
    LogHeaderSync,
    /// A file of the log could be written to whose name a crash takes away.
    LogNameSync,
    /// A full disk would be noticed only when the version is made and the record half written.
    LogReserve,
    /// A damaged record would be applied.
    FrameChecksum,
    /// A record of a file's earlier life could be taken for a torn end of this one.
    FrameLife,
    /// A record could follow one that it was not written behind.
    FrameChain,
    /// Damage to what was durable would be cut off as if a crash had torn it.
    TornOrDamaged,
    /// What recovery read could be lost after it was shown.
    RecoveredSync,
    /// What a failed sync left in the system's memory alone would be taken for written.
    RecoveredRewrite,

    // The log that many processes share.
    /// A slot could be linked whose content is lost.
    SlotSync,
    /// A link that answers wrongly would be believed.
    SlotReadBack,
    /// A link that took effect and failed would be made once more, in another slot.
    OwnSlot,
    /// A commit would be acknowledged in a slot whose name is lost.
    LinkedNameSync,
    /// Somebody would be shown a slot of another process whose name is lost.
    FoundNameSync,
    /// Somebody would take what was handed on for what is in the log.
    CarriedAreAnchored,
    /// Who was away would go on with slots that were linked once more after they were removed.
    FloorAfterReading,
    /// Who was away would take slots that were removed for slots to come.
    FloorAfterAbsence,
    /// Who was away would commit in a slot that others have had and removed.
    FloorAfterLink,
    /// A floor would be what this machine remembers of it.
    FreshFloor,
    /// Who begins would not see what this machine remembers as absent.
    FreshLookup,
    /// What took effect before a checkpoint would be done once more by its author, who was away.
    MembersInManifest,
    /// What was merged with a state would be applied to another one.
    MergedAnew,
    /// Two processes would write the same file of a segment.
    LeasedNumbers,
    /// Who was expelled would go on committing, while others remove what it has left.
    ExpelledStop,

    // Committing.
    /// After a failed write or sync others would be built on what may be lost.
    Poison,
    /// Who shares a batch with somebody less strict would be acknowledged too early.
    StrictestInBatch,
    /// Readers would see what may be lost.
    PublishDurable,
    /// A batch would be replayed in another order than it was applied in.
    BatchOrder,
    /// Of two transactions that wrote one key, the later would silently win.
    CheckWrites,
    /// Writing a key blindly would forget that the transaction depends on what was there.
    CheckedStays,
    /// A transaction would commit although a key that it read was written since.
    CheckReads,
    /// A transaction would commit although what it scanned has changed.
    CheckRanges,
    /// A transaction would commit although a key that it found missing has come.
    CheckAbsence,
    /// A transaction would commit although a key that it found has gone.
    CheckPresence,
    /// A transaction would commit although what it refers to has gone.
    RequiredKeys,
    /// A transaction would commit although something came to refer to what it removes.
    RequiredRanges,
    /// A transaction would commit although it clashes with a prepared one, which could not be
    /// committed any more, or would overwrite it.
    HeldByPrepared,
    /// A global transaction that others have rolled back, as it took so long, would commit at its home.
    DecidedOnce,
    /// Recovery would roll back branches of a transaction that its home may yet commit.
    AbortIsDecided,
    /// A branch that could not be told of a commit would be presumed to be rolled back later.
    ToldBeforeEnd,
    /// A transaction would use a store by a name that stands for another one by now.
    CheckNames,
    /// Two transactions could both believe that they alone created a store.
    CheckCreation,
    /// A store loaded as a whole would replace what others wrote into it meanwhile.
    CheckLoads,
    /// A transaction would not notice that a store was replaced as a whole.
    CheckGrafts,
    /// What a merger did not settle would not be checked any more.
    CheckMerged,
    /// Adding a key that is there would replace its value.
    AddNoDuplicate,

    // States in memory.
    /// Nodes would be freed that a snapshot still sees.
    SnapshotPin,

    // Segments, manifests, checkpoints.
    /// A damaged node or value would be read as if it were right.
    SegmentChecksum,
    /// A manifest could name a segment whose content is lost.
    SegmentSync,
    /// A manifest could name a segment whose name is lost.
    SegmentNameSync,
    /// A manifest could have its name and not its content.
    ManifestSync,
    /// The log could be released for a manifest whose name is lost.
    ManifestNameSync,
    /// The log would be released for a manifest that may never come to be.
    ManifestFirst,
    /// A checkpoint that was replaced would be read.
    NewestManifest,
    /// The files that a manifest names would be removed with a checkpoint that failed late.
    NamedSegments,
    /// Segments would be dropped that a checkpoint still reads.
    LiveAtCheckpoint,
    /// A shared folder could lose the manifest that others have seen.
    LinkedManifestSync,
    /// Slots would be removed by a checkpoint that may never come to be.
    FloorBeforeRemoval,
    /// A process would go on as if the manifest of another one were its own.
    LoserBeginsAnew,
    /// A checkpoint that comes late would remove what only newer ones stand for.
    LateManifests,
    /// Segments would be removed whose manifest is still to come.
    NextAttemptsStay,
    /// Segments would be removed that a living member is about to commit.
    FilesOfMembers,
    /// Segments would be removed that manifests name.
    FilesInUse,
    /// What somebody has loaded who was expelled would be committed after others have removed it.
    FilesOfOneLife,
    /// The space of what nobody reads would never come back.
    DeadBytes,

    // The typed layer.
    /// An index would still lead to a record by the value that it had.
    OldEntries,
    /// An index would not lead to a record by the value that it got.
    NewEntries,
    /// Two records could have one value in a unique index.
    UniqueEntries,
    /// Two records could have one key, of which the later would replace the former.
    UniqueKeys,
    /// Of two sessions that changed one field the later would silently win.
    MergedFields,
    /// The entries of a merged record would be those that one of the sessions made.
    MergedEntries,
    /// A merged record could have a unique value that another one has.
    MergedUnique,
    /// A merge would undo that a unique value was taken over, and leave its entry lying about.
    MergedOwners,
    /// Records would be merged by entries that an unfinished index does not have yet.
    MergedUnfinished,
    /// In an unfinished index a record would take the entry of another one away with its own.
    ForeignEntries,
    /// A record could refer to one that is not there, or that another session deletes.
    RequiredParents,
    /// A merged record could refer to one that is not there.
    MergedParents,
    /// A record could be deleted to which others refer.
    RestrictedParents,
    /// A unit of work that lost against another would not be done again.
    RetryLosers,
}

/// Whether a guard is there.
#[cfg(not(mutants))]
#[inline]
pub const fn stands(_guard: Guard) -> bool {
    true
}

#[cfg(mutants)]
pub use switch::{Removed, remove, stands};

/// The switch: one guard of the process may be missing.
#[cfg(mutants)]
mod switch {
    use super::Guard;
    use crate::sync::atomic::{AtomicUsize, Ordering};

    /// The number of the guard that is missing.
    static MISSING: AtomicUsize = AtomicUsize::new(NONE);

    const NONE: usize = usize::MAX;

    /// Puts a guard back when it is dropped.
    #[derive(Debug)]
    #[must_use = "the guard is back as soon as this is dropped"]
    pub struct Removed(());

    /// Takes a guard away from all databases of the process.
    ///
    /// # Panics
    /// If another one is missing already.
    pub fn remove(guard: Guard) -> Removed {
        let missing = MISSING.swap(guard as usize, Ordering::SeqCst);
        assert!(missing == NONE, "one guard at a time");
        Removed(())
    }

    impl Drop for Removed {
        fn drop(&mut self) {
            MISSING.store(NONE, Ordering::SeqCst);
        }
    }

    /// Whether a guard is there.
    pub fn stands(guard: Guard) -> bool {
        MISSING.load(Ordering::Relaxed) != guard as usize
    }
}
