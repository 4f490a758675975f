//! Who was heard of, and when, by this member's clock alone.

use std::{collections::BTreeMap, time::Duration};

/// Members that are remembered.
const MEMBERS_MAX: usize = 65_536;

/// What this member knows of the others.
#[derive(Debug, Default)]
pub(super) struct Presence {
    /// Since when it has been listening, if it is.
    since: Option<Duration>,
    heard: BTreeMap<[u8; 16], Duration>,
}

impl Presence {
    /// These were heard of, and nobody else.
    pub(super) fn hear(&mut self, now: Duration, members: Vec<[u8; 16]>) {
        self.since.get_or_insert(now);
        self.heard.extend(members.into_iter().map(|member| (member, now)));
        if self.heard.len() > MEMBERS_MAX {
            // Those who are heard of now are fewer.
            self.heard.retain(|_, at| *at == now);
        }
    }

    /// Nothing can be heard for a while.
    pub(super) fn stop_listening(&mut self) {
        self.since = None;
    }

    /// For how long nothing was heard of a member in spite of listening.
    pub(super) fn silence(&self, now: Duration, member: [u8; 16]) -> Option<Duration> {
        let since = self.since?;
        let last = self.heard.get(&member).map_or(since, |at| since.max(*at));
        Some(now.saturating_sub(last))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: [u8; 16] = [1; 16];
    const BOB: [u8; 16] = [2; 16];

    fn at(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn silence_counts_from_the_last_word_or_from_when_listening_began() {
        let mut presence = Presence::default();
        assert_eq!(presence.silence(at(5), ANN), None, "nobody listens");
        presence.hear(at(10), vec![ANN]);
        presence.hear(at(14), vec![ANN]);
        assert_eq!(presence.silence(at(15), ANN), Some(at(1)));
        assert_eq!(presence.silence(at(15), BOB), Some(at(5)));
    }

    #[test]
    fn who_cannot_listen_takes_nobody_for_silent() {
        let mut presence = Presence::default();
        presence.hear(at(10), vec![ANN]);
        presence.stop_listening();
        assert_eq!(presence.silence(at(90), ANN), None);
        presence.hear(at(100), vec![]);
        assert_eq!(presence.silence(at(103), ANN), Some(at(3)));
    }

    #[test]
    fn what_is_remembered_is_bounded() {
        let mut presence = Presence::default();
        for second in 0..40 {
            let member = |n: u64| {
                let mut member = [0; 16];
                member[..8].copy_from_slice(&(second * 4_096 + n).to_le_bytes());
                member
            };
            presence.hear(at(second), (0..4_096).map(member).collect());
            assert!(presence.heard.len() <= MEMBERS_MAX);
        }
        assert_eq!(presence.silence(at(40), [0; 16]), Some(at(40)), "longer, never shorter");
    }
}
