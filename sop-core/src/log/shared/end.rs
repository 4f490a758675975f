//! The end of the log that one process appends to, and follows the others by.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Anchor, Appended, Apply, Fate, Floor, Followed, Kind, Lookout, Member, Rim, SLOT_HEADER_LEN,
    SlotHeader, Slots, slot,
    slots::{self, Slot},
};
use crate::{
    clock::Clock,
    disk,
    error::{Error, Result},
    guard::{self, Guard},
    id::Position,
    limit::NUMBER_END,
};

/// Slots that are read before the floor is, at most; and the bytes after which no more are read.
const RUN_SLOTS_MAX: usize = 64;
const RUN_BYTES_MAX: usize = 16 << 20;

/// Opening a slot takes as long as reading so many bytes of a log's file, at least.
const SLOT_COST: u64 = 64 << 10;

/// How often a link is tried before its outcome is left open.
const LINK_ATTEMPTS_MAX: usize = 3;

/// One process's end of the log.
#[derive(Debug)]
pub(crate) struct SharedLog {
    slots: Slots,
    floor: Arc<dyn Floor>,
    clock: Arc<dyn Clock>,
    /// The identity under which this process has joined, or tried to.
    member: Member,
    /// The sequence of the newest slot that this process knows as its own.
    own: u64,
    /// The newest slot that was applied, and the members then.
    pub(super) anchor: Anchor,
    /// How many files this member has made, each under another name.
    files: u64,
    /// Bytes of the slots applied since the last checkpoint.
    pub(super) lens: BTreeMap<Position, u64>,
    pending: Option<Pending>,
    pub(super) broken: Option<Error>,
}

/// A slot whose link may or may not have been made.
#[derive(Debug)]
struct Pending {
    path: PathBuf,
    header: SlotHeader,
    record: Vec<u8>,
}

impl Pending {
    fn body(&self) -> &[u8] {
        &self.record[SLOT_HEADER_LEN..]
    }
}

impl SharedLog {
    /// The log from the place that a checkpoint has, for a process that has yet to join.
    pub(crate) fn new(
        slots: Slots,
        floor: Arc<dyn Floor>,
        clock: Arc<dyn Clock>,
        anchor: Anchor,
    ) -> Self {
        let member = clock.random();
        let lens = BTreeMap::new();
        let (pending, broken) = (None, None);
        Self { slots, floor, clock, member, own: 0, anchor, files: 0, lens, pending, broken }
    }

    /// The files of the log.
    pub(crate) fn slots(&self) -> &Slots {
        &self.slots
    }

    /// Who sees where the log ends while this is in use.
    pub(crate) fn lookout(&self) -> Lookout {
        Lookout { slots: self.slots.clone(), floor: Arc::clone(&self.floor) }
    }

    /// The folder of slots.
    pub(crate) fn dir(&self) -> &Path {
        &self.slots.dir
    }

    /// The newest slot that was applied, and the members then.
    pub(crate) fn anchor(&self) -> &Anchor {
        &self.anchor
    }

    /// The identity under which this process has joined, or tried to.
    pub(crate) fn member(&self) -> Member {
        self.member
    }

    /// Applies everything that others have appended, in order; before that, what this process has
    /// appended itself and was left in doubt about.
    ///
    /// What was applied is durable. Fails with `Corrupt` if a slot is damaged or was lost; what was
    /// applied before stays so. Costs a look at the folder, the slots, and a look at the floor.
    pub(crate) fn follow(&mut self, apply: &mut Apply<'_>) -> Result<Followed> {
        self.check()?;
        if self.pending.is_some() {
            match self.settle(apply)? {
                Appended::Open(error) => return Err(error),
                Appended::Behind => return Ok(Followed::Behind),
                Appended::At(_) | Appended::Overtaken | Appended::NoMember => {}
            }
        }
        loop {
            let run = self.read_run();
            let looks = match &run {
                Ok(run) if run.is_empty() => guard::stands(Guard::FloorAfterAbsence),
                _ => guard::stands(Guard::FloorAfterReading),
            };
            if looks && self.floor.read()? > self.anchor.tip.position {
                return Ok(Followed::Behind);
            }
            let run = run?;
            if run.is_empty() {
                return Ok(Followed::ToTheEnd);
            }
            self.slots.sync()?;
            for Slot { header, body } in run {
                let path = self.slots.path(header.position);
                let verdict = header
                    .check(self.slots.database, self.anchor.tip)
                    .and_then(|()| self.anchor.check(&header, &body));
                slots::judge(&path, verdict)?;
                if header.member == self.member && header.sequence > self.own {
                    let reason = "it was appended under the identity of this process".to_owned();
                    return Err(Error::Corrupt { path, offset: 0, reason });
                }
                apply(&header, &body)?;
                self.note(&header, &body);
            }
        }
    }

    /// A slot is applied.
    fn note(&mut self, header: &SlotHeader, body: &[u8]) {
        self.anchor.note(header, body);
        let len = (SLOT_HEADER_LEN + body.len()) as u64;
        self.lens.insert(header.position, len.max(SLOT_COST));
    }

    /// Reads the next slots, as many as are there, within bounds.
    fn read_run(&self) -> Result<Vec<Slot>> {
        self.slots.refresh()?;
        let (mut run, mut bytes) = (Vec::new(), 0);
        let mut position = self.anchor.tip.position;
        while run.len() < RUN_SLOTS_MAX && bytes < RUN_BYTES_MAX {
            position = position.next();
            let Some(slot) = self.slots.read(position)? else { break };
            bytes += slot.body.len();
            run.push(slot);
        }
        Ok(run)
    }

    /// Becomes a member, under a new identity: of one that was expelled, nobody might remember.
    pub(crate) fn join(&mut self) -> Result<Appended> {
        (self.member, self.own) = (self.clock.random(), 0);
        self.put(Kind::Join, vec![0; SLOT_HEADER_LEN])
    }

    /// Is a member no more.
    pub(crate) fn leave(&mut self) -> Result<Appended> {
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
            sequence: members.sequence(self.member).unwrap_or(0) + 1,
            nonce: self.clock.random(),
            base: tip.nonce,
        };
        if members.check(&header, &record[SLOT_HEADER_LEN..]).is_err() {
            return Ok(Appended::NoMember);
        }
        header.seal(&mut record)?;
        self.files += 1;
        let name = format!("{}-{}", slots::author(self.member), self.files);
        let path = self.slots.write_unfinished(&name, &record)?;
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
        self.slots.refresh()?;
        if self.slots.has(position)? || self.floor.read()? >= position {
            return Ok(());
        }
        let reason = "the slot is missing, and the one behind it is there".to_owned();
        Err(Error::Corrupt { path: self.slots.path(position), offset: 0, reason })
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
            source: Arc::new(std::io::ErrorKind::NotFound.into()),
        };
        for _ in 0..LINK_ATTEMPTS_MAX {
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

    /// Goes on from a checkpoint: the newest one, or one that was gone on from before. Says what became
    /// of the pending slot, if there was one.
    ///
    /// Fails with `Corrupt` if that slot is dead and the checkpoint is from before it.
    pub(crate) fn begin_anew(&mut self, anchor: Anchor) -> Result<Option<Fate>> {
        self.check()?;
        if let Some(Pending { header, .. }) = &self.pending
            && anchor.tip.position < header.position
        {
            let reason = "it is below the floor, and in no checkpoint".to_owned();
            let path = self.slots.path(header.position);
            return Err(Error::Corrupt { path, offset: 0, reason });
        }
        let last = anchor.members.sequence(self.member);
        self.own = self.own.max(last.unwrap_or(0));
        let fate = self.forget_pending().map(|pending| match last {
            Some(last)
                if last >= pending.header.sequence && guard::stands(Guard::MembersInManifest) =>
            {
                Fate::Committed
            }
            Some(_) => Fate::NotCommitted,
            None => Fate::Unknown,
        });
        self.anchor = anchor;
        self.lens.clear();
        Ok(fate)
    }

    fn forget_pending(&mut self) -> Option<Pending> {
        let pending = self.pending.take()?;
        self.slots.discard(&pending.path);
        Some(pending)
    }

    /// Remembers a failure after which nothing is certain.
    fn fail(&mut self, error: Error) -> Error {
        self.broken.get_or_insert(error).clone()
    }
}

#[cfg(test)]
impl SharedLog {
    /// Whether it is in doubt what became of the last slot.
    pub(super) fn is_pending(&self) -> bool {
        self.pending.is_some()
    }

    /// Takes the identity of another process, as a copy of it would have.
    pub(super) fn pretend_to_be(&mut self, member: Member) {
        self.member = member;
    }
}
