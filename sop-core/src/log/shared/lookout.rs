//! Looking whether the log goes on, without having it in hand.

use std::sync::Arc;

use super::{Floor, Slots};
use crate::{
    error::Result,
    guard::{self, Guard},
    id::Position,
};

/// Sees where the log ends, whatever its process is about to append meanwhile.
#[derive(Clone, Debug)]
pub(crate) struct Lookout {
    pub(super) slots: Slots,
    pub(super) floor: Arc<dyn Floor>,
}

impl Lookout {
    /// Whether the log ended with `position`, as of this call or later. Whatever anybody was told to be
    /// in the log before is then there or before it.
    ///
    /// As in following, what was not found counts only above the floor.
    pub(crate) fn is_at_end(&self, position: Position) -> Result<bool> {
        self.slots.refresh()?;
        if self.slots.has(position.next())? {
            return Ok(false);
        }
        Ok(!guard::stands(Guard::FloorAfterAbsence) || self.floor.read()? <= position)
    }
}
