//! Testing a program that keeps its data here: orders of sessions, conflicts, power cuts.
//!
//! ```sh
//! cargo run --release -p sop-examples --example testing
//! ```
//!
//! The functions at the top are the program, those below would be its tests: each makes happen
//! what rarely does, and always in the same way.
#![expect(clippy::print_stdout, reason = "the example talks to a person")]

use sop_orm::{
    prelude::*,
    testing::{Orders, SimulatedDisk, conflict_at, fixture, open_on, power_cuts, race},
};

#[derive(SopStore, Debug)]
#[sop(store = "accounts")]
struct Account {
    #[sop(key)]
    number: u32,
    balance: i64,
}

/// Moves money, unless there is too little of it.
async fn transfer(s: &Session, from: u32, to: u32, amount: i64) -> Result<()> {
    let accounts = s.of::<Account>();
    let left = accounts.require(from).await?.balance - amount;
    if left < 0 {
        return Err(Error::Invalid("too little money".into()));
    }
    accounts.edit(from).await?.balance = left;
    accounts.edit(to).await?.balance += amount;
    Ok(())
}

async fn sum(db: &Db) -> Result<i64> {
    let accounts = db.session().of::<Account>().by_key().all().await?;
    Ok(accounts.iter().map(|account| account.balance).sum())
}

fn bank() -> sop_orm::DbBuilder {
    Db::builder().store::<Account>()
}

/// Two accounts with 100 in the first.
async fn fill(db: &Db) -> Result<()> {
    let accounts = fixture!(db, {
        Account: [Account { number: 1, balance: 100 }, Account { number: 2, balance: 0 }],
    });
    accounts.map(drop)
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    nobody_spends_money_twice().await?;
    a_beaten_transfer_is_done_again().await?;
    no_power_cut_makes_or_loses_money().await
}

/// Two sessions spend the same 100. Whatever the order of their steps, one of them is told so.
async fn nobody_spends_money_twice() -> Result<()> {
    let orders = race(Orders::default(), async |race| {
        let db = bank().ephemeral().await?;
        fill(&db).await?;
        let mut sessions = race.on(&db);
        for _ in 0..2 {
            sessions.run(async |s, step| {
                let balance = s.of::<Account>().require(1).await?.balance;
                // Here the other session may spend it.
                step.next().await;
                transfer(s, 1, 2, balance.max(1)).await
            });
        }
        let outcomes = sessions.finish().await;
        assert_eq!(outcomes.iter().filter(|outcome| outcome.result.is_ok()).count(), 1);
        assert_eq!(sum(&db).await?, 100);
        Ok(())
    });
    println!("money was spent once in each of {} orders", orders.await?);
    Ok(())
}

/// The first two commits conflict, as if somebody had been faster.
async fn a_beaten_transfer_is_done_again() -> Result<()> {
    let db = bank().ephemeral().await?;
    fill(&db).await?;
    conflict_at(&db, 1);
    conflict_at(&db, 2);
    let attempts = db
        .run(async |s| {
            transfer(s, 1, 2, 30).await?;
            Ok(s.attempt())
        })
        .await?;
    assert_eq!(db.session().of::<Account>().require(2).await?.balance, 30);
    println!("a transfer was done at attempt {attempts}, once");
    Ok(())
}

/// The power fails before every call of the disk.
async fn no_power_cut_makes_or_loses_money() -> Result<()> {
    let disk = SimulatedDisk::new();
    let db = open_on(bank(), &disk).await?;
    fill(&db).await?;
    let filled = disk.faults().calls();
    for _ in 0..3 {
        db.run(async |s| transfer(s, 1, 2, 10).await).await?;
    }
    db.close().await?;

    let mut cuts = 0;
    for cut in power_cuts(&disk, 1).filter(|cut| cut.call >= filled) {
        let db = open_on(bank(), &cut.disk).await?;
        assert_eq!(sum(&db).await?, 100, "after a power cut at call {}", cut.call);
        cuts += 1;
    }
    println!("the sum was right after {cuts} power cuts");
    Ok(())
}
