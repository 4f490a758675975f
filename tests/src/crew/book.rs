//! All that workers have said, put together.

use std::collections::BTreeMap;

use super::{WRITERS, words::Word};
use crate::{
    Outcome,
    history::{Fate, History, Isolation, Observed},
};

/// What is known from what was said.
#[derive(Debug, Default)]
pub(super) struct Book {
    /// How many rows each writer was told that it has.
    pub(super) rows: [u64; WRITERS],
    /// All transactions on lists. Those that nobody told the end of are unknown.
    pub(super) history: History,
    /// Where in the history the last transaction of each process is.
    last: BTreeMap<usize, usize>,
    /// How often all money was there.
    pub(super) audits: u64,
    /// What was excused.
    pub(super) excuses: Vec<String>,
}

impl Book {
    /// Of those who go on where others had so many rows.
    pub(super) fn going_on(rows: [u64; WRITERS]) -> Self {
        Self { rows, ..Self::default() }
    }

    /// Notes what was said. Says how many commits more it tells of.
    ///
    /// Fails if a row is missing or there twice.
    pub(super) fn note(&mut self, word: Word) -> Outcome<u64> {
        match word {
            Word::Found { writer, rows } => {
                let known = self.rows[writer];
                // Of one nobody may have been told, because the process was killed.
                if rows != known && rows != known + 1 {
                    return Err(format!("writer {writer} has {rows} rows, not {known}").into());
                }
                self.rows[writer] = rows;
            }
            Word::Row { writer, row } => {
                if row != self.rows[writer] + 1 {
                    let known = self.rows[writer];
                    return Err(format!("writer {writer} had {known} rows, now {row}").into());
                }
                self.rows[writer] = row;
                return Ok(1);
            }
            Word::Tried { process, begin, operations } => {
                self.last.insert(process, self.history.transactions.len());
                let (isolation, fate) = (Isolation::Serializable, Fate::Unknown);
                let (end, is_fresh) = (u64::MAX, true);
                let observed =
                    Observed { process, begin, end, isolation, is_fresh, fate, operations };
                self.history.transactions.push(observed);
            }
            Word::Ended { process, end, fate } => {
                let last = self.last.get(&process).ok_or("what ended was never tried")?;
                let observed = &mut self.history.transactions[*last];
                (observed.end, observed.fate) = (end, fate);
                return Ok(u64::from(fate == Fate::Committed));
            }
            Word::Audited => self.audits += 1,
            Word::Excused(error) => self.excuses.push(error),
            Word::Open | Word::Warned(_) | Word::Health(_) | Word::Resting | Word::Digest(_) => {}
        }
        Ok(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A book with two rows of a writer.
    fn book() -> Outcome<Book> {
        let mut book = Book::default();
        for word in [
            Word::Found { writer: 3, rows: 0 },
            Word::Row { writer: 3, row: 1 },
            Word::Row { writer: 3, row: 2 },
        ] {
            book.note(word)?;
        }
        Ok(book)
    }

    #[test]
    fn what_nobody_was_told_of_may_be_there_or_not() -> Outcome {
        for rows in [2, 3] {
            let mut book = book()?;
            book.note(Word::Found { writer: 3, rows })?;
            assert_eq!(book.note(Word::Row { writer: 3, row: rows + 1 })?, 1);
        }
        Ok(())
    }

    #[test]
    fn rows_that_are_lost_doubled_or_invented_are_noticed() -> Outcome {
        for word in [
            Word::Found { writer: 3, rows: 1 },
            Word::Found { writer: 3, rows: 4 },
            Word::Row { writer: 3, row: 2 },
            Word::Row { writer: 3, row: 4 },
            Word::Row { writer: 4, row: 2 },
        ] {
            assert!(book()?.note(word.clone()).is_err(), "{word}");
        }
        Ok(())
    }

    #[test]
    fn what_was_tried_and_never_ended_is_unknown() -> Outcome {
        let mut book = Book::default();
        for process in [1, 2] {
            book.note(Word::Tried { process, begin: 5, operations: Vec::new() })?;
        }
        book.note(Word::Ended { process: 1, end: 6, fate: Fate::Committed })?;
        let ends: Vec<_> = book.history.transactions.iter().map(|it| (it.end, it.fate)).collect();
        assert_eq!(ends, [(6, Fate::Committed), (u64::MAX, Fate::Unknown)]);
        Ok(())
    }
}
