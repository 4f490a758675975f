//! Many drafts becoming one version and one record of the log.

use std::sync::Arc;

use super::{Commit, Settler, Submission, Ticket};
use crate::{
    error::{Error, Result},
    guard::{self, Guard},
    id::Position,
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
    /// A batch on a state, whose record begins with this many bytes for the log.
    pub(super) fn new(base: Arc<Version>, header_len: usize) -> Self {
        let builder = Some(Builder::new(&base, base.position().next()));
        Self {
            base,
            builder,
            broken: None,
            record: vec![0; header_len],
            header_len,
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
        submission: Submission,
        ticket: Arc<Ticket>,
        folder: &SegmentFolder,
    ) {
        let durability = submission.durability;
        let merged = self.newest() > submission.base.position();
        match self.merge(submission, folder) {
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

    /// Whether the draft changed anything.
    fn merge(&mut self, submission: Submission, folder: &SegmentFolder) -> Result<bool> {
        let Some(builder) = &mut self.builder else {
            return Err(self.broken.clone().unwrap_or(Error::Closed));
        };
        let Submission { draft, base, merger, .. } = submission;
        let mut resolved = resolve(draft, builder, builder.next_store())?;
        match (validate(&resolved, &base, builder), merger) {
            (Err(Error::Conflict(_)), Some(Settler(mut merger))) => {
                resolved.merge(&mut *merger, &base, builder)?;
                if guard::stands(Guard::CheckMerged) {
                    validate(&resolved, &base, builder)?;
                }
            }
            (outcome, _) => outcome?,
        }
        let delta = resolved.delta(builder);
        if delta.stores.is_empty() {
            return Ok(false);
        }
        if let Err(error) = builder.apply(&delta, folder) {
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
        // Who lost against one of these has lost against nobody.
        let own = self.base.position().next().0;
        for (_, refusal) in &mut self.refused {
            if matches!(refusal, Error::Conflict(conflict) if conflict.winner == Some(own)) {
                *refusal = error.clone();
            }
        }
        let accepted = self.accepted.drain(..).map(|one| (one.ticket, error.clone()));
        self.refused.extend(accepted);
    }

    /// The version with all drafts merged.
    pub(super) fn finish(&mut self) -> Option<(Version, Change)> {
        self.builder.take().map(Builder::finish)
    }

    /// It is not known whether what was written reached the disk.
    pub(super) fn unknown(&mut self, position: Position, error: &Error) {
        let unknown = Error::CommitUnknown { position: position.0, reason: error.to_string() };
        let accepted = self.accepted.drain(..).map(|one| (one.ticket, unknown.clone()));
        self.refused.extend(accepted);
    }

    /// Tells everybody how it ended, now that `position` is what readers see.
    pub(super) fn tell(mut self, position: Position) {
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
        for ticket in accepted.chain(refused).chain(self.idle.drain(..)) {
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
