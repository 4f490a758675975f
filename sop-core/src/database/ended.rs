//! Global transactions of which everybody was told, until that is written down.

use super::Database;
use crate::id::Gtid;

/// A global transaction that this database has decided about, and of which everybody was told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended {
    pub(crate) gtid: Gtid,
    /// Whether what was decided is kept all the same.
    pub(crate) is_kept: bool,
}

impl Database {
    /// To be written down with whatever is decided next: nothing is lost if it never is, but that
    /// everybody is told once more.
    pub(crate) fn note_ended(&self, ended: impl IntoIterator<Item = Ended>) {
        self.shared.core.ended.lock().extend(ended);
    }

    /// Those that were noted, which whoever takes them is to write down.
    pub(crate) fn take_ended(&self) -> Vec<Ended> {
        std::mem::take(&mut self.shared.core.ended.lock())
    }

    pub(crate) fn is_ended(&self, gtid: &Gtid) -> bool {
        self.shared.core.ended.lock().iter().any(|ended| ended.gtid == *gtid)
    }
}
