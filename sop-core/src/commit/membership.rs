//! This process as a member of those who append to one log.

use std::ops::Range;

use super::{Pipeline, follow::shared};
use crate::{
    error::{Error, Result},
    guard::{self, Guard},
    log::{
        Appended,
        shared::{Fate, Member, SharedLog, Slots},
    },
};

/// How many numbers of segments are taken at a time.
const LEASE_LEN: u32 = 256;

impl Pipeline {
    /// Becomes a member of those who append; before that, nothing can be committed.
    pub(crate) fn join(&self) -> Result<()> {
        self.announce(&mut |log| log.join())
    }

    /// Is a member no more: nothing can be committed from then on.
    pub(crate) fn leave(&self) -> Result<()> {
        if self.shared.is_none() {
            return Ok(());
        }
        self.announce(&mut |log| log.leave())
    }

    /// Numbers of segments that nobody else will use.
    pub(crate) fn lease(&self) -> Result<Range<u32>> {
        let mut first = 0;
        if !guard::stands(Guard::LeasedNumbers) {
            first = shared(&mut self.log.lock()).anchor().next_segment.0;
            return Ok(first..first + LEASE_LEN);
        }
        self.announce(&mut |log| {
            first = log.anchor().next_segment.0;
            log.lease(LEASE_LEN)
        })?;
        Ok(first..first + LEASE_LEN)
    }

    /// The member that this process is, and who all members are; nothing if the log is not shared.
    pub(crate) fn membership(&self) -> Option<(Member, Slots)> {
        let mut stage = self.log.lock();
        stage.log.shared().map(|log| (log.member(), log.slots().clone()))
    }

    /// Appends what is no batch, as often as it takes until it is in the log. Others go on meanwhile.
    fn announce(&self, append: &mut dyn FnMut(&mut SharedLog) -> Result<Appended>) -> Result<()> {
        let mut assembly = self.assembly.lock();
        let mut stage = self.log.lock();
        loop {
            self.take_in(&mut assembly, &mut stage)?;
            let appended = append(shared(&mut stage));
            if let Err(broken) = stage.log.check() {
                self.poison(&broken);
            }
            match appended? {
                // The trees are as they were, at another position.
                Appended::At(_) => return self.take_in(&mut assembly, &mut stage),
                Appended::Overtaken => {}
                Appended::NoMember => return Err(Error::Expelled),
                Appended::Open(error) => return Err(error),
                Appended::Behind => {
                    if self.begin_anew(&mut assembly, &mut stage)? == Some(Fate::Committed) {
                        return Ok(());
                    }
                }
            }
        }
    }
}
