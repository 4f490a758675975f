//! What one Redis knows: who has the turn, who waits for it, and what is new.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::Arc,
    time::Duration,
};

/// How long somebody has a turn.
const HOLD: Duration = Duration::from_millis(250);

/// How many slots are handed on, the newest ones.
const CARRIED_MAX: usize = 64;

pub(super) type Member = [u8; 16];

/// What it knows.
#[derive(Default)]
pub(super) struct Side {
    queue: VecDeque<Member>,
    /// Who has the turn, and until when.
    holder: Option<(Member, Duration)>,
    /// The newest position that each has told.
    newest: BTreeMap<Member, u64>,
    heard: BTreeMap<Member, Duration>,
    /// Slots that were handed on, and by whom.
    carried: BTreeMap<u64, (Member, Arc<[u8]>)>,
}

impl Side {
    /// Whether it is somebody's turn, who asks for one. Without an answer others are first.
    pub(super) fn ask(&mut self, member: Member, now: Duration) -> bool {
        self.heard.insert(member, now);
        if let Some((holder, until)) = self.holder {
            if holder == member && until > now {
                return true;
            }
            if until <= now {
                self.holder = None;
            }
        }
        // Who has not asked for as long has no patience left, or is dead.
        let heard = &self.heard;
        self.queue.retain(|other| heard.get(other).is_some_and(|at| *at + HOLD > now));
        if !self.queue.contains(&member) {
            self.queue.push_back(member);
        }
        if self.holder.is_some() || self.queue.front() != Some(&member) {
            return false;
        }
        self.queue.pop_front();
        self.holder = Some((member, now + HOLD));
        true
    }

    pub(super) fn end(&mut self, member: Member) {
        self.queue.retain(|other| *other != member);
        if self.holder.is_some_and(|(holder, _)| holder == member) {
            self.holder = None;
        }
    }

    pub(super) fn has_turn(&self, member: &Member, now: Duration) -> bool {
        self.holder.is_some_and(|(holder, until)| holder == *member && until > now)
    }

    /// Somebody has something new.
    pub(super) fn tell(&mut self, from: Member, position: u64, slot: Option<Arc<[u8]>>) {
        let newest = self.newest.entry(from).or_default();
        *newest = position.max(*newest);
        if let Some(slot) = slot {
            self.carried.insert(position, (from, slot));
            if self.carried.len() > CARRIED_MAX {
                self.carried.pop_first();
            }
        }
    }

    /// The slot that somebody else has handed on.
    pub(super) fn carried(&self, member: &Member, position: u64) -> Option<Arc<[u8]>> {
        let (from, slot) = self.carried.get(&position)?;
        (from != member).then(|| Arc::clone(slot))
    }

    pub(super) fn newest_of_others(&self, member: &Member) -> Option<u64> {
        let others = self.newest.iter().filter(|(other, _)| *other != member);
        others.map(|(_, position)| *position).max()
    }

    pub(super) fn waiting_besides(&self, member: &Member) -> u32 {
        let others = self.queue.iter().filter(|other| *other != member).count();
        u32::try_from(others).unwrap_or(u32::MAX)
    }

    /// When somebody asked for something last.
    pub(super) fn heard(&self, member: &Member) -> Option<Duration> {
        self.heard.get(member).copied()
    }
}
