//! The guards of the protocol by name, of which one at a time can be left out.

/// Names the guards, and lists them.
macro_rules! guards {
    ($($(#[$doc:meta])+ $name:ident,)+) => {
        /// A rule of the protocol, described by what goes wrong without it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
        pub enum Guard {
            $($(#[$doc])+ $name,)+
        }

        impl Guard {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];
        }
    };
}

guards! {
    // The log.
    /// A batch would replace another that is in its slot.
    PutIfAbsent,
    /// An answer that a link was made would be believed, which some systems also give where it was
    /// not.
    ReadBack,
    /// A writer would take its own batch for another's.
    RecogniseOwn,
    /// What was not answered would be reported as if it had not happened.
    ReportUnknown,
    /// A writer would believe in a slot that was removed before it was linked.
    FloorAfterLink,
    /// A slot would be applied that was removed and linked again.
    FloorAfterReading,
    /// A slot that was removed would be taken for one that is still to come.
    FloorAfterAbsence,
    /// The floor would be taken from what the system remembers of a folder.
    FreshFloor,
    /// A slot would be looked up in what the system remembers of a folder.
    FreshLookup,
    /// A writer could not know whether a slot that was removed had been its own.
    MembersInManifest,
    /// Slots would be removed that no checkpoint holds.
    FloorWithinCheckpoint,
    /// Slots would be removed of which nobody can know that they were there.
    FloorBeforeRemoval,

    // Power cuts.
    /// A slot could have its name and not its batch.
    SyncBatch,
    /// A commit would be acknowledged whose slot may lose its name.
    SyncLinkedName,
    /// What another process has linked would be shown and built upon although it may be lost.
    SyncFoundName,
    /// A batch would be applied to another state than the one that its author saw.
    ChainOfNonces,
    /// A slot that was lost would be filled with something else.
    HolesAreFatal,

    // Members.
    /// Who was expelled would go on, while others take over.
    ExpelledStop,
    /// Who was expelled so long ago that nobody remembers would take itself for new.
    UnknownAreExpelled,
    /// A member would be told that its work was not done where nobody can know.
    ForgottenIsUnknown,
    /// Work would be taken over from a member that is slow and not dead.
    ExpelBeforeTakeover,
    /// The files of a member that is slow and not dead would be removed.
    FilesOfMembers,
    /// Files would be removed that an expelled member had committed.
    FilesInUse,
    /// Who was expelled and joined anew would commit files that others have removed meanwhile.
    FilesOfOneLife,

    // What became of a commit.
    /// A sequence whose outcome somebody was told to be open would be used for something else.
    ReportedAreSpent,
    /// What was left out between two others would be taken for done.
    GapsAreKept,
    /// It would be denied that something is committed while it still can be.
    AskersTakeTheSlot,

    // Checkpoints.
    /// The pages of two checkpoints could have the same names.
    AttemptsHaveNames,
    /// A checkpoint would build on pages that the newest one has let go.
    LoserBeginsAnew,
    /// Slots would be removed for a checkpoint that may never get its manifest.
    ManifestBeforeRemoval,
    /// The author of a manifest that came late would remove what newer ones need.
    LateManifestsAreDropped,
    /// A listing could miss the newest manifest, as one came and another went meanwhile.
    ListingsAreShort,
    /// Pages would be removed whose manifest is still to come.
    NextAttemptsStay,
    /// A pin could be set between looking for pins and retiring what it is on.
    PinsAfterManifests,
    /// A pin could be set when what it is on is retired already.
    PinThenLook,

    // Two-phase commit.
    /// A transaction could be decided twice, each time otherwise.
    FirstDecisionCounts,
    /// A branch would be aborted while its transaction can still be committed.
    AbortByDecision,
    /// What a transaction has read in another database could change before it is decided.
    ReadersPrepare,
    /// What a branch has read and wants to write could change before it is resolved.
    PreparedLocks,
    /// A transaction would be committed of which a branch may not be prepared.
    PreparedBeforeDecision,
    /// A decision that was not answered would be taken for none.
    DecisionIsLookedUp,
    /// A branch could not know any more that it is committed.
    CommitsAreRemembered,
    /// A slow coordinator could commit what was decided against.
    AbortsAreRemembered,
}

/// The rules that a model goes by: all, or all but one.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules {
    missing: Option<Guard>,
}

impl Rules {
    /// All rules.
    pub fn all() -> Self {
        Self::default()
    }

    /// All but this one.
    pub fn without(guard: Guard) -> Self {
        Self { missing: Some(guard) }
    }

    /// Whether a rule is in force.
    pub fn has(self, guard: Guard) -> bool {
        self.missing != Some(guard)
    }
}
