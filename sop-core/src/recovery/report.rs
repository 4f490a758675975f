//! What recovery found.

use std::path::PathBuf;

/// What was found and done when a database was opened.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecoveryReport {
    /// Whether the database was created just now.
    pub created: bool,
    /// Log position of the checkpoint it was read from.
    pub checkpoint_position: u64,
    /// Batches of the log after it that were applied.
    pub replayed_batches: u64,
    /// Transactions in them.
    pub replayed_transactions: u64,
    /// The end of the log that a crash left torn, if it did. Nothing in it was acknowledged as
    /// durable.
    pub cut: Option<Cut>,
    /// Files that an interrupted checkpoint or bulk load left behind, now removed.
    pub removed_files: u64,
}

/// The end of a log that was cut off.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Cut {
    /// The file.
    pub file: PathBuf,
    /// Where it was cut, in bytes.
    pub offset: u64,
    /// How many bytes were cut off.
    pub bytes: u64,
}

impl RecoveryReport {
    pub(super) fn log(&self) {
        if let Some(cut) = &self.cut {
            tracing::warn!(
                file = %cut.file.display(),
                offset = cut.offset,
                bytes = cut.bytes,
                "the log ended in a torn record, which was cut off"
            );
        }
        tracing::debug!(
            checkpoint = self.checkpoint_position,
            batches = self.replayed_batches,
            removed = self.removed_files,
            "recovered"
        );
    }
}
