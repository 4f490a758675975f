//! Reading again what lies before the end of a log of slots, as far as it is still there.

use std::sync::Arc;

use super::{
    Floor, Kind, Tip,
    slots::{Slot, Slots, judge},
};
use crate::{
    error::{Error, Result},
    id::Position,
};

/// Slots that are held at a time, at most; and the bytes after which no more are read.
const RUN_SLOTS_MAX: usize = 64;
const RUN_BYTES_MAX: usize = 16 << 20;

/// The slots behind a position.
#[derive(Debug)]
pub(crate) struct SlotHistory {
    pub(super) slots: Slots,
    pub(super) floor: Arc<dyn Floor>,
    pub(super) after: Position,
}

impl SlotHistory {
    /// Applies the batches up to `upto`, which is a position of the log, in order. Returns whether all
    /// were still there.
    pub(crate) fn read(
        &self,
        upto: Position,
        apply: &mut dyn FnMut(Position, &[u8]) -> Result<()>,
    ) -> Result<bool> {
        let (mut position, mut tip) = (self.after, None);
        while position < upto {
            let run = self.read_run(position, upto);
            // As ever, what was read counts if it was not dead by then.
            if self.floor.read()? > position {
                return Ok(false);
            }
            for Slot { header, body } in run? {
                let before = tip.unwrap_or(Tip { position, nonce: header.base });
                let path = self.slots.path(header.position);
                judge(&path, header.check(self.slots.database, before))?;
                if header.kind == Kind::Batch {
                    apply(header.position, &body)?;
                }
                position = header.position;
                tip = Some(header.tip());
            }
        }
        Ok(true)
    }

    /// Reads the next slots, one at least.
    fn read_run(&self, mut position: Position, upto: Position) -> Result<Vec<Slot>> {
        let (mut run, mut bytes) = (Vec::new(), 0);
        while position < upto && run.len() < RUN_SLOTS_MAX && bytes < RUN_BYTES_MAX {
            position = position.next();
            let slot = self.slots.read(position)?.ok_or_else(|| {
                let (path, reason) = (self.slots.path(position), "the file is missing".to_owned());
                Error::Corrupt { path, offset: 0, reason }
            })?;
            bytes += slot.body.len();
            run.push(slot);
        }
        Ok(run)
    }
}
