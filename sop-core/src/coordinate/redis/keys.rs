//! The names of what a realm has in the server.
//!
//! All of them have the realm in braces, by which a Redis Cluster keeps them on one node, so that a
//! script may use several.

use crate::coordinate::Realm;

/// What stands in the queue, and for whose turn it is: a member, and how often it has asked. Each is
/// used once, so that what comes late is not taken for what is new.
pub(super) type Ticket = [u8; 24];

pub(super) fn ticket(member: [u8; 16], round: u64) -> Ticket {
    let mut ticket = [0; 24];
    ticket[..16].copy_from_slice(&member);
    ticket[16..].copy_from_slice(&round.to_be_bytes());
    ticket
}

/// The names of a realm's keys. `docs/format.md` says what is in them.
#[derive(Clone, Debug)]
pub(super) struct Keys {
    /// A string: the ticket whose turn it is.
    pub(super) turn: String,
    /// A list: tickets that wait.
    pub(super) queue: String,
    /// A stream: announcements, and turns that were handed on.
    pub(super) news: String,
    /// A sorted set: who was heard of lately.
    pub(super) seen: String,
}

impl Keys {
    pub(super) fn new(realm: &Realm) -> Self {
        let (database, incarnation) = (hex(&realm.database), hex(&realm.incarnation));
        let key = |name| format!("sop:{{{database}.{incarnation}}}:{name}");
        Self { turn: key("turn"), queue: key("queue"), news: key("news"), seen: key("seen") }
    }
}

/// Bytes as hexadecimal digits.
pub(super) fn hex(bytes: &[u8]) -> String {
    let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
    digits.filter_map(|digit| char::from_digit(digit.into(), 16)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_a_realm_share_a_hash_tag() {
        let keys =
            Keys::new(&Realm { database: [0xa1; 16], incarnation: [0; 16], secret: [7; 32] });
        let realm = format!("{}.{}", "a1".repeat(16), "00".repeat(16));
        assert_eq!(keys.turn, format!("sop:{{{realm}}}:turn"));
        for key in [keys.queue, keys.news, keys.seen] {
            assert!(key.starts_with(&format!("sop:{{{realm}}}:")), "{key}");
        }
    }
}
