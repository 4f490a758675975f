//! Who shows that it lives, and who has not for how long: by this process's clock alone.
//!
//! Others are looked at from time to time. Something about each of them changes as long as it lives;
//! whoever looks the same for too long is *silent*. Only time in which this process did look counts:
//! one that was stopped itself, or could not reach the folder, has seen nobody for that time and
//! learns nothing from it. So a pause of all is nobody's silence.

use std::{collections::BTreeMap, time::Duration};

/// Time between two looks that counts, at most: twice of what lies between two looks as a rule.
pub(super) const LOOK_MAX: Duration = Duration::from_secs(10);

/// What others looked like when they looked otherwise last.
#[derive(Debug)]
pub(super) struct Watch<K, S> {
    looked_at: Option<Duration>,
    seen: BTreeMap<K, Seen<S>>,
}

#[derive(Debug)]
struct Seen<S> {
    sign: S,
    /// For how long it was watched and looked the same.
    silence: Duration,
}

impl<K, S> Default for Watch<K, S> {
    fn default() -> Self {
        Self { looked_at: None, seen: BTreeMap::new() }
    }
}

impl<K: Ord, S: PartialEq> Watch<K, S> {
    /// Notes what all look like now. Who is not among them is forgotten.
    pub(super) fn look(&mut self, now: Duration, all: impl IntoIterator<Item = (K, S)>) {
        let since = self.looked_at.replace(now).unwrap_or(now);
        let watched = now.saturating_sub(since).min(LOOK_MAX);
        let mut before = std::mem::take(&mut self.seen);
        for (who, sign) in all {
            let silence = match before.remove(&who) {
                Some(seen) if seen.sign == sign => seen.silence.saturating_add(watched),
                _ => Duration::ZERO,
            };
            self.seen.insert(who, Seen { sign, silence });
        }
    }

    /// Somebody was heard of in another way.
    pub(super) fn hear(&mut self, who: &K) {
        if let Some(seen) = self.seen.get_mut(who) {
            seen.silence = Duration::ZERO;
        }
    }

    /// Who has been silent for as long as that.
    pub(super) fn silent_for(&self, patience: Duration) -> impl Iterator<Item = &K> {
        self.seen.iter().filter(move |(_, seen)| seen.silence >= patience).map(|(who, _)| who)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATIENCE: Duration = Duration::from_secs(60);

    /// Looks at everybody every five seconds, from `from` on, and says who is silent in the end.
    fn silent(
        watch: &mut Watch<char, u64>,
        looks: std::ops::Range<u64>,
        sign: impl Fn(char, u64) -> u64,
    ) -> Vec<char> {
        for look in looks {
            let all = ['a', 'b'].map(|who| (who, sign(who, look)));
            watch.look(Duration::from_secs(5 * look), all);
        }
        watch.silent_for(PATIENCE).copied().collect()
    }

    #[test]
    fn only_who_shows_nothing_for_long_is_silent() {
        let mut watch = Watch::default();
        let sign = |who, look: u64| if who == 'a' { look / 6 } else { 7 };
        assert_eq!(silent(&mut watch, 0..12, sign), Vec::<char>::new());
        assert_eq!(silent(&mut watch, 12..13, sign), ['b']);
        watch.hear(&'b');
        assert_eq!(silent(&mut watch, 13..24, sign), Vec::<char>::new());
        assert_eq!(silent(&mut watch, 24..26, sign), ['b']);
    }

    #[test]
    fn who_was_away_itself_takes_nobody_for_silent() {
        let mut watch = Watch::default();
        assert_eq!(silent(&mut watch, 0..2, |_, _| 7), Vec::<char>::new());
        // Hours later.
        assert_eq!(silent(&mut watch, 10_000..10_002, |_, _| 7), Vec::<char>::new());
        assert_eq!(silent(&mut watch, 10_002..10_012, |_, _| 7), ['a', 'b']);
    }

    #[test]
    fn who_comes_back_after_it_was_forgotten_is_new() {
        let mut watch = Watch::default();
        assert_eq!(silent(&mut watch, 0..20, |_, _| 7), ['a', 'b']);
        watch.look(Duration::from_secs(100), [('a', 7)]);
        watch.look(Duration::from_secs(105), [('a', 7), ('b', 7)]);
        assert_eq!(watch.silent_for(PATIENCE).collect::<Vec<_>>(), [&'a']);
    }
}
