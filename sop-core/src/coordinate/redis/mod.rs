//! Coordination by way of a Redis server, or one of its kin, from version 6.2 on.
//!
//! The server holds four keys for each realm, which `docs/format.md` describes: whose turn it is, who
//! waits for one, what was announced lately, and who is there. All of them go by themselves when
//! nobody touches them, and may go at any time without loss.
//!
//! Turns are a list and a key that expires. Who ends a turn gives it to the first in the list, in the
//! same step that announces the slot. If somebody died who had it, it expires, and whoever asks next
//! takes the first of the list out; the one may be dead as well, which costs the same time once more.
//!
//! Announcements are a stream, so that who was away for a moment finds what it missed. A turn that is
//! handed on is told in the same stream.
//!
//! All calls of a member change what it wants, at once; a thread asks the server, another one listens
//! ([`member`]). The circuit ([`circuit`]) opens with the first failure, and nothing is wanted of the
//! server until it works again.

mod address;
mod circuit;
mod dial;
mod keys;
mod member;
mod news;
mod presence;
mod questions;
mod seal;
mod standing;
#[cfg(feature = "redis-tls")]
mod tls;
mod trouble;

use std::{sync::Arc, time::Duration};

use address::{Address, Login};
use dial::Dialer;
use keys::Keys;
use member::RedisMember;
use questions::Questions;

use super::{Coordination, Coordinator, Joining};
use crate::error::{Error, Result};

/// What a user of the server has to be allowed, in the words of its command `ACL SETUSER`:
/// everything under the keys `sop:*`, by these commands. With another database than 0, `+select` as
/// well.
pub const REDIS_RIGHTS: &str = "~sop:* resetchannels -@all +eval +get +set +del +pexpire +lpos \
    +lpop +rpush +lrem +llen +xadd +xread +xrevrange +time +zadd +zremrangebyscore +zrevrange";

/// How long an answer may take before the server counts as failed.
const PATIENCE: Duration = Duration::from_millis(100);

/// How long a turn lasts that is not ended.
const HOLD: Duration = Duration::from_millis(250);

/// Bounds of both.
const TIME_MIN: Duration = Duration::from_millis(10);
const TIME_MAX: Duration = Duration::from_secs(600);

/// Coordination by way of a Redis or Valkey server, from Redis 6.2 on: one server, one that
/// sentinels know, or a Redis Cluster.
///
/// Two threads and two connections belong to each member. As long as the server does not answer,
/// everything goes on without it; it is tried again after 0.1 to 5 seconds.
///
/// ```
/// use sop_core::RedisCoordination;
///
/// let one = RedisCoordination::new("redis://sop:secret@localhost:6379")?;
/// assert!(!format!("{one:?}").contains("secret"));
/// let sentinels = RedisCoordination::new("redis+sentinel://a,b,c/main")?;
/// let cluster = RedisCoordination::new("redis+cluster://a:7000,b:7000")?;
/// let error = RedisCoordination::new("localhost:6379").unwrap_err();
/// assert!(error.to_string().contains("write redis://"));
/// # Ok::<_, sop_core::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct RedisCoordination {
    dialer: Dialer,
    hold: Duration,
}

impl RedisCoordination {
    /// By the server with this address:
    ///
    /// ```text
    /// redis://[USER:PASSWORD@]HOST[:PORT][/DATABASE]
    /// redis+sentinel://[USER:PASSWORD@]HOST[:PORT],../SERVICE[/DATABASE]
    /// redis+cluster://[USER:PASSWORD@]HOST[:PORT],..
    /// ```
    ///
    /// `rediss` in the place of `redis` is TLS, which needs the feature `redis-tls`. Name and
    /// password are those of the server that has the keys ([`REDIS_RIGHTS`]). A password alone is
    /// `:PASSWORD@`; `%` and two hexadecimal digits stand for a byte. Nothing is connected yet.
    ///
    /// Fails with [`Error::Invalid`], which says what to write and does not repeat the address.
    pub fn new(address: &str) -> Result<Self> {
        let address = Address::parse(address)?;
        if address.tls && cfg!(not(feature = "redis-tls")) {
            let reason = "connections by TLS need the feature `redis-tls` of this crate";
            return Err(Error::Invalid(reason.to_owned()));
        }
        let dialer = Dialer {
            address,
            sentinel_login: Login::default(),
            #[cfg(feature = "redis-tls")]
            certificates: tls::Certificates::default(),
            patience: PATIENCE,
        };
        Ok(Self { dialer, hold: HOLD })
    }

    /// A name, unless it is empty, and a password for the sentinels, which have their own.
    #[must_use]
    pub fn sentinel_login(mut self, user: &str, password: &str) -> Self {
        let user = (!user.is_empty()).then(|| user.to_owned());
        self.dialer.sentinel_login = Login { user, password: Some(password.to_owned()) };
        self
    }

    /// How long the server may take to answer, and to accept a connection, before it counts as
    /// failed: 100 milliseconds by default, and between 10 milliseconds and ten minutes.
    pub fn patience(mut self, patience: Duration) -> Result<Self> {
        self.dialer.patience = within_bounds(patience, "the patience with a Redis server")?;
        Ok(self)
    }

    /// How long a turn lasts that is not ended, because the process died or is slow: 250
    /// milliseconds by default, and between 10 milliseconds and ten minutes. Twice as long as nearly all
    /// commits take is about right.
    pub fn turn_max(mut self, hold: Duration) -> Result<Self> {
        self.hold = within_bounds(hold, "the longest turn")?;
        Ok(self)
    }

    /// Who vouches for the server: certificates as PEM, in the place of those that the system trusts.
    /// Fails with [`Error::Invalid`] if there is none.
    #[cfg(feature = "redis-tls")]
    pub fn trust(mut self, certificates: &[u8]) -> Result<Self> {
        self.dialer.certificates.trust(certificates.to_vec())?;
        Ok(self)
    }

    /// The certificate, and those between it and what the server trusts, that we show the server, and
    /// its private key; all as PEM. Fails with [`Error::Invalid`] if it is not.
    #[cfg(feature = "redis-tls")]
    pub fn show_certificate(mut self, certificate: &[u8], key: &[u8]) -> Result<Self> {
        self.dialer.certificates.show(certificate.to_vec(), key.to_vec())?;
        Ok(self)
    }
}

impl Coordination for RedisCoordination {
    fn join(&self, joining: Joining) -> Arc<dyn Coordinator> {
        let (keys, member) = (Keys::new(&joining.realm), joining.member);
        let questions = Questions { keys, member, hold: self.hold };
        Arc::new(RedisMember::join(Arc::new(self.dialer.clone()), questions, joining))
    }
}

fn within_bounds(time: Duration, what: &str) -> Result<Duration> {
    if (TIME_MIN..=TIME_MAX).contains(&time) {
        return Ok(time);
    }
    Err(Error::Invalid(format!("{what} is between {TIME_MIN:?} and {TIME_MAX:?}, not {time:?}")))
}
