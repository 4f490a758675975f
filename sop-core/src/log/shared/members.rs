//! Who may append, as the log says.
//!
//! Whoever opens the folder *joins*, under an identity that is never used again, and *leaves* in the
//! end. One who is silent for too long can be *expelled* by any other; how long that is, is nobody's
//! business here. All three are slots of the log, so that everybody has the same table after the
//! same slot. And because everybody applies what is there before appending behind it, nobody who
//! has left or was expelled can have appended later. A slot that says so is damaged, or was
//! written by a faulty program.
//!
//! The table also says how much each member has appended, by which a member whose slot was
//! removed knows that it had been there. Who has ended is remembered for a number of slots; who is
//! not in the table is no member.

use std::collections::BTreeMap;

use super::slot::{Flaw, Kind, Member, SlotHeader};
use crate::{
    codec::{
        Malformed, Reader,
        write::{put_bytes, put_u64, put_varint},
    },
    id::Position,
};

/// Most members, those who have ended included.
const MEMBERS_MAX: usize = 1 << 16;

/// For so many slots it is remembered that a member has ended, at least.
const REMEMBERED_SLOTS: u64 = 1 << 20;

/// At multiples of this position those are forgotten who ended long ago.
const FORGETTING_SLOTS: u64 = 1 << 10;

/// All who have joined, but for those who are forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Members {
    table: BTreeMap<Member, Known>,
}

/// What is known of one who has joined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Known {
    /// How many slots are its, that of its joining included.
    sequence: u64,
    /// Where it left or was expelled.
    ended: Option<Position>,
}

impl Members {
    /// Whether somebody has joined and has not ended.
    pub(crate) fn has(&self, member: Member) -> bool {
        self.table.get(&member).is_some_and(|known| known.ended.is_none())
    }

    /// The sequence of the newest slot of somebody who is, or has been, a member.
    pub(crate) fn sequence(&self, member: Member) -> Option<u64> {
        self.table.get(&member).map(|known| known.sequence)
    }

    /// Whether somebody has joined and has ended, and is not forgotten yet.
    pub(crate) fn has_ended(&self, member: Member) -> bool {
        self.table.get(&member).is_some_and(|known| known.ended.is_some())
    }

    /// Who has joined and has not ended.
    pub(crate) fn present(&self) -> impl Iterator<Item = Member> {
        self.table.iter().filter(|(_, known)| known.ended.is_none()).map(|(member, _)| *member)
    }

    /// Whether the author of a slot could append it, all slots before it being noted.
    pub(super) fn check(&self, header: &SlotHeader, body: &[u8]) -> Result<(), Flaw> {
        let known = self.table.get(&header.member);
        let bad = |reason| Err(Flaw::Bad(reason));
        match (header.kind, known) {
            (Kind::Join, Some(_)) => return bad("its author has joined before"),
            (Kind::Join, None) if self.table.len() >= MEMBERS_MAX => {
                return bad("it would be a member too many");
            }
            (Kind::Join, None) if header.sequence == 1 => {}
            (Kind::Join, None) => return bad("it does not begin the count of its author"),
            (_, None) => return bad("its author is no member"),
            (_, Some(Known { ended: Some(_), .. })) => {
                return bad("its author is no member any more");
            }
            (_, Some(known)) if header.sequence != known.sequence + 1 => {
                return bad("it does not follow the slot before it of the same author");
            }
            (_, Some(_)) => {}
        }
        match header.kind {
            Kind::Batch | Kind::Lease => Ok(()),
            Kind::Join | Kind::Leave if body.is_empty() => Ok(()),
            Kind::Join | Kind::Leave => bad("it has a body where there is nothing to say"),
            Kind::Expel => match subject(body) {
                Some(whom) if whom != header.member && self.has(whom) => Ok(()),
                Some(_) => bad("it expels somebody who is no member"),
                None => bad("it does not say who is expelled"),
            },
        }
    }

    /// Notes a slot that was checked.
    pub(super) fn note(&mut self, header: &SlotHeader, body: &[u8]) {
        let SlotHeader { kind, member, sequence, position, .. } = *header;
        let known = self.table.entry(member).or_insert(Known { sequence, ended: None });
        known.sequence = sequence;
        let ended = match kind {
            Kind::Batch | Kind::Join | Kind::Lease => None,
            Kind::Leave => Some(member),
            Kind::Expel => subject(body),
        };
        if let Some(known) = ended.and_then(|ended| self.table.get_mut(&ended)) {
            known.ended = Some(position);
        }
        if position.0.is_multiple_of(FORGETTING_SLOTS) {
            let long_ago = |ended: Position| ended.0 + REMEMBERED_SLOTS <= position.0;
            self.table.retain(|_, known| !known.ended.is_some_and(long_ago));
        }
    }

    /// The table as manifests keep it.
    pub(crate) fn encode(&self, out: &mut Vec<u8>) {
        put_varint(out, self.table.len() as u64);
        for (member, known) in &self.table {
            put_bytes(out, member);
            put_u64(out, known.sequence);
            put_u64(out, known.ended.map_or(0, |ended| ended.0));
        }
    }

    /// Reads what [`encode`](Self::encode) wrote.
    pub(crate) fn decode(reader: &mut Reader<'_>) -> Result<Self, Malformed> {
        let members = reader.varint()?;
        if members > MEMBERS_MAX as u64 {
            return Err(Malformed("more members than there can be"));
        }
        let mut table = BTreeMap::new();
        for _ in 0..members {
            let member = reader.array()?;
            let (sequence, ended) = (reader.u64()?, reader.u64()?);
            let ended = (ended > 0).then_some(Position(ended));
            if table.last_key_value().is_some_and(|(last, _)| *last >= member) {
                return Err(Malformed("members that are not in order"));
            }
            table.insert(member, Known { sequence, ended });
        }
        Ok(Self { table })
    }
}

/// Whom a slot expels.
fn subject(body: &[u8]) -> Option<Member> {
    body.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANN: Member = [1; 16];
    const BOB: Member = [2; 16];

    fn slot(kind: Kind, member: Member, sequence: u64, position: u64) -> SlotHeader {
        let position = Position(position);
        let (database, nonce, base) = ([0; 16], [0; 16], [0; 16]);
        SlotHeader { database, position, kind, member, sequence, nonce, base }
    }

    /// Checks and notes slots at positions from 1 on; the number of those that are accepted.
    fn accepted(members: &mut Members, slots: &[(Kind, Member, u64, &[u8])]) -> usize {
        for (index, (kind, member, sequence, body)) in slots.iter().enumerate() {
            let header = slot(*kind, *member, *sequence, index as u64 + 1);
            if members.check(&header, body).is_err() {
                return index;
            }
            members.note(&header, body);
        }
        slots.len()
    }

    #[test]
    fn members_join_append_and_leave() {
        let mut members = Members::default();
        let slots: [(Kind, Member, u64, &[u8]); 5] = [
            (Kind::Join, ANN, 1, &[]),
            (Kind::Join, BOB, 1, &[]),
            (Kind::Batch, ANN, 2, b"anything"),
            (Kind::Leave, ANN, 3, &[]),
            (Kind::Batch, BOB, 2, &[]),
        ];
        assert_eq!(accepted(&mut members, &slots), slots.len());
        assert_eq!(members.present().collect::<Vec<_>>(), [BOB]);
        assert_eq!(members.sequence(ANN), Some(3));
        assert!(!members.has(ANN));
    }

    #[test]
    fn whoever_is_no_member_appends_nothing() {
        let joined: (Kind, Member, u64, &[u8]) = (Kind::Join, ANN, 1, &[]);
        let bob: (Kind, Member, u64, &[u8]) = (Kind::Join, BOB, 1, &[]);
        let expelled: (Kind, Member, u64, &[u8]) = (Kind::Expel, BOB, 2, &ANN);
        for (refused, before) in [
            ((Kind::Batch, ANN, 1, &[][..]), &[][..]),
            ((Kind::Join, ANN, 2, &[]), &[]),
            ((Kind::Join, ANN, 1, &[]), &[joined]),
            ((Kind::Join, BOB, 1, b"body"), &[joined]),
            ((Kind::Batch, ANN, 1, &[]), &[joined]),
            ((Kind::Batch, ANN, 3, &[]), &[joined]),
            ((Kind::Batch, ANN, 2, &[]), &[joined, bob, expelled]),
            ((Kind::Join, ANN, 1, &[]), &[joined, bob, expelled]),
            ((Kind::Expel, BOB, 3, &ANN), &[joined, bob, expelled]),
            ((Kind::Expel, ANN, 2, &ANN), &[joined]),
            ((Kind::Expel, ANN, 2, &BOB), &[joined]),
            ((Kind::Expel, ANN, 2, b"short"), &[joined, bob]),
        ] {
            let mut members = Members::default();
            let slots = [before, &[refused]].concat();
            assert_eq!(accepted(&mut members, &slots), before.len(), "{refused:?}");
        }
    }

    #[test]
    fn whoever_ended_long_ago_is_forgotten() {
        let mut members = Members::default();
        accepted(&mut members, &[(Kind::Join, ANN, 1, &[]), (Kind::Join, BOB, 1, &[])]);
        members.note(&slot(Kind::Leave, ANN, 2, 3), &[]);
        let last = (REMEMBERED_SLOTS + 3).next_multiple_of(FORGETTING_SLOTS);
        members.note(&slot(Kind::Batch, BOB, 2, last - FORGETTING_SLOTS), &[]);
        assert_eq!(members.sequence(ANN), Some(2));
        members.note(&slot(Kind::Batch, BOB, 3, last), &[]);
        assert_eq!(members.sequence(ANN), None);
        assert_eq!(members.sequence(BOB), Some(3));
    }

    #[test]
    fn the_table_comes_back_from_its_bytes_and_from_no_others() {
        let mut members = Members::default();
        let slots: [(Kind, Member, u64, &[u8]); 3] =
            [(Kind::Join, ANN, 1, &[]), (Kind::Join, BOB, 1, &[]), (Kind::Expel, BOB, 2, &ANN)];
        assert_eq!(accepted(&mut members, &slots), 3);
        let mut bytes = Vec::new();
        members.encode(&mut bytes);
        assert_eq!(Members::decode(&mut Reader::new(&bytes)), Ok(members));
        for len in 0..bytes.len() {
            assert!(Members::decode(&mut Reader::new(&bytes[..len])).is_err(), "{len} bytes");
        }
        bytes[1..17].copy_from_slice(&[3; 16]);
        assert!(Members::decode(&mut Reader::new(&bytes)).is_err(), "out of order");
        assert!(Members::decode(&mut Reader::new(&[0xff, 0xff, 0xff, 0x7f])).is_err(), "too many");
    }
}
