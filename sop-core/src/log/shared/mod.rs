//! A log that many processes append to, with nothing but a file system between them.
//!
//! Each position of the log is a file, a *slot*, which is linked once: whoever is first has the
//! position. `docs/design/0014-cluster.md` has the rules and why each is there; here is how they
//! are kept.
//!
//! **Nothing that the file system says about a link is believed.** The slot is read back, and the
//! nonce in it tells whose it is. While it cannot be read, the same file is linked to the same slot
//! again, and nothing else happens, so that it is never in doubt for longer than the file system
//! is.
//!
//! **The floor is read last.** Slots up to the floor are removed, and a name that was removed is
//! free: a slow process may link there once more. So whatever was read, linked, or not found
//! counts only if the floor, read afterwards, is still below it. Otherwise the process is
//! *behind*, and begins anew at the newest checkpoint ([`SharedLog::begin_anew`]), which also
//! knows what became of a batch that was in doubt.
//!
//! **Nothing is shown before it is durable.** A name can be seen before it is durable; the folder
//! is synced before what was linked or found in it counts.
//!
//! **Nobody appends who is not a member.** A process joins before it appends; once it has applied
//! that it was expelled, it appends nothing more. [`Members`] is the table of that.
//!
//! **What is lost is noticed.** A slot names the nonce of the one before it, and a slot is never
//! linked where there is one behind it.

mod append;
mod carried;
mod end;
mod history;
mod lookout;
mod members;
mod rim;
mod signs;
mod slot;
mod slots;
#[cfg(test)]
mod tests;

use std::fmt;

pub(crate) use carried::Carrier;
pub(crate) use end::SharedLog;
pub(crate) use history::SlotHistory;
pub(crate) use lookout::Lookout;
pub(crate) use members::Members;
pub(crate) use signs::Unfinished;
use slot::Flaw;
pub(crate) use slot::{Kind, Member, SLOT_HEADER_LEN, SlotHeader, Tip};
pub(crate) use slots::{Slots, author, member};

use super::{Appended, Rim};
use crate::{
    error::Result,
    id::{Position, SegmentId},
    limit::NUMBER_END,
};

/// Who knows up to where slots are dead.
pub(crate) trait Floor: Send + Sync + fmt::Debug {
    /// The floor of the newest manifest, looked up anew and not from memory.
    fn read(&self) -> Result<Position>;
}

/// What has the log's slots applied, one after the other. An error ends the reading.
pub(crate) type Apply<'a> = dyn FnMut(&SlotHeader, &[u8]) -> Result<()> + 'a;

/// What a checkpoint keeps of the log: where it goes on, and who its members are there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Anchor {
    pub(crate) tip: Tip,
    pub(crate) members: Members,
    /// Numbers of segments below this one have been given out.
    pub(crate) next_segment: SegmentId,
}

impl Anchor {
    /// Before the first slot.
    pub(crate) fn start() -> Self {
        Self { tip: Tip::START, members: Members::default(), next_segment: SegmentId(1) }
    }

    /// Whether a slot that follows could be appended by its author, and says what it can say.
    fn check(&self, header: &SlotHeader, body: &[u8]) -> Result<(), Flaw> {
        self.members.check(header, body)?;
        if header.kind != Kind::Lease {
            return Ok(());
        }
        match slot::leased(body) {
            Some(numbers) if numbers.start != self.next_segment.0 => {
                Err(Flaw::Bad("it takes numbers of segments that are not the next ones"))
            }
            Some(numbers) if numbers.is_empty() || numbers.end > NUMBER_END => {
                Err(Flaw::Bad("it takes no numbers of segments, or more than there are"))
            }
            Some(_) => Ok(()),
            None => Err(Flaw::Bad("it does not say which numbers of segments it takes")),
        }
    }

    /// A slot that was checked is applied.
    fn note(&mut self, header: &SlotHeader, body: &[u8]) {
        self.tip = header.tip();
        self.members.note(header, body);
        if header.kind == Kind::Lease
            && let Some(numbers) = slot::leased(body)
        {
            self.next_segment = SegmentId(numbers.end);
        }
    }
}

/// How following has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Followed {
    /// Everything that was there has been applied.
    ToTheEnd,
    /// Slots that are needed are dead; see [`SharedLog::begin_anew`].
    Behind,
}

/// What became of a slot whose outcome was open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It took effect.
    Committed,
    /// It did not, and never will.
    NotCommitted,
    /// Nobody knows any more.
    Unknown,
}
