//! What becomes of it all.

use super::{Folder, book::Book, folder};
use crate::{
    Outcome, assert_sound,
    history::{Anomaly, Fate, Isolation, Lists, Observed, check},
    ledger, tally, write,
};

/// How much there was to judge.
#[derive(Clone, Copy, Debug)]
pub struct Summary {
    /// Rows that were acknowledged.
    pub rows: u64,
    /// Transactions on lists that committed.
    pub transactions: u64,
    /// How often all money was there.
    pub audits: u64,
    /// How often something had to be done once more, because a state was gone that it had read, or
    /// nobody could say what had become of it.
    pub excuses: u64,
}

/// Judges all that was said, and what is there for a process that was never there before.
pub(super) fn judge(folder: &Folder, mut book: Book, deaths: usize) -> Outcome<Summary> {
    let db = folder::open(&folder.0, "")?;
    // Everybody rests, so everybody was told of everything.
    ledger::verify(&db, &book.rows.map(|rows| rows..=rows))?;
    let process = book.history.transactions.iter().map(|observed| observed.process + 1);
    let process = process.max().unwrap_or(0);
    let operations = Lists::of(&book.history).read_all(&db.snapshot()?)?;
    let (isolation, fate) = (Isolation::Serializable, Fate::Committed);
    let (begin, end) = (u64::MAX - 1, u64::MAX);
    let last = Observed { process, begin, end, isolation, is_fresh: true, fate, operations };
    book.history.transactions.push(last);
    let anomalies: Vec<_> = check(&book.history).iter().map(Anomaly::to_string).collect();
    assert!(anomalies.is_empty(), "{}", anomalies.join("\n"));
    write(&db, |transaction| transaction.drop_store("bank"))?;
    assert_sound(&db);
    db.close()?;
    folder.assert_tidy(deaths)?;
    let summary = Summary {
        rows: book.rows.iter().sum(),
        transactions: book.history.committed(),
        audits: book.audits,
        excuses: book.excuses.len() as u64,
    };
    tally(summary.rows, "rows acknowledged by processes that share a folder");
    tally(summary.transactions, "transactions in checked histories");
    tally(summary.audits, "sums over accounts by processes that share a folder");
    tally(summary.excuses, "commits or reads of processes that were done once more");
    Ok(summary)
}
