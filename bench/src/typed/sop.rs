//! SOP's typed layer, and its engine for the same bytes.

use super::{ALWAYS_DURABLE, Row, Seen, Typed, can_be_seen};
use crate::{
    Result,
    engines::{Settings, version},
};
use pollster::block_on;
use sop_core::{Database, StoreId};
use sop_orm::prelude::*;
use std::path::Path;

const STORE: &str = "accounts";

#[derive(Debug, SopStore)]
#[sop(store = "accounts")]
struct Account {
    #[sop(key)]
    id: u64,
    #[sop(unique(by_email))]
    email: String,
    name: String,
    #[sop(index(by_joined))]
    joined: u64,
    active: bool,
    score: f64,
    note: Option<String>,
    #[sop(merge = add)]
    balance: i64,
}
can_be_seen!(Account);

impl From<Row> for Account {
    fn from(row: Row) -> Self {
        let Row { id, email, name, joined, active, score, note, balance } = row;
        Self { id, email, name, joined, active, score, note, balance }
    }
}

/// An open database, and its engine.
#[derive(Debug)]
pub(crate) struct Sop {
    db: Db,
    engine: Database,
    store: StoreId,
}

impl Typed for Sop {
    fn settings() -> Settings {
        Settings {
            name: format!("sop-orm {}", version("sop-orm")),
            options: "default options, serializable, a session for each operation; the balance \
                      has `merge = add`",
            durable: "`Durability::Immediate`: one append to the log and one fdatasync for all \
                      commits that wait together",
            relaxed: ALWAYS_DURABLE,
        }
    }

    fn open(folder: &Path, _: u64) -> Result<Self> {
        let engine = Database::open(folder)?;
        let db = block_on(Db::builder().store::<Account>().attach(engine.clone()))?;
        let store = engine.snapshot()?.store(STORE)?.id();
        Ok(Self { db, engine, store })
    }

    fn insert(&self, rows: Vec<Row>) -> Result<()> {
        let s = self.db.session();
        block_on(s.of::<Account>().insert_many(rows.into_iter().map(Account::from)))?;
        block_on(s.commit())?;
        Ok(())
    }

    fn get(&self, id: u64, look: impl FnOnce(Seen<'_>)) -> Result<()> {
        look(block_on(self.db.session().of::<Account>().require(id))?.seen());
        Ok(())
    }

    fn get_unique(&self, email: &str, look: impl FnOnce(Seen<'_>)) -> Result<()> {
        let found = block_on(self.db.session().of::<Account>().by_email(email))?;
        look(found.ok_or("no such account")?.seen());
        Ok(())
    }

    fn range(&self, from: u64, to: u64, mut look: impl FnMut(Seen<'_>)) -> Result<()> {
        let s = self.db.session();
        let accounts = block_on(s.of::<Account>().by_joined().range(from..to).all())?;
        for account in &accounts {
            look(account.seen());
        }
        Ok(())
    }

    fn add(&self, id: u64, by: i64) -> Result<()> {
        block_on(self.db.run(async |s| {
            s.of::<Account>().edit(id).await?.balance += by;
            Ok(())
        }))?;
        Ok(())
    }

    fn raw(&self, id: u64, look: impl FnOnce(&[u8])) -> Result<bool> {
        let transaction = self.engine.begin()?;
        let found = transaction.store_by_id(self.store)?.find(id.to_be_bytes())?;
        look(&found.ok_or("no such account")?);
        Ok(true)
    }
}
