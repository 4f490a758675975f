//! Slots that are handed on past the folder.
//!
//! Whoever has appended a small slot can hand its bytes to the others, and who is a few slots behind
//! then opens one file instead of all of them. What was handed on counts for nothing by itself: its
//! author may have been mistaken about its slot, or whoever carries it may lie. But slots name the one
//! before them. So if the file of the last one of a run says what was handed on, all before it are in
//! the log as well, and the rules of what was read from files hold for them ([`SharedLog::follow`]).

use std::{fmt, sync::Arc};

use super::{
    Kind, SharedLog,
    end::Pending,
    slot::{SLOT_HEADER_LEN, SlotHeader},
    slots::Slot,
};
use crate::{
    error::Result,
    guard::{self, Guard},
    id::Position,
    limit::CARRIED_LEN_MAX,
};

/// Slots that are read before the floor is, at most.
pub(super) const RUN_SLOTS_MAX: usize = 64;

/// Who hands slots on.
pub(crate) trait Carrier: Send + Sync + fmt::Debug {
    /// What is said to be the slot of a position; given once.
    fn take(&self, position: Position) -> Option<Arc<[u8]>>;

    /// Tells the others what this process has linked, with the bytes of it if they are few.
    fn give(&self, position: Position, slot: Option<&[u8]>);
}

/// Nobody hands anything on.
#[derive(Debug)]
pub(super) struct Nobody;

impl Carrier for Nobody {
    fn take(&self, _position: Position) -> Option<Arc<[u8]>> {
        None
    }

    fn give(&self, _position: Position, _slot: Option<&[u8]>) {}
}

impl SharedLog {
    /// From now on slots are handed on.
    pub(crate) fn hand_on_by(&mut self, carrier: Arc<dyn Carrier>) {
        self.carrier = carrier;
    }

    /// Tells the others of a batch that is linked, before its name is durable: who builds on it makes
    /// what it found durable itself, and that does not take longer for two who do it at once.
    pub(super) fn hand_on(&self) {
        if let Some(Pending { header, record, .. }) = &self.pending
            && header.kind == Kind::Batch
        {
            let slot = (record.len() <= CARRIED_LEN_MAX).then_some(&record[..]);
            self.carrier.give(header.position, slot);
        }
    }

    /// The next slots as they were handed on, as far as they have been shown to be in the log.
    pub(super) fn carried_run(&self) -> Result<Vec<Slot>> {
        let (mut run, mut tip) = (Vec::new(), self.anchor.tip);
        while run.len() < RUN_SLOTS_MAX
            && let Some(slot) = self.carrier.take(tip.position.next()).as_deref().and_then(decode)
            && slot.header.check(self.slots.database, tip).is_ok()
        {
            tip = slot.header.tip();
            run.push(slot);
        }
        let Some(last) = run.pop() else { return Ok(run) };
        if !guard::stands(Guard::CarriedAreAnchored) {
            run.push(last);
            return Ok(run);
        }
        match self.slots.read(last.header.position)? {
            Some(found) if found.header == last.header => run.push(found),
            Some(_) | None => run.clear(),
        }
        Ok(run)
    }
}

/// A slot by its bytes, if they are those of one.
fn decode(bytes: &[u8]) -> Option<Slot> {
    let (header, body) = bytes.split_first_chunk::<SLOT_HEADER_LEN>()?;
    let (header, expected) = SlotHeader::decode(header).ok()?;
    let is_whole = expected.len == body.len() as u64 && expected.check(body).is_ok();
    is_whole.then(|| Slot { header, body: body.to_vec() })
}
