//! Redis behind an outbox: its commands cannot be prepared or taken back, but they can be repeated
//! without effect.
//!
//! Limits:
//! - What happens in Redis happens after the transaction, a moment later or much later.
//! - A message that comes again within [`Redis::REMEMBERED`] has no effect; so long a program may be down
//!   between delivering a message and taking it off its list.
//! - Redis loses what it has not saved when it crashes: markers and effects together.

use std::time::Duration;

use redis::{Client, RedisResult, cmd};
use sop_core::{Message, ParticipantError, Receiver, async_trait};

/// Adds to counters of a Redis server. A message is the name of a counter and a number, with a space
/// between them.
#[derive(Debug)]
pub struct Redis {
    client: Client,
}

/// Marks the message as seen and does what it says, in one step, unless it was seen before.
const ADD_ONCE: &str = "\
    if redis.call('SET', KEYS[1], '', 'NX', 'EX', ARGV[2]) then \
        redis.call('INCRBY', KEYS[2], ARGV[1]) \
    end";

impl Redis {
    /// How long a message is remembered.
    pub const REMEMBERED: Duration = Duration::from_secs(7 * 24 * 60 * 60);

    /// The server of this client. Connects when it has to.
    pub fn new(client: Client) -> Self {
        Self { client }
    }

    /// A message that adds a number to a counter.
    pub fn adding(counter: &str, number: i64) -> String {
        format!("{counter} {number}")
    }
}

#[async_trait]
impl Receiver for Redis {
    async fn deliver(&self, message: &Message) -> Result<(), ParticipantError> {
        let text = str::from_utf8(&message.payload).map_err(ParticipantError::refused)?;
        let unreadable = || ParticipantError::refused(format!("an unknown message: {text:?}"));
        let (counter, number) = text.rsplit_once(' ').ok_or_else(unreadable)?;
        let number: i64 = number.parse().map_err(ParticipantError::refused)?;
        let mut add_once = cmd("EVAL");
        add_once.arg(ADD_ONCE).arg(2).arg(format!("sop:seen:{}", message.id)).arg(counter);
        add_once.arg(number).arg(Self::REMEMBERED.as_secs());
        let client = self.client.clone();
        let call = move || -> RedisResult<()> { add_once.query(&mut client.get_connection()?) };
        let called = tokio::task::spawn_blocking(call).await.map_err(ParticipantError::unknown)?;
        called.map_err(ParticipantError::unknown)
    }
}
