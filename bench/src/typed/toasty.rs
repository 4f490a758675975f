//! toasty: a typed layer on SQLite; one writer at a time.

use super::{ALWAYS_DURABLE, Row, Seen, Typed, can_be_seen};
use crate::{
    Result,
    engines::{Settings, version},
};
use rusqlite::Connection;
use std::{
    path::Path,
    sync::{Mutex, PoisonError},
};
use toasty::{Db, stmt};
use tokio::runtime::{self, Runtime};

#[derive(Debug, toasty::Model)]
struct Account {
    #[key]
    id: u64,
    #[unique]
    email: String,
    name: String,
    #[index]
    joined: u64,
    active: bool,
    score: f64,
    note: Option<String>,
    balance: i64,
}
can_be_seen!(Account);

/// An open database, and what its futures run on.
pub(crate) struct Toasty {
    runtime: Runtime,
    db: Db,
    /// SQLite lets writers that wait for each other sleep and try again; here they queue.
    writing: Mutex<()>,
}

impl Typed for Toasty {
    fn settings() -> Settings {
        Settings {
            name: format!("toasty {} on SQLite {}", version("toasty"), rusqlite::version()),
            options: "WAL, otherwise as its driver opens SQLite; writers behind a mutex, a runtime \
                      of tokio",
            durable: "`synchronous=FULL`, SQLite's default: one fsync of the write-ahead log per \
                      commit, and one of the database per checkpoint",
            relaxed: ALWAYS_DURABLE,
        }
    }

    fn open(folder: &Path, _: u64) -> Result<Self> {
        let path = folder.join("accounts.sqlite");
        // The file remembers that it has a write-ahead log; the driver has no word for it.
        Connection::open(&path)?.pragma_update(None, "journal_mode", "WAL")?;
        let runtime = runtime::Builder::new_multi_thread().enable_all().build()?;
        let db = runtime.block_on(async {
            let db = Db::builder()
                .models(toasty::models!(Account))
                .connect(&format!("sqlite:{}", path.display()))
                .await?;
            db.push_schema().await?;
            Ok::<_, toasty::Error>(db)
        })?;
        Ok(Self { runtime, db, writing: Mutex::default() })
    }

    fn insert(&self, rows: Vec<Row>) -> Result<()> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let mut many = Account::create_many();
        for row in rows {
            let Row { id, email, name, joined, active, score, note, balance } = row;
            let one = Account::create().id(id).email(email).name(name).joined(joined);
            many = many.item(one.active(active).score(score).note(note).balance(balance));
        }
        self.runtime.block_on(many.exec(&mut self.db.clone()))?;
        Ok(())
    }

    fn get(&self, id: u64, look: impl FnOnce(Seen<'_>)) -> Result<()> {
        look(self.runtime.block_on(Account::get_by_id(&mut self.db.clone(), id))?.seen());
        Ok(())
    }

    fn get_unique(&self, email: &str, look: impl FnOnce(Seen<'_>)) -> Result<()> {
        look(self.runtime.block_on(Account::get_by_email(&mut self.db.clone(), email))?.seen());
        Ok(())
    }

    fn range(&self, from: u64, to: u64, mut look: impl FnMut(Seen<'_>)) -> Result<()> {
        let joined = Account::fields().joined();
        let within = joined.clone().ge(from).and(joined.clone().lt(to));
        let query = Account::filter(within).order_by(joined.asc());
        let accounts = self.runtime.block_on(query.exec(&mut self.db.clone()))?;
        for account in &accounts {
            look(account.seen());
        }
        Ok(())
    }

    fn add(&self, id: u64, by: i64) -> Result<()> {
        let _alone = self.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let update = Account::filter_by_id(id).update().balance(stmt::add(by));
        self.runtime.block_on(update.exec(&mut self.db.clone()))?;
        Ok(())
    }
}
