//! The end of the log that one process appends to, and follows the others by.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
    sync::Arc,
};

use super::{
    Anchor, Appended, Apply, Carrier, Fate, Floor, Followed, Kind, Lookout, Member, Rim,
    SLOT_HEADER_LEN, SlotHeader, SlotHistory, Slots,
    carried::{Nobody, RUN_SLOTS_MAX},
    slots::{self, Names, Slot},
};
use crate::{
    clock::Clock,
    error::{Error, Result},
    guard::{self, Guard},
    id::{CommitId, Position, SegmentId},
    limit::SLOT_COST,
};

/// Bytes of slots after which no more are read before the floor is.
const RUN_BYTES_MAX: usize = 16 << 20;

/// One process's end of the log.
#[derive(Debug)]
pub(crate) struct SharedLog {
    pub(super) slots: Slots,
    pub(super) floor: Arc<dyn Floor>,
    pub(super) clock: Arc<dyn Clock>,
    /// The identity under which this process has joined, or tried to.
    pub(super) member: Member,
    /// The sequence of the newest slot that this process knows as its own.
    pub(super) own: u64,
    /// What was to be appended last.
    pub(super) last: Option<SlotHeader>,
    /// The highest sequence of which somebody was told that its outcome is open.
    pub(super) reported: u64,
    /// The newest slot that was applied, and the members then.
    pub(super) anchor: Anchor,
    /// How many files this member has made, each under another name.
    pub(super) files: u64,
    /// The numbers of segments that this member has leased are not below this one.
    own_from: SegmentId,
    /// Whether it is, or is about to be, a member no more by its own wish.
    pub(super) has_left: bool,
    /// Whether the names of all slots that were applied are durable.
    pub(super) names: Names,
    /// Bytes of the slots applied since the last checkpoint.
    pub(super) lens: BTreeMap<Position, u64>,
    /// Whether the place is that of a checkpoint, and nobody has looked yet whether the log goes on from
    /// there.
    is_unproven: bool,
    pub(super) pending: Option<Pending>,
    /// Who hands slots on past the folder.
    pub(super) carrier: Arc<dyn Carrier>,
    pub(super) broken: Option<Error>,
}

/// A slot whose link may or may not have been made.
#[derive(Debug)]
pub(super) struct Pending {
    pub(super) path: PathBuf,
    pub(super) header: SlotHeader,
    pub(super) record: Vec<u8>,
}

impl Pending {
    pub(super) fn body(&self) -> &[u8] {
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
        Self {
            slots,
            floor,
            clock,
            member,
            own: 0,
            last: None,
            reported: 0,
            anchor,
            files: 0,
            own_from: SegmentId(0),
            has_left: false,
            names: Names::Durable,
            lens: BTreeMap::new(),
            is_unproven: true,
            pending: None,
            carrier: Arc::new(Nobody),
            broken: None,
        }
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

    /// Whether that identity is one of a member, as far as this process knows.
    pub(crate) fn is_member(&self) -> bool {
        self.anchor.members.has(self.member)
    }

    /// Whether this process has left, or is about to.
    pub(crate) fn has_left(&self) -> bool {
        self.has_left
    }

    /// The numbers of segments that it has leased as this member are not below this one; all that it
    /// had leased before are.
    pub(crate) fn own_from(&self) -> SegmentId {
        self.own_from
    }

    /// Applies everything that others have appended, in order; before that, what this process has
    /// appended itself and was left in doubt about.
    ///
    /// Slots that were handed on are not looked for one by one. What was applied may not be shown to
    /// anybody before it is durable: after [`make_durable`](Self::make_durable), or once this process
    /// has appended something behind it.
    ///
    /// Fails with `Corrupt` if a slot is damaged or was lost; what was applied before stays so. Costs a
    /// look at the folder, the slots, and a look at the floor.
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
                return self.prove_end();
            }
            if guard::stands(Guard::FoundNameSync) {
                self.names = Names::Found;
            }
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

    /// Sees to it that what was applied is durable.
    pub(crate) fn make_durable(&mut self) -> Result<()> {
        if self.names == Names::Found {
            self.slots.sync()?;
        }
        self.names = Names::Durable;
        Ok(())
    }

    /// The next slot is absent. That is the end of the log, unless the place was that of a checkpoint
    /// which was not the newest one: what is behind it may have been removed.
    fn prove_end(&mut self) -> Result<Followed> {
        let next = self.anchor.tip.position.next();
        if self.is_unproven && self.slots.newest()? <= next {
            self.is_unproven = false;
        }
        // Others may go on meanwhile, which whoever follows again takes in.
        if self.is_unproven && !self.is_there_or_dead(next)? {
            return Err(self.hole(next));
        }
        Ok(Followed::ToTheEnd)
    }

    pub(super) fn is_there_or_dead(&self, position: Position) -> Result<bool> {
        self.slots.refresh()?;
        Ok(self.slots.has(position)? || self.floor.read()? >= position)
    }

    pub(super) fn hole(&self, position: Position) -> Error {
        let reason = "the slot is missing, and a later one is there".to_owned();
        Error::Corrupt { path: self.slots.path(position), offset: 0, reason }
    }

    /// A slot is applied.
    pub(super) fn note(&mut self, header: &SlotHeader, body: &[u8]) {
        self.anchor.note(header, body);
        if header.kind == Kind::Join && header.member == self.member {
            self.own_from = self.anchor.next_segment;
        }
        let len = (SLOT_HEADER_LEN + body.len()) as u64;
        self.lens.insert(header.position, len.max(SLOT_COST));
    }

    /// Reads the next slots, as many as are there, within bounds.
    fn read_run(&self) -> Result<Vec<Slot>> {
        self.slots.refresh()?;
        let mut run = self.carried_run()?;
        let mut bytes = run.iter().map(|slot| slot.body.len()).sum::<usize>();
        let last = run.last().map(|slot| slot.header.position);
        let mut position = last.unwrap_or(self.anchor.tip.position);
        while run.len() < RUN_SLOTS_MAX && bytes < RUN_BYTES_MAX {
            position = position.next();
            let Some(slot) = self.slots.read(position)? else { break };
            bytes += slot.body.len();
            run.push(slot);
        }
        Ok(run)
    }

    /// What was appended behind a position; nothing if some of it is dead.
    pub(super) fn since(&self, after: Position) -> Result<Option<SlotHistory>> {
        let (slots, floor) = (self.slots.clone(), Arc::clone(&self.floor));
        let is_there = floor.read()? <= after;
        Ok(is_there.then_some(SlotHistory { slots, floor, after }))
    }

    /// Names what was to be appended last, for somebody who is told that its outcome is open. Its
    /// sequence will stand for nothing else from then on.
    ///
    /// # Panics
    /// If nothing was to be appended so far.
    pub(crate) fn report(&mut self) -> CommitId {
        let header = self.last.expect("invariant: something was to be appended");
        self.reported = self.reported.max(header.sequence);
        let SlotHeader { database, member, sequence, position, .. } = header;
        CommitId { database, member, sequence, position: position.0 }
    }

    /// What became of something whose outcome was open; nothing if it still may take effect, as its
    /// position is not taken.
    pub(crate) fn fate(&self, commit: &CommitId) -> Option<Fate> {
        let Anchor { tip, members, .. } = &self.anchor;
        let is_taken = tip.position.0 >= commit.position;
        is_taken.then(|| members.fate(commit.member, commit.sequence))
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
        if fate == Some(Fate::Committed) && self.own == 1 {
            // That was its joining.
            self.own_from = anchor.next_segment;
        }
        self.anchor = anchor;
        self.lens.clear();
        self.is_unproven = true;
        Ok(fate)
    }

    pub(super) fn forget_pending(&mut self) -> Option<Pending> {
        let pending = self.pending.take()?;
        self.slots.discard(&pending.path);
        Some(pending)
    }

    /// Remembers a failure after which nothing is certain.
    pub(super) fn fail(&mut self, error: Error) -> Error {
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
