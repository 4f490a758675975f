//! Which lane is to notice that a guard is missing.

use sop_core::guard::Guard;

use crate::lanes::{self, Lane};

/// The lane that must fail without the guard.
pub(crate) fn catcher(guard: Guard) -> &'static Lane {
    use Guard as G;
    match guard {
        G::LogSync
        | G::LogHeaderSync
        | G::LogNameSync
        | G::SegmentSync
        | G::SegmentNameSync
        | G::ManifestSync
        | G::ManifestNameSync => &lanes::POWER,
        G::LiveAtCheckpoint => &lanes::BESIDE,
        G::Poison | G::PublishDurable | G::ManifestFirst | G::NewestManifest | G::NamedSegments => {
            &lanes::ERRORS
        }
        G::LogReserve => &lanes::FULL,
        G::FrameChecksum | G::SegmentChecksum | G::TornOrDamaged => &lanes::BITS,
        G::FrameChain => &lanes::COPIES,
        G::TornCut | G::StrictestInBatch => &lanes::EVENTUAL,
        G::RecoveredSync | G::RecoveredRewrite => &lanes::HANDED_OVER,
        G::CheckWrites | G::CheckReads | G::CheckRanges | G::CheckAbsence | G::CheckPresence => {
            &lanes::CONFLICTS
        }
        G::BatchOrder | G::CheckNames | G::CheckCreation | G::CheckLoads | G::CheckGrafts => {
            &lanes::SERIAL
        }
        G::SnapshotPin | G::AddNoDuplicate | G::DeadBytes | G::FrameLife => &lanes::MODEL,
        G::OldEntries | G::NewEntries | G::UniqueEntries | G::UniqueKeys | G::RetryLosers => {
            &lanes::RECORDS
        }
    }
}
