//! What happened in runs, by kind and number: who asks for each kind notices if one stops happening.

use std::fmt;

/// Names what can happen, once and for all who list it.
macro_rules! happenings {
    ($($(#[$doc:meta])+ $name:ident = $words:literal,)+) => {
        /// A kind of thing that happens in runs of clusters.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Happening {
            $($(#[$doc])+ $name,)+
        }

        impl Happening {
            /// All kinds.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// In words, in the plural.
            pub fn words(self) -> &'static str {
                match self {
                    $(Self::$name => $words,)+
                }
            }
        }
    };
}

happenings! {
    /// Transactions that were begun.
    Transactions = "transactions of clusters begun",
    /// Transactions and snapshots that read lists, or appended to them.
    Histories = "transactions in checked histories of clusters",
    /// Whole states whose digest was compared with the oracle's.
    States = "digests of whole states of clusters",
    /// Those of them at positions at which another process had been looked at.
    EqualStates = "digests equal to those of other processes",
    /// Answers of machines from memory that were wrong by then.
    StaleAnswers = "stale answers about folders",
    /// Links that were made and answered as failed.
    LostReplies = "lost replies",
    /// Links that were answered as made, whatever became of them.
    WrongReplies = "wrong replies",
    /// Links that were never made.
    LostRequests = "lost requests",
    /// Links that were made after their sender was told that they failed.
    LateRequests = "delayed links",
    /// Those of them whose machine was switched off by then.
    RequestsOfDead = "delayed links of machines that were off",
    /// Transactions that were prepared.
    Prepared = "transactions of clusters prepared",
    /// Those of them that were ended, mostly by another process.
    EndedPrepared = "prepared transactions of clusters ended",
    /// Transactions that were refused because of what is prepared.
    KeptOff = "transactions of clusters kept off by prepared ones",
    /// Slots that were linked once more after they were removed.
    Ghosts = "slots linked again after they were removed",
    /// Other calls that failed.
    FailedCalls = "failed calls",
    /// Processes that ended in the middle of what they did.
    Kills = "killed processes",
    /// Slots that were there and that a power cut took away.
    LostSlots = "slots lost in power cuts",
    /// Processes that got no turn for long.
    Pauses = "pauses",
    /// Those of them that took longer than anybody waits for anybody.
    PausesBeyondLeases = "pauses beyond every lease",
    /// Those of them after which slots had been removed that the process did not know yet.
    PausesBeyondSlots = "pauses beyond the slots that were kept",
    /// Members that were taken for dead, be they so or not.
    Expulsions = "expelled members",
    /// Times during which nobody could reach Redis.
    RedisLosses = "losses of Redis",
    /// Moments in which Redis forgot everything.
    RedisWipes = "wipes of Redis",
    /// Times during which there were two of it.
    RedisSplits = "splits of Redis",
    /// Times during which its answers were of some time ago.
    RedisDelays = "slow times of Redis",
    /// Turns that somebody got.
    RedisTurns = "turns got from Redis",
    /// Turns that somebody got while somebody else had one.
    RedisDoubleTurns = "turns that two had at once",
    /// Turns that somebody got tired of waiting for.
    RedisWaits = "answers that others are first",
    /// News that arrived late, and out of order.
    RedisLateNews = "late news",
    /// Slots that somebody was handed instead of reading them.
    RedisSlots = "slots handed on by Redis",
    /// Those of them that nobody has linked at that place.
    RedisFalseSlots = "false slots handed on by Redis",
}

/// How often each of them happened.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Counts([u64; Happening::ALL.len()]);

impl Default for Counts {
    fn default() -> Self {
        Self([0; Happening::ALL.len()])
    }
}

impl Counts {
    /// How often it happened.
    pub fn of(&self, happening: Happening) -> u64 {
        self.0[happening as usize]
    }

    /// It happened so many times more.
    pub(super) fn add(&mut self, happening: Happening, times: u64) {
        self.0[happening as usize] += times;
    }

    /// Both together.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        for (mine, others) in self.0.iter_mut().zip(other.0) {
            *mine += others;
        }
        self
    }
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map()
            .entries(Happening::ALL.iter().map(|one| (one.words(), self.of(*one))))
            .finish()
    }
}
