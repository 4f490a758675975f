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
//! **What is lost is noticed.** A slot names the nonce of the one before it, and a slot is never
//! linked where there is one behind it.

mod slot;
mod slots;
#[cfg(test)]
mod tests;

use std::{fmt, path::PathBuf, sync::Arc};

pub(crate) use slot::{Member, SLOT_HEADER_LEN, SlotHeader, Tip};
pub(crate) use slots::Slots;

use self::slots::Slot;
use crate::{
    clock::Clock,
    disk,
    error::{Error, Result},
    id::Position,
};

/// Slots that are read before the floor is, at most; and the bytes after which no more are read.
const RUN_SLOTS_MAX: usize = 64;
const RUN_BYTES_MAX: usize = 16 << 20;

/// How often a link is tried before its outcome is left open.
const LINK_ATTEMPTS_MAX: usize = 3;

/// Who knows up to where slots are dead.
pub(crate) trait Floor: Send + Sync + fmt::Debug {
    /// The floor of the newest manifest, looked up anew and not from memory.
    fn read(&self) -> Result<Position>;
}

/// What has the log's slots applied, one after the other. An error ends the reading.
pub(crate) type Apply<'a> = dyn FnMut(&SlotHeader, &[u8]) -> Result<()> + 'a;

/// How following has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Followed {
    /// Everything that was there has been applied.
    ToTheEnd,
    /// Slots that are needed are dead; see [`SharedLog::begin_anew`].
    Behind,
}

/// How an attempt to append has ended.
#[derive(Clone, Debug)]
pub(crate) enum Appended {
    /// The batch has this position, durably, and counts as applied.
    At(Position),
    /// Another batch has the position. Nothing of this one is left.
    Overtaken,
    /// Nobody can tell yet; see [`SharedLog::settle`].
    Open(Error),
    /// The position is dead by now; see [`SharedLog::begin_anew`].
    Behind,
}

/// What became of a batch that was pending when the log began anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It took effect before the checkpoint.
    Committed,
    /// It did not, and never will.
    NotCommitted,
    /// Nobody knows any more.
    Unknown,
}

/// One member's end of the log.
#[derive(Debug)]
pub(crate) struct SharedLog {
    slots: Slots,
    floor: Arc<dyn Floor>,
    clock: Arc<dyn Clock>,
    member: Member,
    /// The newest slot that was applied.
    tip: Tip,
    /// The number of the newest batch of this member that took effect.
    sequence: u64,
    /// How many files this member has made, each under another name.
    files: u64,
    pending: Option<Pending>,
    broken: Option<Error>,
}

/// A batch whose link may or may not have been made.
#[derive(Debug)]
struct Pending {
    path: PathBuf,
    header: SlotHeader,
}

impl SharedLog {
    /// A member's log, from the place that a checkpoint has. The member has appended nothing yet.
    pub(crate) fn new(
        slots: Slots,
        floor: Arc<dyn Floor>,
        clock: Arc<dyn Clock>,
        member: Member,
        tip: Tip,
    ) -> Self {
        let (sequence, files) = (0, 0);
        Self { slots, floor, clock, member, tip, sequence, files, pending: None, broken: None }
    }

    /// The newest slot that was applied.
    pub(crate) fn tip(&self) -> Tip {
        self.tip
    }

    /// Applies everything that others have appended, in order.
    ///
    /// What was applied is durable. Fails with `Corrupt` if a slot is damaged or was lost; what was
    /// applied before stays so. Costs a look at the folder, the slots, and a look at the floor.
    pub(crate) fn follow(&mut self, apply: &mut Apply<'_>) -> Result<Followed> {
        self.check()?;
        assert!(self.pending.is_none(), "invariant: what is in doubt is settled first");
        loop {
            let run = self.read_run();
            if self.floor.read()? > self.tip.position {
                return Ok(Followed::Behind);
            }
            let run = run?;
            if run.is_empty() {
                return Ok(Followed::ToTheEnd);
            }
            self.slots.sync()?;
            for Slot { header, body } in run {
                let path = self.slots.path(header.position);
                let verdict = header.check(self.slots.database, self.tip);
                slots::judge(&path, verdict)?;
                if header.member == self.member {
                    let reason = "it was appended under the identity of this process".to_owned();
                    return Err(Error::Corrupt { path, offset: 0, reason });
                }
                apply(&header, &body)?;
                self.tip = header.tip();
            }
        }
    }

    /// Reads the next slots, as many as are there, within bounds.
    fn read_run(&self) -> Result<Vec<Slot>> {
        self.slots.refresh()?;
        let (mut run, mut bytes) = (Vec::new(), 0);
        let mut position = self.tip.position;
        while run.len() < RUN_SLOTS_MAX && bytes < RUN_BYTES_MAX {
            position = position.next();
            let Some(slot) = self.slots.read(position)? else { break };
            bytes += slot.body.len();
            run.push(slot);
        }
        Ok(run)
    }

    /// Appends a batch that was validated on everything up to [`tip`](Self::tip), and is built in
    /// place: [`SLOT_HEADER_LEN`] bytes of any value, which are overwritten, and behind them the
    /// body.
    ///
    /// An error means that nothing was appended, or that the log is of no more use, which every
    /// later call then says as well.
    ///
    /// # Panics
    /// If an earlier batch is still pending.
    pub(crate) fn append_framed(&mut self, record: &mut [u8]) -> Result<Appended> {
        self.check()?;
        assert!(self.pending.is_none(), "invariant: one batch at a time is in doubt");
        let header = SlotHeader {
            database: self.slots.database,
            position: self.tip.position.next(),
            member: self.member,
            sequence: self.sequence + 1,
            nonce: self.clock.random(),
            base: self.tip.nonce,
        };
        header.seal(record)?;
        self.files += 1;
        let name = format!("{:032x}-{}", u128::from_be_bytes(self.member), self.files);
        let path = self.slots.write_unfinished(&name, record)?;
        if let Err(error) = self.check_for_hole(header.position) {
            self.slots.discard(&path);
            return Err(error);
        }
        self.pending = Some(Pending { path, header });
        self.settle()
    }

    /// Fails if the slot behind an absent one is there. That one was lost, and must not be filled.
    fn check_for_hole(&self, position: Position) -> Result<()> {
        self.slots.refresh()?;
        if !self.slots.has(position.next())? {
            return Ok(());
        }
        // Both may have been linked meanwhile, or both removed but for one.
        self.slots.refresh()?;
        if self.slots.has(position)? || self.floor.read()? >= position {
            return Ok(());
        }
        let reason = "the slot is missing, and the one behind it is there".to_owned();
        Err(Error::Corrupt { path: self.slots.path(position), offset: 0, reason })
    }

    /// Finds out what became of the pending batch, by linking it until its slot is taken.
    ///
    /// # Panics
    /// If there is none.
    pub(crate) fn settle(&mut self) -> Result<Appended> {
        self.check()?;
        let pending = self.pending.as_ref().expect("invariant: a batch is pending");
        let header = pending.header;
        let mut open = Error::Io {
            action: "find",
            path: self.slots.path(header.position),
            source: Arc::new(std::io::ErrorKind::NotFound.into()),
        };
        for _ in 0..LINK_ATTEMPTS_MAX {
            // Some systems say that they linked what they did not, others the reverse.
            let answer = self.slots.link(&pending.path, header.position);
            match self.read_back(header.position) {
                Ok(Some(found)) if found.nonce == header.nonce => return self.confirm(header),
                Ok(Some(_)) => return self.yield_to(header.position, Ok(Appended::Overtaken)),
                Err(error @ Error::Corrupt { .. }) => {
                    return self.yield_to(header.position, Err(error));
                }
                Ok(None) => {
                    if let Err(error) = answer {
                        open = disk::failed("link", &pending.path)(error);
                    }
                }
                Err(error) => open = error,
            }
        }
        Ok(Appended::Open(open))
    }

    /// The slot holds something else. That proves nothing about a slot that is dead by now: it may
    /// have been this batch's, and then removed and linked once more.
    fn yield_to(&mut self, position: Position, outcome: Result<Appended>) -> Result<Appended> {
        match self.floor.read() {
            Ok(floor) if floor >= position => return Ok(Appended::Behind),
            Ok(_) => {}
            Err(error) => return Ok(Appended::Open(error)),
        }
        if outcome.is_ok() {
            self.forget_pending();
        }
        outcome.map_err(|error| self.fail(error))
    }

    fn read_back(&self, position: Position) -> Result<Option<SlotHeader>> {
        self.slots.refresh()?;
        self.slots.header(position)
    }

    /// The batch is in its slot. It counts if the slot does, and once it is durable there.
    fn confirm(&mut self, header: SlotHeader) -> Result<Appended> {
        if let Err(error) = self.slots.sync() {
            return Err(self.fail(error));
        }
        match self.floor.read() {
            Ok(floor) if floor >= header.position => return Ok(Appended::Behind),
            Ok(_) => {}
            Err(error) => return Ok(Appended::Open(error)),
        }
        (self.tip, self.sequence) = (header.tip(), header.sequence);
        self.forget_pending();
        Ok(Appended::At(header.position))
    }

    /// Goes on from a checkpoint, which knows which batch of this member was the last one that
    /// took effect up to it. Says what became of the pending batch, if there was one.
    pub(crate) fn begin_anew(&mut self, tip: Tip, last_sequence: u64) -> Result<Option<Fate>> {
        self.check()?;
        let fate = self.pending.as_ref().map(|pending| {
            if last_sequence >= pending.header.sequence {
                Fate::Committed
            } else if last_sequence == self.sequence {
                Fate::NotCommitted
            } else {
                Fate::Unknown
            }
        });
        self.forget_pending();
        (self.tip, self.sequence) = (tip, last_sequence);
        Ok(fate)
    }

    fn forget_pending(&mut self) {
        if let Some(pending) = self.pending.take() {
            self.slots.discard(&pending.path);
        }
    }

    fn check(&self) -> Result<()> {
        self.broken.clone().map_or(Ok(()), Err)
    }

    /// Remembers a failure after which nothing is certain.
    fn fail(&mut self, error: Error) -> Error {
        self.broken.get_or_insert(error).clone()
    }
}
