//! What this process does to be seen by the others, and what it sees of them.

use std::{collections::BTreeMap, ffi::OsString, time::Duration};

use super::watch::Watch;
use crate::{
    error::Result,
    log::shared::{Member, Members, Slots, Unfinished},
};

/// How a member looks to others: the sequence of its newest slot, and its newest beat.
type Sign = (u64, u64);

/// This process among those who append to one log.
#[derive(Debug)]
pub(super) struct Attendance {
    /// For how long a member may be silent.
    patience: Duration,
    members: Watch<Member, Sign>,
    /// Unfinished files of those who are no members, be it that they have yet to join.
    strangers: Watch<OsString, ()>,
    /// Under which identity this process was seen last, and the sequence of its newest slot then.
    shown: Option<(Member, u64)>,
    /// How often it has shown itself in another way than by slots.
    beats: u64,
}

impl Attendance {
    pub(super) fn new(patience: Duration) -> Self {
        let (members, strangers) = (Watch::default(), Watch::default());
        Self { patience, members, strangers, shown: None, beats: 0 }
    }

    /// Shows the others that this process lives, if no new slot of its own has done so.
    pub(super) fn show(&mut self, slots: &Slots, member: Member, sequence: u64) -> Result<()> {
        let now = Some((member, sequence));
        if self.shown == now {
            self.beats += 1;
            slots.beat(member, self.beats)?;
        }
        self.shown = now;
        Ok(())
    }

    /// Takes away what it has shown itself by.
    pub(super) fn end(&mut self, slots: &Slots) {
        if let (Some((member, _)), 1..) = (self.shown.take(), self.beats) {
            slots.end_beats(member, self.beats);
        }
    }

    /// Looks at all members; who is silent. Removes what those have left in the folder of
    /// unfinished files who are members no more, or never became it in all this time.
    pub(super) fn look(
        &mut self,
        now: Duration,
        slots: &Slots,
        members: &Members,
        hears: impl Fn(Member) -> bool,
    ) -> Result<Vec<Member>> {
        let files = slots.unfinished_now()?;
        let beats: BTreeMap<Member, u64> = files
            .iter()
            .filter_map(|file| file.author.zip(file.beat))
            .fold(BTreeMap::new(), |mut beats, (member, beat)| {
                let newest = beats.entry(member).or_default();
                *newest = beat.max(*newest);
                beats
            });
        let sign = |member| {
            let sequence = members.sequence(member).unwrap_or(0);
            (member, (sequence, beats.get(&member).copied().unwrap_or(0)))
        };
        self.members.look(now, members.present().map(sign));
        members.present().filter(|member| hears(*member)).for_each(|it| self.members.hear(&it));
        self.tidy(now, slots, members, &files)?;
        Ok(self.members.silent_for(self.patience).copied().collect())
    }

    fn tidy(
        &mut self,
        now: Duration,
        slots: &Slots,
        members: &Members,
        files: &[Unfinished],
    ) -> Result<()> {
        let is_known = |file: &&Unfinished| {
            file.author.is_some_and(|author| members.sequence(author).is_some())
        };
        let (known, strange): (Vec<_>, Vec<_>) = files.iter().partition(is_known);
        self.strangers.look(now, strange.into_iter().map(|file| (file.name.clone(), ())));
        let has_ended =
            |file: &&&Unfinished| file.author.is_some_and(|author| members.has_ended(author));
        let ended = known.iter().filter(has_ended).map(|file| &*file.name);
        let strange = self.strangers.silent_for(self.patience).map(|name| &**name);
        slots.remove_unfinished(ended.chain(strange)).map(drop)
    }
}
