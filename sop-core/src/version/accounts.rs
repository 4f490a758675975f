//! How much of each segment is still linked to.
//!
//! The trees of a checkpoint live in segments; what later versions leave behind in them is noted
//! here, with the log position it happened at, and counted when a checkpoint reaches that position.

use std::collections::{BTreeMap, VecDeque};

use super::{Change, SegmentInfo};
use crate::{
    guard::{self, Guard},
    id::{Position, SegmentId},
};

/// Live bytes by segment, as of the last checkpoint, and what happened since.
#[derive(Debug, Default)]
pub(crate) struct Accounts {
    segments: BTreeMap<SegmentId, SegmentInfo>,
    events: VecDeque<(Position, Event)>,
}

/// What happened to a segment.
#[derive(Clone, Copy, Debug)]
enum Event {
    Added(SegmentInfo),
    /// So many bytes are not linked to any more.
    Dead(SegmentId, u64),
}

impl Accounts {
    pub(crate) fn new(segments: impl IntoIterator<Item = SegmentInfo>) -> Self {
        let segments = segments.into_iter().map(|segment| (segment.id, segment)).collect();
        Self { segments, events: VecDeque::new() }
    }

    /// Notes what a version at `position` did.
    pub(crate) fn note(&mut self, position: Position, change: &mut Change) {
        for info in change.added.drain(..) {
            self.events.push_back((position, Event::Added(info)));
        }
        for (id, bytes) in change.dead.drain(..) {
            self.events.push_back((position, Event::Dead(id, bytes)));
        }
    }

    /// Whether a segment was there already at the last checkpoint.
    pub(crate) fn has_recorded(&self, id: SegmentId) -> bool {
        self.segments.contains_key(&id)
    }

    /// The segments as they are at `position`, which is not before any position asked for earlier.
    pub(crate) fn at(&self, position: Position) -> BTreeMap<SegmentId, SegmentInfo> {
        let mut segments = self.segments.clone();
        let is_until = |at: Position| at <= position || !guard::stands(Guard::LiveAtCheckpoint);
        let until = self.events.iter().take_while(|(at, _)| is_until(*at));
        until.for_each(|(_, event)| apply(&mut segments, *event));
        segments
    }

    /// A checkpoint at `position` has recorded `segments`: what happened up to it is counted.
    pub(crate) fn settle(
        &mut self,
        position: Position,
        segments: BTreeMap<SegmentId, SegmentInfo>,
    ) {
        self.segments = segments;
        while self.events.front().is_some_and(|(at, _)| *at <= position) {
            self.events.pop_front();
        }
    }

    /// The segments with everything counted that happened so far.
    pub(crate) fn now(&self) -> BTreeMap<SegmentId, SegmentInfo> {
        self.at(Position(u64::MAX))
    }
}

fn apply(segments: &mut BTreeMap<SegmentId, SegmentInfo>, event: Event) {
    match event {
        Event::Added(info) => {
            segments.insert(info.id, info);
        }
        Event::Dead(id, bytes) => {
            if let Some(segment) = segments.get_mut(&id)
                && guard::stands(Guard::DeadBytes)
            {
                segment.live = segment.live.saturating_sub(bytes);
            }
        }
    }
}
