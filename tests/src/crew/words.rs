//! What a worker says, one line each: a word, and what belongs to it.

use std::{fmt, str::FromStr};

use crate::{
    Failure, Outcome,
    history::{Fate, Operation},
};

/// A line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    /// The folder is open.
    Open,
    /// So many rows of a writer are there as it begins.
    Found { writer: usize, rows: u64 },
    /// A row was acknowledged.
    Row { writer: usize, row: u64 },
    /// A transaction on lists is about to commit.
    Tried { process: usize, begin: u64, operations: Vec<Operation> },
    /// It is known what became of it.
    Ended { process: usize, end: u64, fate: Fate },
    /// All money was there.
    Audited,
    /// What was read had been taken away, or nobody could say what became of a commit.
    Excused(String),
    /// The engine warned of something.
    Warned(String),
    /// Whether coordination works.
    Health(String),
    /// All threads have stopped working.
    Resting,
    /// A digest of everything in the database.
    Digest(u64),
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open => write!(f, "open"),
            Self::Found { writer, rows } => write!(f, "found {writer} {rows}"),
            Self::Row { writer, row } => write!(f, "row {writer} {row}"),
            Self::Tried { process, begin, operations } => {
                write!(f, "tried {process} {begin}")?;
                operations.iter().try_for_each(|operation| show(operation, f))
            }
            Self::Ended { process, end, fate } => write!(f, "ended {process} {end} {fate:?}"),
            Self::Audited => write!(f, "audited"),
            Self::Excused(error) => write!(f, "excused {error}"),
            Self::Warned(warning) => write!(f, "warned {warning}"),
            Self::Health(health) => write!(f, "health {health}"),
            Self::Resting => write!(f, "resting"),
            Self::Digest(digest) => write!(f, "digest {digest}"),
        }
    }
}

fn show(operation: &Operation, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    match operation {
        Operation::Append { list, element } => write!(f, " +{list}:{element}"),
        Operation::Read { list, elements } => {
            let words: Vec<_> = elements.iter().map(u64::to_string).collect();
            write!(f, " {list}:{}", words.join(","))
        }
    }
}

impl FromStr for Word {
    type Err = Failure;

    fn from_str(line: &str) -> Outcome<Self> {
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        let mut words = rest.split(' ');
        let mut next = || words.next().ok_or("a number is missing");
        Ok(match word {
            "open" => Self::Open,
            "found" => Self::Found { writer: next()?.parse()?, rows: next()?.parse()? },
            "row" => Self::Row { writer: next()?.parse()?, row: next()?.parse()? },
            "tried" => Self::Tried {
                process: next()?.parse()?,
                begin: next()?.parse()?,
                operations: words.map(operation).collect::<Outcome<_>>()?,
            },
            "ended" => Self::Ended {
                process: next()?.parse()?,
                end: next()?.parse()?,
                fate: fate(next()?)?,
            },
            "audited" => Self::Audited,
            "excused" => Self::Excused(rest.to_owned()),
            "warned" => Self::Warned(rest.to_owned()),
            "health" => Self::Health(rest.to_owned()),
            "resting" => Self::Resting,
            "digest" => Self::Digest(next()?.parse()?),
            _ => return Err(format!("nobody says {line:?}").into()),
        })
    }
}

fn operation(word: &str) -> Outcome<Operation> {
    let (list, elements) = word.split_once(':').ok_or("a list has no elements")?;
    if let Some(list) = list.strip_prefix('+') {
        return Ok(Operation::Append { list: list.parse()?, element: elements.parse()? });
    }
    let elements = elements.split(',').filter(|element| !element.is_empty());
    let elements = elements.map(str::parse).collect::<Result<_, _>>()?;
    Ok(Operation::Read { list: list.parse()?, elements })
}

fn fate(word: &str) -> Outcome<Fate> {
    let known = [Fate::Committed, Fate::Aborted, Fate::Unknown];
    let fate = known.into_iter().find(|fate| format!("{fate:?}") == word);
    Ok(fate.ok_or("there is no such fate")?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_said_is_understood() -> Outcome {
        let operations = vec![
            Operation::Read { list: 7, elements: vec![] },
            Operation::Read { list: 8, elements: vec![1, 22] },
            Operation::Append { list: 8, element: 333 },
        ];
        for word in [
            Word::Open,
            Word::Found { writer: 1, rows: 2 },
            Word::Row { writer: 3, row: 4 },
            Word::Tried { process: 5, begin: 6, operations },
            Word::Tried { process: 5, begin: 6, operations: vec![] },
            Word::Ended { process: 5, end: 7, fate: Fate::Unknown },
            Word::Audited,
            Word::Excused("a file is gone".to_owned()),
            Word::Warned("a member is silent".to_owned()),
            Word::Health("Healthy".to_owned()),
            Word::Resting,
            Word::Digest(9),
        ] {
            assert_eq!(word.to_string().parse::<Word>()?, word);
        }
        assert!("nonsense".parse::<Word>().is_err());
        Ok(())
    }
}
