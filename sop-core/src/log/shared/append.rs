//! Appending to the log: a file is linked to the next slot until somebody has it.

use std::{io, sync::Arc};

use super::{
    Anchor, Appended, Apply, Kind, Member, Rim, SLOT_HEADER_LEN, SharedLog, SlotHeader,
    end::Pending,
    slot,
    slots::{self, Names},
};
use crate::{
    disk,
    error::{Error, Result},
    guard::{self, Guard},
    id::Position,
    limit::NUMBER_END,
};

/// How often a link is tried before its outcome is left open.
const LINK_ATTEMPTS_MAX: usize = 3;

/// How often a file is written once more that others removed before it was linked, without that
/// being an attempt. They do that to who is silent for long by their clock; one that jumps makes
/// everybody silent at every look.
const RESTORATIONS_MAX: usize = 100;

impl SharedLog {
    /// Becomes a member, under a new identity: of one that was expelled, nobody might remember.
    ///
    /// Fails if there are too many members, those who have ended lately included.
    pub(crate) fn join(&mut self) -> Result<Appended> {
        (self.member, self.own, self.reported) = (self.clock.random(), 0, 0);
        match self.put(Kind::Join, vec![0; SLOT_HEADER_LEN])? {
            Appended::NoMember => {
                Err(Error::Invalid("too many processes have joined this folder lately".into()))
            }
            appended => Ok(appended),
        }
    }

    /// Is a member no more.
    pub(crate) fn leave(&mut self) -> Result<Appended> {
        self.has_left = true;
        self.put(Kind::Leave, vec![0; SLOT_HEADER_LEN])
    }

    /// Makes another member one no more. What that one has begun can be finished by others as soon
    /// as this has a position, and no sooner.
    pub(crate) fn expel(&mut self, whom: Member) -> Result<Appended> {
        let mut record = vec![0; SLOT_HEADER_LEN];
        record.extend_from_slice(&whom);
        self.put(Kind::Expel, record)
    }

    /// Takes the next numbers of segments, so many from [`Anchor::next_segment`] on, for files that
    /// nobody else will write.
    pub(crate) fn lease(&mut self, count: u32) -> Result<Appended> {
        let mut record = vec![0; SLOT_HEADER_LEN];
        let first = self.anchor.next_segment.0;
        let end = first.saturating_add(count);
        if end > NUMBER_END {
            return Err(Error::Invalid("there are no more numbers for segments".into()));
        }
        record.extend_from_slice(&slot::lease(first, end));
        self.put(Kind::Lease, record)
    }

    /// Takes the next position with nothing in it.
    pub(crate) fn fill(&mut self) -> Result<Appended> {
        self.put(Kind::Batch, vec![0; SLOT_HEADER_LEN])
    }

    /// Appends a slot. An error means that nothing was appended, or that the log is of no more
    /// use, which every later call then says as well.
    pub(super) fn put(&mut self, kind: Kind, mut record: Vec<u8>) -> Result<Appended> {
        self.check()?;
        assert!(self.pending.is_none(), "invariant: one slot at a time is in doubt");
        let Anchor { tip, members, .. } = &self.anchor;
        let header = SlotHeader {
            database: self.slots.database,
            position: tip.position.next(),
            kind,
            member: self.member,
            sequence: members.sequence(self.member).unwrap_or(0).max(self.reported) + 1,
            nonce: self.clock.random(),
            base: tip.nonce,
        };
        if members.check(&header, &record[SLOT_HEADER_LEN..]).is_err()
            && guard::stands(Guard::ExpelledStop)
        {
            return Ok(Appended::NoMember);
        }
        header.seal(&mut record)?;
        self.last = Some(header);
        self.files += 1;
        let name = format!("{}-{}", slots::author(self.member), self.files);
        let path = self.slots.unfinished.join(name);
        self.slots.write_unfinished(&path, &record, self.names)?;
        self.names = Names::Durable;
        if let Err(error) = self.check_for_hole(header.position) {
            self.slots.discard(&path);
            return Err(error);
        }
        self.pending = Some(Pending { path, header, record });
        self.settle(&mut |_, _| Ok(()))
    }

    /// Fails if the slot behind an absent one is there. That one was lost, and must not be filled.
    fn check_for_hole(&self, position: Position) -> Result<()> {
        self.slots.refresh()?;
        if !self.slots.has(position.next())? {
            return Ok(());
        }
        // Both may have been linked meanwhile, or both removed but for one.
        if self.is_there_or_dead(position)? { Ok(()) } else { Err(self.hole(position)) }
    }

    /// Finds out what became of the pending slot, by linking it until its slot is taken; applies it
    /// if it is in the log.
    ///
    /// # Panics
    /// If there is none.
    pub(super) fn settle(&mut self, apply: &mut Apply<'_>) -> Result<Appended> {
        self.check()?;
        let pending = self.pending.as_ref().expect("invariant: a slot is pending");
        let header = pending.header;
        let mut open = Error::Io {
            action: "find",
            path: self.slots.path(header.position),
            source: Arc::new(io::ErrorKind::NotFound.into()),
        };
        let (mut attempts, mut restorations) = (LINK_ATTEMPTS_MAX, 0..RESTORATIONS_MAX);
        while attempts > 0 {
            attempts -= 1;
            // Some systems say that they linked what they did not, others the reverse.
            let answer = self.slots.link(&pending.path, header.position);
            match self.read_back(header.position) {
                _ if answer.is_ok() && !guard::stands(Guard::SlotReadBack) => {
                    return self.confirm(header, apply);
                }
                Ok(Some(found))
                    if found.nonce == header.nonce
                        && (answer.is_ok() || guard::stands(Guard::OwnSlot)) =>
                {
                    return self.confirm(header, apply);
                }
                Ok(Some(_)) => return self.yield_to(header.position, Ok(Appended::Overtaken)),
                Err(error @ Error::Corrupt { .. }) => {
                    return self.yield_to(header.position, Err(error));
                }
                // Linked or not, it is dead, and may have been removed.
                Ok(None) if self.floor.read().is_ok_and(|floor| floor >= header.position) => {
                    return Ok(Appended::Behind);
                }
                Ok(None) => {
                    if let Err(error) = answer {
                        let is_restored = self.restore(pending, &error);
                        attempts += usize::from(is_restored && restorations.next().is_some());
                        open = disk::failed("link", &pending.path)(error);
                    }
                }
                Err(error) => open = error,
            }
        }
        Ok(Appended::Open(open))
    }

    /// Writes a file once more that is to be linked, if others took it for that of somebody who is no
    /// more; whether it was gone, and is there again. If that fails, so does the next link.
    fn restore(&self, Pending { path, record, .. }: &Pending, error: &io::Error) -> bool {
        error.kind() == io::ErrorKind::NotFound
            && self.slots.write_unfinished(path, record, Names::Durable).is_ok()
    }

    /// The slot holds something else. That proves nothing about a slot that is dead by now: it may
    /// have been this one's, and then removed and linked once more.
    fn yield_to(&mut self, position: Position, outcome: Result<Appended>) -> Result<Appended> {
        match self.floor.read() {
            Ok(floor) if floor >= position => return Ok(Appended::Behind),
            Ok(_) => {}
            Err(error) => return Ok(Appended::Open(error)),
        }
        if outcome.is_ok() {
            drop(self.forget_pending());
        }
        outcome.map_err(|error| self.fail(error))
    }

    fn read_back(&self, position: Position) -> Result<Option<SlotHeader>> {
        self.slots.refresh()?;
        self.slots.header(position)
    }

    /// What was linked is in its slot. It counts if the slot does, and once it is durable there.
    fn confirm(&mut self, header: SlotHeader, apply: &mut Apply<'_>) -> Result<Appended> {
        self.hand_on();
        if guard::stands(Guard::LinkedNameSync)
            && let Err(error) = self.slots.sync()
        {
            return Err(self.fail(error));
        }
        match self.floor.read() {
            Ok(floor) if floor >= header.position && guard::stands(Guard::FloorAfterLink) => {
                return Ok(Appended::Behind);
            }
            Ok(_) => {}
            Err(error) => return Ok(Appended::Open(error)),
        }
        self.own = header.sequence;
        if let Some(pending) = self.forget_pending() {
            apply(&header, pending.body())?;
            self.note(&header, pending.body());
        }
        Ok(Appended::At(header.position))
    }
}
