//! Announcements that only those can make who know the secret of the realm.
//!
//! Who has got into the server, or between it and us, could otherwise put batches into databases. The
//! seal is a keyed BLAKE3 over who announces, the position, and the bytes; the key is derived from the
//! secret, the identity and the incarnation. A sealed announcement can be kept and sent once more,
//! which is no news to anybody.

use crate::coordinate::Realm;

/// What the key is for, as `BLAKE3` demands: fixed, and used for nothing else.
const CONTEXT: &str = "SOP 2026-11-22 seals of announcements between members of a shared folder";

/// Bytes of a seal.
pub(super) const SEAL_LEN: usize = blake3::OUT_LEN;

/// A slot, as it is told to others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Announcement<'a> {
    pub(super) member: [u8; 16],
    pub(super) position: u64,
    /// The bytes of the slot, if they are carried along.
    pub(super) slot: Option<&'a [u8]>,
}

/// What seals announcements in a realm, and recognises the seals of others.
#[derive(Clone)]
pub(super) struct Sealer {
    key: [u8; blake3::KEY_LEN],
}

impl std::fmt::Debug for Sealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealer").finish_non_exhaustive()
    }
}

impl Sealer {
    pub(super) fn new(realm: &Realm) -> Self {
        let mut hasher = blake3::Hasher::new_derive_key(CONTEXT);
        hasher.update(&realm.secret).update(&realm.database).update(&realm.incarnation);
        Self { key: hasher.finalize().into() }
    }

    pub(super) fn seal(&self, announcement: &Announcement<'_>) -> [u8; SEAL_LEN] {
        self.hash(announcement).into()
    }

    /// Whether somebody who knows the secret has sealed this.
    pub(super) fn is_genuine(&self, announcement: &Announcement<'_>, seal: &[u8]) -> bool {
        // Comparing a `Hash` takes the same time wherever the difference is.
        <[u8; SEAL_LEN]>::try_from(seal).is_ok_and(|seal| self.hash(announcement) == seal)
    }

    fn hash(&self, announcement: &Announcement<'_>) -> blake3::Hash {
        let Announcement { member, position, slot } = announcement;
        let mut hasher = blake3::Hasher::new_keyed(&self.key);
        hasher.update(member).update(&position.to_le_bytes());
        if let Some(slot) = slot {
            hasher.update(&[1]).update(slot);
        }
        hasher.finalize()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::keys::hex, *};

    const REALM: Realm = Realm { database: [1; 16], incarnation: [2; 16], secret: [3; 32] };
    const TOLD: Announcement<'_> =
        Announcement { member: [4; 16], position: 5, slot: Some(b"bytes") };

    #[test]
    fn every_part_of_an_announcement_is_sealed() {
        let sealer = Sealer::new(&REALM);
        let seal = sealer.seal(&TOLD);
        assert!(Sealer::new(&REALM).is_genuine(&TOLD, &seal));
        for other in [
            Announcement { member: [5; 16], ..TOLD },
            Announcement { position: 6, ..TOLD },
            Announcement { slot: Some(b"bytez"), ..TOLD },
            Announcement { slot: Some(b""), ..TOLD },
            Announcement { slot: None, ..TOLD },
        ] {
            assert!(!sealer.is_genuine(&other, &seal), "{other:?}");
        }
        assert!(!sealer.is_genuine(&TOLD, &seal[1..]) && !sealer.is_genuine(&TOLD, b""));
        let [none, empty] = [None, Some(&b""[..])].map(|slot| Announcement { slot, ..TOLD });
        assert_ne!(sealer.seal(&none), sealer.seal(&empty));
    }

    #[test]
    fn a_seal_is_of_one_realm_and_not_without_its_secret() {
        let seal = Sealer::new(&REALM).seal(&TOLD);
        for realm in [
            Realm { database: [9; 16], ..REALM },
            Realm { incarnation: [9; 16], ..REALM },
            Realm { secret: [9; 32], ..REALM },
        ] {
            assert!(!Sealer::new(&realm).is_genuine(&TOLD, &seal));
        }
    }

    #[test]
    fn seals_are_the_same_in_every_version() {
        let seal = Sealer::new(&REALM).seal(&TOLD);
        let expected = "aca039f52897f33a85719c5191039efe296ccc72ac0beb61922f1dffe192eb61";
        assert_eq!(hex(&seal), expected);
    }
}
