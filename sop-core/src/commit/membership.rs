//! This process as a member of those who append to one log.
//!
//! It joins, and others may take it for dead and expel it; that is a slot of the log like any other.
//! Whoever finds itself expelled joins anew, under another identity, and goes on with what it was
//! about to do: what was not in the log by then is merged with what is there, as ever. Only what
//! others may have removed since is lost: files that it wrote for batches to come.
//!
//! All that anybody does about another one's silence is to append that it is no member any more.
//! So it does not matter who is mistaken, or how many are.

use super::{Assembly, LogStage, Pipeline, follow::shared};
use crate::{
    error::{Error, Result},
    guard::{self, Guard},
    log::{
        Appended,
        shared::{Fate, Member, SharedLog, Slots},
    },
    node::Lease,
    sync::atomic::Ordering,
};

/// How many numbers of segments are taken at a time.
const LEASE_LEN: u32 = 256;

/// What is to be appended that is no batch; nothing if there is no reason for it any more.
type Append<'a> = dyn FnMut(&mut SharedLog) -> Result<Option<Appended>> + 'a;

impl Pipeline {
    /// Becomes a member of those who append; before that, nothing can be committed.
    pub(crate) fn join(&self) -> Result<()> {
        self.announce(&mut |log| log.join().map(Some))
    }

    /// Is a member no more: nothing can be committed from then on.
    pub(crate) fn leave(&self) -> Result<()> {
        let Some(others) = &self.shared else { return Ok(()) };
        self.unpin();
        self.announce(&mut |log| if log.is_member() { log.leave().map(Some) } else { Ok(None) })?;
        let slots = shared(&mut self.log.lock()).slots().clone();
        others.attendance.lock().end(&slots);
        Ok(())
    }

    /// Numbers of segments that nobody else will use.
    pub(crate) fn lease(&self) -> Result<Lease> {
        let mut lease = Lease::default();
        let mut take = |log: &SharedLog| {
            let first = log.anchor().next_segment.0;
            lease = Lease { numbers: first..first.saturating_add(LEASE_LEN), author: log.member() };
        };
        if guard::stands(Guard::LeasedNumbers) {
            self.announce(&mut |log| {
                take(log);
                log.lease(LEASE_LEN).map(Some)
            })?;
        } else {
            take(shared(&mut self.log.lock()));
        }
        Ok(lease)
    }

    /// Shows the others that this process lives, joins anew if they took it for dead, and makes
    /// those members no more who show nothing. Nothing to do if the log is not shared.
    pub(crate) fn attend(&self) -> Result<()> {
        let Some(others) = &self.shared else { return Ok(()) };
        let (member, slots, members) =
            self.among(|log| (log.member(), log.slots().clone(), log.anchor().members.clone()))?;
        let silent = {
            let mut attendance = others.attendance.lock();
            attendance.show(&slots, member, members.sequence(member).unwrap_or(0))?;
            let hears = |who| others.turns.hears(who);
            attendance.look(self.clock.now(), &slots, &members, hears)?
        };
        silent.into_iter().filter(|who| *who != member).try_for_each(|who| self.expel(who))
    }

    /// The member that this process is, and the files of the log; nothing if that is not shared. Joins
    /// anew if others took this process for dead.
    pub(crate) fn take_part(&self) -> Result<Option<(Member, Slots)>> {
        if self.shared.is_none() {
            return Ok(None);
        }
        self.among(|log| (log.member(), log.slots().clone())).map(Some)
    }

    /// What the log says as of now, for a process that is a member, anew if need be.
    fn among<T>(&self, ask: impl FnOnce(&SharedLog) -> T) -> Result<T> {
        let mut assembly = self.assembly.lock();
        let mut stage = self.log.lock();
        self.take_in(&mut assembly, &mut stage)?;
        if !shared(&mut stage).is_member() {
            self.join_anew(&mut assembly, &mut stage)?;
        }
        Ok(ask(shared(&mut stage)))
    }

    /// Makes another member one no more.
    fn expel(&self, whom: Member) -> Result<()> {
        let name = u128::from_be_bytes(whom);
        tracing::warn!(member = format_args!("{name:032x}"), "a member is silent, and expelled");
        self.announce(&mut |log| {
            if log.anchor().members.has(whom) { log.expel(whom).map(Some) } else { Ok(None) }
        })
    }

    /// Becomes a member again, under a new identity, after another one took this process for dead.
    pub(super) fn join_anew(&self, assembly: &mut Assembly, stage: &mut LogStage) -> Result<()> {
        if shared(stage).has_left() {
            return Err(Error::Closed);
        }
        tracing::warn!("another process took this one for dead; it joins anew");
        self.announce_with(assembly, stage, &mut |log| log.join().map(Some))
    }

    /// How many members there are, as far as this process knows.
    #[cfg(test)]
    pub(crate) fn members(&self) -> usize {
        shared(&mut self.log.lock()).anchor().members.present().count()
    }

    /// What depends on which member this process is goes by what the log says now.
    pub(super) fn note_identity(&self, stage: &mut LogStage) {
        let log = shared(stage);
        self.folder.set_own_from(log.own_from());
        let round = self.manifests().newest_seen();
        let rank = log.anchor().members.rank(log.member(), round);
        self.others().rank.store(rank, Ordering::Relaxed);
        if log.is_member() {
            self.turns().enter(log.member());
        }
    }

    /// Appends what is no batch, as often as it takes until it is in the log. Others go on meanwhile.
    pub(super) fn announce(&self, append: &mut Append<'_>) -> Result<()> {
        let mut assembly = self.assembly.lock();
        let mut stage = self.log.lock();
        self.announce_with(&mut assembly, &mut stage, append)
    }

    /// The same, with the log in hand.
    fn announce_with(
        &self,
        assembly: &mut Assembly,
        stage: &mut LogStage,
        append: &mut Append<'_>,
    ) -> Result<()> {
        loop {
            self.take_in(assembly, stage)?;
            let appended = append(shared(stage));
            if let Err(broken) = stage.log.check() {
                self.poison(&broken);
            }
            match appended? {
                // The trees are as they were, at another position.
                None | Some(Appended::At(_)) => return self.take_in(assembly, stage),
                Some(Appended::Overtaken) => {}
                Some(Appended::NoMember) => self.join_anew(assembly, stage)?,
                Some(Appended::Open(error)) => return Err(error),
                Some(Appended::Behind) => {
                    if self.begin_anew(assembly, stage)? == Some(Fate::Committed) {
                        return self.take_in(assembly, stage);
                    }
                }
            }
        }
    }
}
