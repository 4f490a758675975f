//! Which lanes are to notice that a guard is missing.

use sop_core::guard::Guard;

use crate::lanes::{
    AWAY, BESIDE, BEYOND, BITS, CLUSTER, CONFLICTS, COPIES, DEAD, ENDS, ERRORS, EVENTUAL, FULL,
    HISTORIES, Lane, MATRIX, MERGES, MODEL, PHASES, POWER, RECORDS, RELATIVES, SIMULATION, TYPED,
};

/// The lanes each of which must fail without the guard.
pub(crate) fn catchers(guard: Guard) -> &'static [&'static Lane] {
    use Guard as G;
    #[expect(clippy::match_same_arms, reason = "guards of one subject stand together")]
    match guard {
        G::LogSync | G::LogHeaderSync | G::LogNameSync => &[POWER],
        G::SegmentSync | G::SegmentNameSync => &[POWER],
        G::ManifestSync | G::ManifestNameSync => &[POWER],
        G::LogReserve => &[FULL],
        G::Poison | G::PublishDurable => &[ERRORS],
        G::ManifestFirst | G::NewestManifest | G::NamedSegments => &[ERRORS],
        G::RecoveredSync => &[ENDS],
        G::RecoveredRewrite => &[ERRORS],
        G::SlotSync | G::SlotReadBack | G::OwnSlot => &[CLUSTER],
        G::LinkedNameSync => &[CLUSTER],
        G::CarriedAreAnchored => &[CLUSTER],
        G::FoundNameSync | G::LateManifests => &[AWAY],
        G::FloorAfterReading | G::FloorAfterAbsence | G::FloorAfterLink => &[CLUSTER],
        G::FreshFloor | G::FreshLookup | G::MembersInManifest => &[CLUSTER],
        G::MergedAnew | G::LeasedNumbers | G::ExpelledStop => &[CLUSTER],
        G::LinkedManifestSync | G::FloorBeforeRemoval => &[CLUSTER],
        G::LoserBeginsAnew | G::NextAttemptsStay => &[CLUSTER],
        G::FilesOfMembers | G::FilesInUse => &[CLUSTER],
        G::FilesOfOneLife => &[DEAD],
        G::StrictestInBatch => &[EVENTUAL],
        G::TornOrDamaged | G::FrameChecksum | G::SegmentChecksum => &[BITS],
        G::FrameChain => &[COPIES],
        G::FrameLife | G::SnapshotPin | G::DeadBytes | G::AddNoDuplicate => &[MODEL],
        G::LiveAtCheckpoint => &[BESIDE],
        G::CheckReads => &[CONFLICTS, HISTORIES, SIMULATION],
        G::CheckWrites | G::CheckRanges | G::CheckAbsence | G::CheckPresence => {
            &[CONFLICTS, SIMULATION]
        }
        G::CheckedStays => &[CONFLICTS],
        G::HeldByPrepared => &[PHASES, SIMULATION, CLUSTER, BEYOND],
        G::DecidedOnce | G::AbortIsDecided => &[MATRIX, BEYOND],
        G::ToldBeforeEnd => &[MATRIX],
        G::RequiredKeys => &[CONFLICTS, RELATIVES],
        // Chunks of blobs rest on each other.
        G::RequiredRanges => &[CONFLICTS, RELATIVES, SIMULATION],
        G::RequiredParents | G::RestrictedParents | G::MergedParents => &[RELATIVES],
        G::CheckNames | G::CheckCreation => &[SIMULATION],
        G::CheckLoads | G::CheckGrafts | G::BatchOrder => &[SIMULATION],
        G::OldEntries | G::NewEntries | G::UniqueEntries | G::UniqueKeys => &[RECORDS, TYPED],
        G::RetryLosers => &[RECORDS],
        G::CheckMerged | G::MergedFields | G::MergedEntries | G::MergedUnique => &[MERGES, TYPED],
        G::MergedOwners | G::MergedUnfinished | G::ForeignEntries => &[TYPED],
    }
}
