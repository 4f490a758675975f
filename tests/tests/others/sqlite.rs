//! SQLite as a last resource.

use std::{path::Path, sync::Arc, time::Duration};

use rusqlite::{Connection, params};
use sop_core::{Error, Gtid, LastResource as _, Outcome as Ended, Recovered, TransactionManager};
use sop_examples::adapters::sqlite::Sqlite;
use sop_tests::{Outcome, tally};

use crate::stage::{Moment, Running, Stage};

const NOW: Duration = Duration::ZERO;

fn make(path: &Path) -> Outcome {
    let create = "CREATE TABLE payments (key TEXT PRIMARY KEY)";
    Ok(Connection::open(path)?.execute_batch(create)?)
}

fn manager(stage: &Stage, path: &Path) -> Outcome<(TransactionManager, Arc<Sqlite>)> {
    let sqlite = Arc::new(Sqlite::new("ledger", path));
    Ok((stage.managing()?.last_resource(sqlite.clone())?.build(), sqlite))
}

fn pay(sqlite: &Sqlite, gtid: &Gtid, key: &str) -> Outcome {
    let branch = sqlite.begin(gtid)?;
    let connection = branch.lock().map_err(|_| "it panicked")?;
    connection.execute("INSERT INTO payments VALUES (?1)", params![key])?;
    Ok(())
}

fn count(path: &Path, query: &str) -> Outcome<u64> {
    Ok(Connection::open(path)?.query_row(query, [], |row| row.get(0))?)
}

/// Whether it was committed in the end.
async fn interrupt(databases: usize, moment: Moment) -> Outcome<bool> {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("ledger.sqlite");
    make(&path)?;
    let mut stage = Stage::new(databases)?;
    let (first, sqlite) = manager(&stage, &path)?;
    let mut global = stage.writing(&first, "k")?;
    pay(&sqlite, global.gtid(), "k")?;
    global.enlist_last_resource("ledger")?;
    let mut commit: Running<'_, _> = Box::pin(global.commit());
    let told = stage.go_on(&mut commit, moment).await?;
    drop(commit);
    // The process has ended: nothing of its is left but what is durable.
    drop((first, sqlite));
    stage.crash()?;
    let (manager, _) = manager(&stage, &path)?;
    stage.run(manager.recover(NOW)).await?;
    assert_eq!(stage.run(manager.recover(NOW)).await?, Recovered::default());
    let is_committed = count(&path, "SELECT count(*) FROM payments")? == 1;
    assert_eq!(stage.holders("k")?, vec![is_committed; databases], "{moment:?}");
    if let Some(Ok(_)) = told {
        assert!(is_committed);
        let markers = count(&path, "SELECT count(*) FROM sop_2pc")?;
        assert_eq!(markers, 0, "everybody knows");
    }
    Ok(is_committed)
}

#[tokio::test]
async fn wherever_it_is_interrupted_its_row_decides() -> Outcome {
    let (mut committed, mut cases) = (0, 0);
    for databases in [1, 2] {
        for moment in Moment::first(12) {
            committed += u64::from(interrupt(databases, moment).await?);
            cases += 1;
        }
    }
    assert!(committed > 5 && cases - committed > 5, "{committed} of {cases}");
    tally(cases, "interrupted commits with SQLite as the last resource");
    Ok(())
}

#[tokio::test]
async fn whoever_settles_first_wins() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("ledger.sqlite");
    make(&path)?;
    let (one, other) = (Sqlite::new("ledger", &path), Sqlite::new("ledger", &path));
    let [first, second] = [1, 2].map(|number| Gtid::from_bytes([number; 40]));
    assert_eq!(other.settle(&first).await?, Ended::RolledBack);
    pay(&one, &first, "late")?;
    assert!(one.commit(&first).await.is_err());
    assert_eq!(other.settle(&first).await?, Ended::RolledBack);
    other.forget(&first).await?;
    assert_eq!(other.settle(&first).await?, Ended::RolledBack, "that of an abort stays");

    pay(&one, &second, "in time")?;
    one.commit(&second).await?;
    for _ in 0..2 {
        assert_eq!(other.settle(&second).await?, Ended::Committed);
        one.rollback(&second).await?;
    }
    assert_eq!(count(&path, "SELECT count(*) FROM payments")?, 1);
    Ok(())
}

#[tokio::test]
async fn what_it_refuses_happens_nowhere() -> Outcome {
    let folder = tempfile::tempdir()?;
    let path = folder.path().join("ledger.sqlite");
    make(&path)?;
    let stage = Stage::new(2)?;
    let (manager, sqlite) = manager(&stage, &path)?;
    let mut global = stage.writing(&manager, "k")?;
    let gtid = *global.gtid();
    // Somebody has taken it for abandoned.
    Sqlite::new("ledger", &path).settle(&gtid).await?;
    pay(&sqlite, &gtid, "k")?;
    global.enlist_last_resource("ledger")?;
    let outcome = stage.run(global.commit()).await?;
    assert!(matches!(outcome, Err(Error::Participant { .. })), "{outcome:?}");
    assert_eq!(stage.holders("k")?, [false, false]);
    assert_eq!(count(&path, "SELECT count(*) FROM payments")?, 0);
    Ok(())
}
