//! A run of the log: batches behind each other, as the bytes of one file. No files here.

use super::description::Owner;
use crate::{
    codec::{Malformed, Reader, sealed, write},
    delta::{Action, Delta, NewSegment},
    id::Position,
};

pub(super) const MAGIC: [u8; 8] = *b"SOPruns\n";
pub(super) const FORMAT: u32 = 1;

/// Collects batches.
#[derive(Debug)]
pub(super) struct Draft {
    owner: Owner,
    after: Position,
    batches: Vec<u8>,
}

impl Draft {
    /// Of the batches behind a position.
    pub(super) fn new(owner: Owner, after: Position) -> Self {
        Self { owner, after, batches: Vec::new() }
    }

    pub(super) fn after(&self) -> Position {
        self.after
    }

    /// Bytes that it has so far.
    pub(super) fn len(&self) -> usize {
        self.batches.len()
    }

    /// Adds the batch at a position above those before.
    pub(super) fn add(&mut self, position: Position, body: &[u8]) {
        write::put_u64(&mut self.batches, position.0);
        write::put_prefixed(&mut self.batches, body);
    }

    /// The file, in which no batch up to `upto` is missing.
    pub(super) fn seal(&self, upto: Position) -> Vec<u8> {
        let mut body = Vec::with_capacity(self.batches.len() + 48);
        self.owner.encode(&mut body);
        write::put_u64(&mut body, self.after.0);
        write::put_u64(&mut body, upto.0);
        write::put_bytes(&mut body, &self.batches);
        sealed::seal(MAGIC, FORMAT, &body)
    }
}

/// The batches of the body of a file that is said to be a certain run, in order.
pub(super) fn batches(
    body: &[u8],
    (owner, after, upto): (Owner, Position, Position),
) -> Result<Vec<(Position, &[u8])>, Malformed> {
    let mut reader = Reader::new(body);
    let found = Owner::decode(&mut reader)?;
    if found != owner || (reader.u64()?, reader.u64()?) != (after.0, upto.0) {
        return Err(Malformed("another part of the log, or that of another database"));
    }
    let (mut batches, mut last) = (Vec::new(), after);
    while !reader.is_empty() {
        let position = Position(reader.u64()?);
        if position <= last || position > upto {
            return Err(Malformed("a batch at an impossible position"));
        }
        last = position;
        batches.push((position, reader.prefixed()?));
    }
    Ok(batches)
}

/// The segments that come into being with a batch.
pub(super) fn named_by(body: &[u8]) -> Result<Vec<NewSegment>, Malformed> {
    let (mut reader, mut named) = (Reader::new(body), Vec::new());
    while !reader.is_empty() {
        for store in Delta::decode(&mut reader)?.stores {
            match store.action {
                Action::Graft(graft) => named.extend(graft.segments),
                Action::Place(segments) => named.extend(segments),
                Action::Keep | Action::Create { .. } | Action::Drop => {}
            }
        }
    }
    Ok(named)
}

#[cfg(test)]
mod tests {
    use super::*;

    const OWNER: Owner = Owner { database: [1; 16], incarnation: [2; 16] };

    fn file() -> Vec<u8> {
        let mut draft = Draft::new(OWNER, Position(3));
        draft.add(Position(4), b"four");
        draft.add(Position(7), b"");
        draft.seal(Position(8))
    }

    #[test]
    fn what_is_sealed_is_read_again() {
        let file = file();
        let (format, body) = sealed::unseal(MAGIC, &file).unwrap();
        assert_eq!(format, FORMAT);
        let found = batches(body, (OWNER, Position(3), Position(8))).unwrap();
        assert_eq!(found, [(Position(4), &b"four"[..]), (Position(7), &b""[..])]);
    }

    #[test]
    fn it_is_not_taken_for_another_one() {
        let file = file();
        let (_, body) = sealed::unseal(MAGIC, &file).unwrap();
        let other = Owner { incarnation: [3; 16], ..OWNER };
        assert!(batches(body, (other, Position(3), Position(8))).is_err());
        assert!(batches(body, (OWNER, Position(2), Position(8))).is_err());
        assert!(batches(body, (OWNER, Position(3), Position(7))).is_err());
        assert!(batches(&body[..body.len() - 1], (OWNER, Position(3), Position(8))).is_err());
    }
}
