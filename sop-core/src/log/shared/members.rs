//! Who may append, as the log says.
//!
//! Whoever opens the folder *joins*, under an identity that is never used again, and *leaves* in the
//! end. One who is silent for too long can be *expelled* by any other; how long that is, is nobody's
//! business here. All three are slots of the log, so that everybody has the same table after the
//! same slot. And because everybody applies what is there before appending behind it, nobody who
//! has left or was expelled can have appended later. A slot that says so is damaged, or was
//! written by a faulty program.
//!
//! The table also says how much each member has appended, by which anybody who comes later knows what
//! became of a slot that was removed since. A member whose slot was not taken counts it again, unless
//! it has told somebody that it does not know; then it leaves the number out, for good. Who has ended
//! is remembered for a number of slots; who is not in the table is no member.

use std::{collections::BTreeMap, ops::Range};

use super::{
    Fate,
    slot::{Flaw, Kind, Member, SlotHeader},
};
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

/// So many gaps in the count of a member are remembered.
const GAPS_MAX: usize = 32;

/// All who have joined, but for those who are forgotten.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Members {
    table: BTreeMap<Member, Known>,
}

/// What is known of one who has joined.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Known {
    /// The sequence of its newest slot.
    sequence: u64,
    /// Where it left or was expelled.
    ended: Option<Position>,
    /// The newest of the sequences that it left out, ascending.
    gaps: Vec<Range<u64>>,
}

impl Known {
    /// What became of a slot with a sequence that is not to come any more.
    fn fate(&self, sequence: u64) -> Fate {
        if sequence > self.sequence || self.gaps.iter().any(|gap| gap.contains(&sequence)) {
            return Fate::NotCommitted;
        }
        match self.gaps.first() {
            // There may have been more.
            Some(oldest) if self.gaps.len() == GAPS_MAX && sequence < oldest.start => Fate::Unknown,
            _ => Fate::Committed,
        }
    }

    fn advance(&mut self, sequence: u64) {
        if sequence > self.sequence + 1 {
            self.gaps.push(self.sequence + 1..sequence);
            if self.gaps.len() > GAPS_MAX {
                self.gaps.remove(0);
            }
        }
        self.sequence = sequence;
    }
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

    /// What became of a slot that a member has told somebody not to know about, in a log that goes
    /// beyond the position of that.
    pub(super) fn fate(&self, member: Member, sequence: u64) -> Fate {
        self.table.get(&member).map_or(Fate::Unknown, |known| known.fate(sequence))
    }

    /// Whether somebody has joined and has ended, and is not forgotten yet.
    pub(crate) fn has_ended(&self, member: Member) -> bool {
        self.table.get(&member).is_some_and(|known| known.ended.is_some())
    }

    /// Who has joined and has not ended.
    pub(crate) fn present(&self) -> impl Iterator<Item = Member> {
        self.table.iter().filter(|(_, known)| known.ended.is_none()).map(|(member, _)| *member)
    }

    /// How many others are before a member in this round of something that all do by turns; none if
    /// it is not there.
    pub(crate) fn rank(&self, member: Member, round: u64) -> u64 {
        let place = self.present().position(|other| other == member).unwrap_or(0) as u64;
        let count = self.present().count().max(1) as u64;
        (place + count - round % count) % count
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
            (_, Some(known)) if header.sequence <= known.sequence => {
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
        let new = || Known { sequence, ended: None, gaps: Vec::new() };
        self.table.entry(member).or_insert_with(new).advance(sequence);
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
            put_varint(out, known.gaps.len() as u64);
            for gap in &known.gaps {
                put_u64(out, gap.start);
                put_u64(out, gap.end);
            }
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
            let gaps = decode_gaps(reader, sequence)?;
            if table.last_key_value().is_some_and(|(last, _)| *last >= member) {
                return Err(Malformed("members that are not in order"));
            }
            table.insert(member, Known { sequence, ended, gaps });
        }
        Ok(Self { table })
    }
}

/// What a member has left out of its count, up to its newest slot.
fn decode_gaps(reader: &mut Reader<'_>, sequence: u64) -> Result<Vec<Range<u64>>, Malformed> {
    let count = reader.varint()?;
    if count > GAPS_MAX as u64 {
        return Err(Malformed("more gaps in the count of a member than are remembered"));
    }
    let mut gaps: Vec<Range<u64>> = Vec::new();
    for _ in 0..count {
        let gap = reader.u64()?..reader.u64()?;
        let after = gaps.last().map_or(0, |last| last.end);
        if gap.start <= after || gap.is_empty() || gap.end > sequence {
            return Err(Malformed("gaps in the count of a member that are not in order"));
        }
        gaps.push(gap);
    }
    Ok(gaps)
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
    fn what_was_left_out_of_a_count_never_took_effect() {
        let mut members = Members::default();
        let slots: [(Kind, Member, u64, &[u8]); 4] = [
            (Kind::Join, ANN, 1, &[]),
            (Kind::Batch, ANN, 2, &[]),
            (Kind::Batch, ANN, 5, &[]),
            (Kind::Batch, ANN, 6, &[]),
        ];
        assert_eq!(accepted(&mut members, &slots), slots.len());
        let fates = (2..=7).map(|sequence| members.fate(ANN, sequence)).collect::<Vec<_>>();
        let (done, lost) = (Fate::Committed, Fate::NotCommitted);
        assert_eq!(fates, [done, lost, lost, done, done, lost]);
        assert_eq!(members.fate(BOB, 2), Fate::Unknown, "nobody remembers");
    }

    #[test]
    fn of_very_many_gaps_the_oldest_are_forgotten_and_never_guessed() {
        let mut members = Members::default();
        accepted(&mut members, &[(Kind::Join, ANN, 1, &[])]);
        // Every second one is left out.
        let count = GAPS_MAX as u64 + 4;
        for number in 1..=count {
            members.note(&slot(Kind::Batch, ANN, 2 * number + 1, number + 1), &[]);
        }
        for sequence in 2..=2 * count + 1 {
            let expected = match (sequence < 10, sequence % 2) {
                (true, _) => Fate::Unknown,
                (false, 0) => Fate::NotCommitted,
                (false, _) => Fate::Committed,
            };
            assert_eq!(members.fate(ANN, sequence), expected, "{sequence}");
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
        let slots: [(Kind, Member, u64, &[u8]); 4] = [
            (Kind::Join, ANN, 1, &[]),
            (Kind::Batch, ANN, 4, &[]),
            (Kind::Join, BOB, 1, &[]),
            (Kind::Expel, BOB, 2, &ANN),
        ];
        assert_eq!(accepted(&mut members, &slots), slots.len());
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

    #[test]
    fn each_member_is_first_in_one_round_of_as_many_as_there_are() {
        let mut members = Members::default();
        let names = [3, 1, 2].map(|name| [name; 16]);
        let joins = names.map(|name| (Kind::Join, name, 1, &[] as &[u8]));
        assert_eq!(accepted(&mut members, &joins), 3);
        for round in 0..7 {
            let mut ranks = names.map(|name| members.rank(name, round));
            let next = names.map(|name| members.rank(name, round + 1));
            assert_eq!(next, ranks.map(|rank| (rank + 2) % 3), "who was second is first");
            ranks.sort_unstable();
            assert_eq!(ranks, [0, 1, 2]);
        }
        assert_eq!(Members::default().rank(ANN, 5), 0, "nobody else is there either");
    }
}
