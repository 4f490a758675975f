//! PostgreSQL as a participant.

use std::{sync::Arc, time::Duration};

use sop_core::{Error, Gtid, Participant as _, Recovered, TransactionManager};
use sop_examples::{adapters::postgres::Postgres, postgres_server::PostgresServer};
use sop_tests::{Outcome, tally};
use tokio_postgres::NoTls;

use crate::stage::{Moment, Running, Stage};

const NOW: Duration = Duration::ZERO;

/// What all tests of a file share: to make one takes seconds.
struct Bank {
    server: PostgresServer,
}

impl Bank {
    async fn open() -> Outcome<Self> {
        let bank = Self { server: PostgresServer::start()? };
        bank.execute("CREATE TABLE payments (key text PRIMARY KEY, amount bigint NOT NULL)")
            .await?;
        Ok(bank)
    }

    async fn client(&self) -> Outcome<tokio_postgres::Client> {
        let (client, connection) = self.server.config().connect(NoTls).await?;
        tokio::spawn(connection);
        Ok(client)
    }

    async fn execute(&self, statement: &str) -> Outcome {
        Ok(self.client().await?.batch_execute(statement).await?)
    }

    async fn count(&self, key: &str) -> Outcome<i64> {
        let query = "SELECT count(*) FROM payments WHERE key = $1";
        Ok(self.client().await?.query_one(query, &[&key]).await?.get(0))
    }

    async fn prepared(&self) -> Outcome<i64> {
        let query = "SELECT count(*) FROM pg_prepared_xacts";
        Ok(self.client().await?.query_one(query, &[]).await?.get(0))
    }

    /// As a process has it that was just started.
    fn participant(&self) -> Arc<Postgres> {
        Arc::new(Postgres::new("payments", self.server.config()))
    }

    fn manager(&self, stage: &Stage) -> Outcome<(TransactionManager, Arc<Postgres>)> {
        let postgres = self.participant();
        let builder = stage.managing()?.participant(postgres.clone())?;
        Ok((builder.patience(Duration::from_secs(20)).build(), postgres))
    }
}

async fn pay(postgres: &Postgres, gtid: &Gtid, key: &str) -> Outcome {
    let branch = postgres.begin(gtid).await?;
    branch.execute("INSERT INTO payments VALUES ($1, 1)", &[&key]).await?;
    Ok(())
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Victim {
    Coordinator,
    Postgres,
    Both,
}

async fn interrupt(bank: &Bank, databases: usize, moment: Moment, victim: Victim) -> Outcome<bool> {
    let key = format!("{databases} {moment:?} {victim:?}");
    let mut stage = Stage::new(databases)?;
    let (manager, postgres) = bank.manager(&stage)?;
    let mut global = stage.writing(&manager, &key)?;
    pay(&postgres, global.gtid(), &key).await?;
    global.enlist_participant("payments")?;
    let mut commit: Running<'_, _> = Box::pin(global.commit());
    let mut told = stage.go_on(&mut commit, moment).await?;
    if moment.is_done && told.is_none() {
        // A question to the server may be on its way.
        told = Stage::poll(&mut commit);
    }
    if victim != Victim::Coordinator {
        bank.server.crash()?;
        bank.server.restart()?;
    }
    if victim == Victim::Postgres {
        told = match told {
            Some(told) => Some(told),
            None => Some(stage.run(commit).await?),
        };
    } else {
        drop(commit);
        drop((manager, postgres));
        stage.crash()?;
    }
    let (manager, _) = bank.manager(&stage)?;
    let mut recovered = stage.run(manager.recover(NOW)).await?;
    // What was still on its way when its sender ended may arrive in between.
    for _ in 0..100 {
        if recovered == Recovered::default() && bank.prepared().await? == 0 {
            break;
        }
        recovered = stage.run(manager.recover(NOW)).await?;
    }
    assert_eq!(recovered, Recovered::default(), "{key}");
    assert_eq!(bank.prepared().await?, 0, "{key}");

    let is_committed = bank.count(&key).await? == 1;
    assert_eq!(stage.holders(&key)?, vec![is_committed; databases], "{key}");
    match told {
        Some(Ok(_)) => assert!(is_committed, "{key}"),
        Some(Err(Error::GlobalUnknown { .. })) | None => {}
        Some(Err(error)) => assert!(!is_committed, "{key}: {error}"),
    }
    Ok(is_committed)
}

#[tokio::test(flavor = "multi_thread")]
async fn wherever_it_is_interrupted_the_server_and_the_databases_agree() -> Outcome {
    let bank = Bank::open().await?;
    let (mut committed, mut cases) = (0, 0);
    for databases in [1, 2] {
        for moment in Moment::first(2 * databases) {
            for victim in [Victim::Coordinator, Victim::Postgres, Victim::Both] {
                let is_committed = interrupt(&bank, databases, moment, victim).await?;
                println!("{databases} databases, {moment:?}, {victim:?}: {is_committed}");
                committed += u64::from(is_committed);
                cases += 1;
            }
        }
    }
    assert!(committed > 5 && cases - committed > 5, "{committed} of {cases}");
    tally(cases, "interrupted commits with PostgreSQL");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_server_refuses_happens_nowhere() -> Outcome {
    let bank = Bank::open().await?;
    let stage = Stage::new(2)?;
    let (manager, postgres) = bank.manager(&stage)?;
    bank.execute("INSERT INTO payments VALUES ('taken', 1)").await?;

    // A statement fails, which fails the transaction.
    let mut global = stage.writing(&manager, "taken")?;
    assert!(pay(&postgres, global.gtid(), "taken").await.is_err());
    global.enlist_participant("payments")?;
    let outcome = stage.run(global.commit()).await?;
    assert!(matches!(outcome, Err(Error::Participant { is_conflict: false, .. })), "{outcome:?}");

    // Nothing was begun.
    let mut global = stage.writing(&manager, "not begun")?;
    global.enlist_participant("payments")?;
    assert!(matches!(stage.run(global.commit()).await?, Err(Error::Participant { .. })));

    // Two that cannot be put in an order.
    bank.execute("INSERT INTO payments VALUES ('a', 1), ('b', 1)").await?;
    let globals = [stage.writing(&manager, "one")?, stage.writing(&manager, "two")?];
    let serializable = "SET TRANSACTION ISOLATION LEVEL SERIALIZABLE";
    for (global, [read, written]) in globals.iter().zip([["a", "b"], ["b", "a"]]) {
        let branch = postgres.begin(global.gtid()).await?;
        branch.batch_execute(serializable).await?;
        let amount =
            branch.query_one("SELECT amount FROM payments WHERE key = $1", &[&read]).await?;
        let amount: i64 = amount.get(0);
        let update = "UPDATE payments SET amount = $1 WHERE key = $2";
        branch.execute(update, &[&(amount + 1), &written]).await?;
    }
    let mut outcomes = Vec::new();
    for mut global in globals {
        global.enlist_participant("payments")?;
        outcomes.push(stage.run(global.commit()).await?);
    }
    let is_conflict = |outcome: &Result<_, Error>| outcome.as_ref().is_err_and(Error::is_retryable);
    assert!(outcomes.iter().any(is_conflict), "{outcomes:?}");
    stage.run(manager.recover(NOW)).await?;
    for key in ["taken", "not begun"] {
        assert_eq!(stage.holders(key)?, [false, false]);
    }
    assert_eq!(bank.prepared().await?, 0);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_branch_that_only_reads_drops_out_and_one_alone_commits_at_once() -> Outcome {
    let bank = Bank::open().await?;
    let stage = Stage::new(1)?;
    let (manager, postgres) = bank.manager(&stage)?;
    let mut global = stage.writing(&manager, "read")?;
    let gtid = *global.gtid();
    let branch = postgres.begin(&gtid).await?;
    branch.query("SELECT * FROM payments", &[]).await?;
    global.enlist_participant("payments")?;
    stage.run(global.commit()).await??;
    assert_eq!(manager.outcome(&gtid)?, None, "nothing had to be decided");
    assert_eq!(stage.holders("read")?, [true]);

    let mut global = manager.begin(&stage.dbs[0])?;
    pay(&postgres, global.gtid(), "alone").await?;
    global.enlist_participant("payments")?;
    assert_eq!(stage.run(global.commit()).await??.home, None);
    assert_eq!(bank.count("alone").await?, 1);
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_can_be_repeated_and_strangers_are_left_alone() -> Outcome {
    let bank = Bank::open().await?;
    let stage = Stage::new(1)?;
    let (manager, postgres) = bank.manager(&stage)?;
    let gtid = *manager.begin(&stage.dbs[0])?.gtid();
    for _ in 0..2 {
        postgres.rollback(&gtid).await?;
        postgres.commit(&gtid).await?;
    }
    pay(&postgres, &gtid, "repeated").await?;
    postgres.prepare(&gtid).await?;
    assert_eq!(bank.participant().recover().await?, [gtid]);
    for _ in 0..2 {
        bank.participant().commit(&gtid).await?;
    }
    assert_eq!(bank.count("repeated").await?, 1);

    let client = bank.client().await?;
    client.batch_execute("BEGIN; INSERT INTO payments VALUES ('theirs', 1)").await?;
    client.batch_execute("PREPARE TRANSACTION 'somebody else''s'").await?;
    assert_eq!(stage.run(manager.recover(NOW)).await?, Recovered::default());
    assert_eq!(bank.prepared().await?, 1);
    Ok(())
}
