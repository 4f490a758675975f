//! What is written down about a global transaction, as bytes.

use std::time::Duration;

use crate::{
    codec::{Malformed, Reader, write},
    database::DatabaseId,
};

const FORMAT: u8 = 1;

/// How a global transaction ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It took effect, everywhere.
    Committed,
    /// It did not, anywhere.
    RolledBack,
}

/// What is decided.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// All of it is to be committed or rolled back.
    Ended(Outcome),
    /// A last resource of this name has it.
    Delegated(String),
}

/// Who has to be told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Branch {
    /// One of our databases; the path is for people.
    Database { id: DatabaseId, path: String },
    /// A participant, by its name.
    Participant(String),
}

/// The entry of one transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decision {
    pub(super) verdict: Verdict,
    pub(super) branches: Vec<Branch>,
    /// When, in whole seconds, and at which log position: for how long it is kept.
    pub(super) date: Duration,
    pub(super) position: u64,
}

/// What somebody has forced on a branch while the decision was not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Forced {
    pub(super) outcome: Outcome,
    /// Whether it turned out that the decision is another one.
    pub(super) contradicts: bool,
}

impl Branch {
    /// Where it is, for people.
    pub(super) fn place(&self) -> String {
        match self {
            Self::Database { path: place, .. } | Self::Participant(place) => place.clone(),
        }
    }
}

impl Outcome {
    fn tag(self) -> u8 {
        match self {
            Self::Committed => 1,
            Self::RolledBack => 2,
        }
    }

    fn of(tag: u8) -> Result<Self, Malformed> {
        match tag {
            1 => Ok(Self::Committed),
            2 => Ok(Self::RolledBack),
            _ => Err(Malformed("an unknown outcome")),
        }
    }
}

const DELEGATED: u8 = 3;

impl Decision {
    /// Whether somebody may come back with a branch that was ended before: one whose durability is
    /// not ours.
    pub(super) fn is_kept(&self) -> bool {
        let is_foreign = |branch: &Branch| matches!(branch, Branch::Participant(_));
        self.branches.is_empty() || self.branches.iter().any(is_foreign)
    }

    pub(super) fn encode(&self) -> Vec<u8> {
        let mut out = vec![FORMAT];
        match &self.verdict {
            Verdict::Ended(outcome) => out.push(outcome.tag()),
            Verdict::Delegated(name) => {
                out.push(DELEGATED);
                write::put_prefixed(&mut out, name.as_bytes());
            }
        }
        write::put_varint(&mut out, self.date.as_secs());
        write::put_varint(&mut out, self.position);
        write::put_varint(&mut out, self.branches.len() as u64);
        for branch in &self.branches {
            match branch {
                Branch::Database { id, path } => {
                    out.push(0);
                    out.extend(id.database);
                    out.extend(id.incarnation);
                    write::put_prefixed(&mut out, path.as_bytes());
                }
                Branch::Participant(name) => {
                    out.push(1);
                    write::put_prefixed(&mut out, name.as_bytes());
                }
            }
        }
        out
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != FORMAT {
            return Err(Malformed("a decision of an unknown format"));
        }
        let verdict = match reader.u8()? {
            DELEGATED => Verdict::Delegated(reader.text()?),
            tag => Verdict::Ended(Outcome::of(tag)?),
        };
        let (date, position) = (Duration::from_secs(reader.varint()?), reader.varint()?);
        let branches = reader.all(|reader| match reader.u8()? {
            0 => {
                let (database, incarnation) = (reader.array()?, reader.array()?);
                let id = DatabaseId { database, incarnation };
                Ok(Branch::Database { id, path: reader.text()? })
            }
            1 => Ok(Branch::Participant(reader.text()?)),
            _ => Err(Malformed("an unknown kind of branch")),
        })?;
        reader.finish()?;
        Ok(Self { verdict, branches, date, position })
    }
}

impl Forced {
    pub(super) fn encode(self) -> [u8; 3] {
        [FORMAT, self.outcome.tag(), u8::from(self.contradicts)]
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Self, Malformed> {
        let mut reader = Reader::new(bytes);
        if reader.u8()? != FORMAT {
            return Err(Malformed("a forced outcome of an unknown format"));
        }
        let (outcome, contradicts) = (Outcome::of(reader.u8()?)?, reader.u8()? != 0);
        reader.finish()?;
        Ok(Self { outcome, contradicts })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decisions_survive_their_encoding_and_no_beginning_of_one_is_one() {
        let id = DatabaseId { database: [1; 16], incarnation: [2; 16] };
        let database = Branch::Database { id, path: "/a folder".to_owned() };
        let foreign = Branch::Participant("payments".to_owned());
        let verdicts = [
            Verdict::Ended(Outcome::Committed),
            Verdict::Ended(Outcome::RolledBack),
            Verdict::Delegated("ledger".to_owned()),
        ];
        for verdict in verdicts {
            for branches in [vec![], vec![database.clone(), foreign.clone()]] {
                let date = Duration::from_secs(1 << 33);
                let decision = Decision { verdict: verdict.clone(), branches, date, position: 9 };
                let bytes = decision.encode();
                assert_eq!(Decision::decode(&bytes), Ok(decision));
                for len in 0..bytes.len() {
                    assert!(Decision::decode(&bytes[..len]).is_err(), "{len}");
                }
            }
        }
    }

    #[test]
    fn forced_outcomes_survive_their_encoding() {
        for outcome in [Outcome::Committed, Outcome::RolledBack] {
            for contradicts in [false, true] {
                let forced = Forced { outcome, contradicts };
                assert_eq!(Forced::decode(&forced.encode()), Ok(forced));
                assert!(Forced::decode(&forced.encode()[..2]).is_err());
            }
        }
        assert!(Forced::decode(&[FORMAT, 3, 0]).is_err());
    }
}
