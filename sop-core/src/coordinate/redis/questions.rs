//! What is asked of the server, and what its answers say.
//!
//! Whatever has to be one step is a script, sent whole each time: a few hundred bytes, for which the
//! server need not remember anything.

use std::time::Duration;

use redis::{Cmd, Value};

use super::{
    keys::{Keys, Ticket},
    seal::{Announcement, SEAL_LEN},
};
use crate::coordinate::Trouble;

const ASK: &str = include_str!("ask.lua");
const PASS: &str = include_str!("pass.lua");
const BEAT: &str = include_str!("beat.lua");

/// Announcements that the server keeps.
const NEWS_MAX: usize = 64;
/// How many of them are fetched at a time.
const NEWS_AT_ONCE: usize = 16;
/// How long the server keeps what nobody touches.
const NEWS_KEPT: Duration = Duration::from_secs(60);
const QUEUE_KEPT: Duration = Duration::from_secs(10);

/// How often a member says that it is there, and how long the server believes it.
pub(super) const BEAT_EVERY: Duration = Duration::from_secs(1);
const BEAT_KEPT: Duration = Duration::from_secs(3);
/// Members that the server names.
pub(super) const SEEN_MAX: usize = 4_096;

/// Asks in the name of one member.
#[derive(Clone, Debug)]
pub(super) struct Questions {
    pub(super) keys: Keys,
    pub(super) member: [u8; 16],
    /// How long a turn lasts that is not ended.
    pub(super) hold: Duration,
}

/// The answer to [`Questions::ask`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Asked {
    /// Who is first; with nobody it is this member's turn.
    pub(super) ahead: u32,
    pub(super) waiting: u32,
}

impl Questions {
    /// Asks for a turn, or whether it has come.
    pub(super) fn ask(&self, ticket: &Ticket) -> Cmd {
        let mut cmd = self.script(ASK, ticket);
        cmd.arg(millis(QUEUE_KEPT)).arg(NEWS_MAX).arg(millis(NEWS_KEPT));
        cmd
    }

    /// Ends the turn, and announces.
    pub(super) fn pass(
        &self,
        ticket: &Ticket,
        sealed: Option<(&Announcement<'_>, [u8; SEAL_LEN])>,
    ) -> Cmd {
        let mut cmd = self.script(PASS, ticket);
        cmd.arg(NEWS_MAX).arg(millis(NEWS_KEPT));
        if let Some((announcement, seal)) = sealed {
            cmd.arg("member").arg(&announcement.member).arg("position").arg(announcement.position);
            cmd.arg("seal").arg(&seal);
            if let Some(slot) = announcement.slot {
                cmd.arg("slot").arg(slot);
            }
        }
        cmd
    }

    /// A script over turns, up to the arguments that all of them have.
    fn script(&self, script: &str, ticket: &Ticket) -> Cmd {
        let Keys { turn, queue, news, .. } = &self.keys;
        let mut cmd = redis::cmd("EVAL");
        cmd.arg(script).arg(3).arg(turn).arg(queue).arg(news);
        cmd.arg(ticket).arg(millis(self.hold));
        cmd
    }

    /// Says that the member is there, and asks who else is.
    pub(super) fn beat(&self) -> Cmd {
        let mut cmd = redis::cmd("EVAL");
        cmd.arg(BEAT).arg(1).arg(&self.keys.seen);
        cmd.arg(&self.member).arg(millis(BEAT_KEPT)).arg(SEEN_MAX);
        cmd
    }

    /// The newest news, newest first.
    pub(super) fn newest_news(&self) -> Cmd {
        let mut cmd = redis::cmd("XREVRANGE");
        cmd.arg(&self.keys.news).arg("+").arg("-").arg("COUNT").arg(NEWS_AT_ONCE);
        cmd
    }

    /// The news behind an entry, waited for as long as is said.
    pub(super) fn next_news(&self, after: &[u8], wait: Duration) -> Cmd {
        let mut cmd = redis::cmd("XREAD");
        cmd.arg("COUNT").arg(NEWS_AT_ONCE).arg("BLOCK").arg(millis(wait));
        cmd.arg("STREAMS").arg(&self.keys.news).arg(after);
        cmd
    }
}

/// At least one, as none would mean for ever.
fn millis(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).max(1)
}

/// The answer to [`Questions::ask`].
pub(super) fn asked(answer: &Value) -> Result<Asked, Trouble> {
    match answer {
        Value::Array(items) => match items.as_slice() {
            [ahead, waiting] => Ok(Asked { ahead: count(ahead)?, waiting: count(waiting)? }),
            _ => Err(strange()),
        },
        _ => Err(strange()),
    }
}

/// The answer to [`Questions::pass`]: how many wait.
pub(super) fn count(answer: &Value) -> Result<u32, Trouble> {
    match answer {
        Value::Int(count) => u32::try_from(*count).map_err(|_| strange()),
        _ => Err(strange()),
    }
}

/// The answer to [`Questions::beat`]: who is there. What is no member is left out.
pub(super) fn members(answer: Value) -> Result<Vec<[u8; 16]>, Trouble> {
    let Value::Array(items) = answer else { return Err(strange()) };
    let members = items.into_iter().filter_map(|item| match item {
        Value::BulkString(bytes) => bytes.try_into().ok(),
        _ => None,
    });
    Ok(members.collect())
}

pub(super) fn strange() -> Trouble {
    Trouble::Unusable("its answer is of another form than asked for".to_owned())
}
