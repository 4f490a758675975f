//! Many drafts becoming one version and one record of the log.
//!
//! Where others append to the same log, a batch may find its place taken. It then merges the same
//! drafts anew on what was found there, as if it had never done so before: it keeps what it was
//! given until its record is in the log. In a log of its own it keeps nothing.

use std::{borrow::Cow, collections::VecDeque, mem, sync::Arc};

use super::{Commit, Settler, Submission, Ticket};
use crate::{
    error::{Error, Result},
    guard::{self, Guard},
    id::{CommitId, Position},
    limit::BATCH_LEN_TARGET,
    node::SegmentFolder,
    sync::thread,
    transaction::{Durability, resolve, validate},
    version::{Builder, Change, Version},
};

/// Drafts taken together, as far as they are merged.
#[derive(Debug)]
pub(super) struct Batch {
    base: Arc<Version>,
    /// The state after the drafts merged so far; none once it is finished or broken.
    builder: Option<Builder>,
    broken: Option<Error>,
    /// What the log fills in, then the deltas one after another.
    record: Vec<u8>,
    header_len: usize,
    /// All that was to be merged, in order, if it may have to be merged anew.
    given: Option<VecDeque<(Submission, Arc<Ticket>)>>,
    accepted: Vec<Accepted>,
    refused: Vec<(Arc<Ticket>, Error)>,
    /// Those that changed nothing.
    idle: Vec<Arc<Ticket>>,
    durability: Durability,
    /// Whether the thread was unwinding before.
    unwinding: bool,
}

#[derive(Debug)]
struct Accepted {
    ticket: Arc<Ticket>,
    merged: bool,
}

impl Batch {
    /// A batch on a state, whose record begins with this many bytes for the log. One that others
    /// may get ahead of can be [rebased](Self::rebase).
    pub(super) fn new(base: Arc<Version>, header_len: usize, is_shared: bool) -> Self {
        let builder = Some(Builder::new(&base, base.position().next()));
        Self {
            base,
            builder,
            broken: None,
            record: vec![0; header_len],
            header_len,
            given: is_shared.then(VecDeque::new),
            accepted: Vec::new(),
            refused: Vec::new(),
            idle: Vec::new(),
            durability: Durability::Eventual,
            unwinding: thread::panicking(),
        }
    }

    pub(super) fn is_full(&self) -> bool {
        self.record.len() >= BATCH_LEN_TARGET
    }

    /// Whether there is nothing to append.
    pub(super) fn is_empty(&self) -> bool {
        self.accepted.is_empty()
    }

    pub(super) fn accepted(&self) -> usize {
        self.accepted.len()
    }

    /// How many lost against others.
    pub(super) fn conflicts(&self) -> usize {
        self.refused.iter().filter(|(_, error)| error.is_retryable()).count()
    }

    pub(super) fn durability(&self) -> Durability {
        self.durability
    }

    pub(super) fn body_len(&self) -> usize {
        self.record.len() - self.header_len
    }

    /// The record, with room for the log's own in front.
    pub(super) fn record(&mut self) -> &mut Vec<u8> {
        &mut self.record
    }

    /// Merges one more draft, or refuses it without a trace.
    pub(super) fn add(
        &mut self,
        mut submission: Submission,
        ticket: Arc<Ticket>,
        folder: &SegmentFolder,
    ) {
        let durability = submission.durability;
        let merged = self.newest() > submission.base.position();
        let outcome = self.merge(&mut submission, folder);
        if let Some(given) = &mut self.given {
            given.push_back((submission, Arc::clone(&ticket)));
        }
        match outcome {
            Ok(true) => {
                self.durability = stricter(self.durability, durability);
                self.accepted.push(Accepted { ticket, merged });
            }
            Ok(false) => self.idle.push(ticket),
            Err(error) => self.refused.push((ticket, error)),
        }
    }

    /// The position that a draft made on the newest state would have been made on.
    fn newest(&self) -> Position {
        if self.accepted.is_empty() { self.base.position() } else { self.base.position().next() }
    }

    /// Merges everything anew on a newer state, with nothing left of how it was merged before.
    pub(super) fn rebase(&mut self, base: Arc<Version>, folder: &SegmentFolder) {
        self.retract();
        self.builder = Some(Builder::new(&base, base.position().next()));
        self.base = base;
        self.broken = None;
        self.record.clear();
        self.record.resize(self.header_len, 0);
        self.durability = Durability::Eventual;
        self.accepted.clear();
        self.refused.clear();
        self.idle.clear();
        for _ in 0..self.given.as_ref().map_or(0, VecDeque::len) {
            // Whatever happens, who waits is in one of the lists.
            let next = self.given.as_mut().and_then(VecDeque::pop_front);
            let Some((submission, ticket)) = next else { return };
            submission.draft.doom_segments();
            self.add(submission, ticket, folder);
        }
    }

    /// Whether the draft changed anything.
    fn merge(&mut self, submission: &mut Submission, folder: &SegmentFolder) -> Result<bool> {
        let Some(builder) = &mut self.builder else {
            return Err(self.broken.clone().unwrap_or(Error::Closed));
        };
        let Submission { draft, base, merger, .. } = submission;
        let draft = match &self.given {
            Some(_) => Cow::Borrowed(&*draft),
            None => Cow::Owned(mem::take(draft)),
        };
        let mut resolved = resolve(draft, builder, builder.next_store())?;
        match (validate(&resolved, base, builder), merger) {
            (Err(Error::Conflict(_)), Some(Settler(merger))) => {
                resolved.merge(&mut **merger, base, builder)?;
                if guard::stands(Guard::CheckMerged) {
                    validate(&resolved, base, builder)?;
                }
            }
            (outcome, _) => outcome?,
        }
        let delta = resolved.delta(builder, folder.own_from())?;
        if delta.stores.is_empty() {
            return Ok(false);
        }
        if let Err(error) = builder.apply(&delta, folder) {
            resolved.forgo();
            self.builder = None;
            self.broken = Some(error.clone());
            return Err(error);
        }
        let end = self.record.len();
        delta.encode(&mut self.record);
        if !guard::stands(Guard::BatchOrder) {
            self.record[self.header_len..].rotate_left(end - self.header_len);
        }
        Ok(true)
    }

    pub(super) fn refuse(&mut self, ticket: Arc<Ticket>, error: Error) {
        self.refused.push((ticket, error));
    }

    /// Why the trees being built cannot be used, if so.
    pub(super) fn broken(&self) -> Option<Error> {
        self.broken.clone()
    }

    /// Gives up: nothing was written, and everybody is told why.
    pub(super) fn abandon(&mut self, error: &Error) {
        if let Some(builder) = self.builder.take() {
            builder.discard();
        }
        // Who lost against one of these has lost against nobody. Some conflicts do not say against
        // whom, as those about stores; if somebody was to be committed here, it may have been that one.
        let own = self.base.position().next().0;
        let can_be = !self.accepted.is_empty();
        let is_own = |winner: Option<u64>| winner.map_or(can_be, |winner| winner == own);
        for (_, refusal) in &mut self.refused {
            if matches!(refusal, Error::Conflict(conflict) if is_own(conflict.winner)) {
                *refusal = error.clone();
            }
        }
        let accepted = self.accepted.drain(..).map(|one| (one.ticket, error.clone()));
        self.refused.extend(accepted);
    }

    /// What the batch was built on may not last, so that nothing follows from it: all are told why,
    /// but those of whom nobody knows how they ended.
    pub(super) fn withdraw(&mut self, error: &Error) {
        self.abandon(error);
        for (_, refusal) in &mut self.refused {
            if !matches!(refusal, Error::CommitUnknown { .. }) {
                *refusal = error.clone();
            }
        }
        self.refused.extend(self.idle.drain(..).map(|ticket| (ticket, error.clone())));
    }

    /// The version with all drafts merged.
    pub(super) fn finish(&mut self) -> Option<(Version, Change)> {
        self.builder.take().map(Builder::finish)
    }

    /// It is not known whether what was written reached the disk.
    pub(super) fn unknown(&mut self, position: Position, commit: Option<CommitId>, error: &Error) {
        self.retract();
        let reason = error.to_string();
        let unknown = Error::CommitUnknown { position: position.0, reason, commit };
        let accepted = self.accepted.drain(..).map(|one| (one.ticket, unknown.clone()));
        self.refused.extend(accepted);
    }

    /// Gives up what was built, but not what it says: that has taken effect in another way, or may
    /// still do so.
    pub(super) fn retract(&mut self) {
        if let Some(builder) = self.builder.take() {
            builder.retract();
        }
    }

    /// Tells everybody how it ended, now that `position` is what readers see.
    pub(super) fn tell(mut self, position: Position) {
        self.given = None;
        let own = self.base.position().next().0;
        for (index, Accepted { ticket, merged }) in (0..).zip(self.accepted.drain(..)) {
            ticket.done(Ok(Commit { position: own, index, merged }));
        }
        for ticket in self.idle.drain(..) {
            ticket.done(Ok(Commit { position: position.0, index: 0, merged: false }));
        }
        for (ticket, error) in self.refused.drain(..) {
            ticket.done(Err(error));
        }
    }
}

impl Drop for Batch {
    /// Nobody waits for ever, also if the leader panicked.
    fn drop(&mut self) {
        match self.builder.take() {
            // In the middle of a panic the trees may be half changed, and nothing of them is freed.
            Some(builder) if thread::panicking() == self.unwinding => builder.discard(),
            _ => {}
        }
        let refused = self.refused.drain(..).map(|(ticket, _)| ticket);
        let accepted = self.accepted.drain(..).map(|accepted| accepted.ticket);
        let given =
            self.given.iter_mut().flat_map(|given| given.drain(..)).map(|(_, ticket)| ticket);
        for ticket in accepted.chain(refused).chain(self.idle.drain(..)).chain(given) {
            let reason = "the commit pipeline panicked".to_owned();
            ticket.done(Err(Error::Poisoned { reason }));
        }
    }
}

/// The stricter of two durabilities; of two intervals the shorter.
fn stricter(a: Durability, b: Durability) -> Durability {
    use Durability::{Eventual, Immediate, Interval};
    if !guard::stands(Guard::StrictestInBatch) {
        return b;
    }
    match (a, b) {
        (Immediate, _) | (_, Immediate) => Immediate,
        (Interval(a), Interval(b)) => Interval(a.min(b)),
        (Interval(a), Eventual) | (Eventual, Interval(a)) => Interval(a),
        (Eventual, Eventual) => Eventual,
    }
}
