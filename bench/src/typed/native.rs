//! `native_db`: a typed layer on redb; one writer at a time.

use super::{ALWAYS_DURABLE, Row, Seen, Typed, can_be_seen};
use crate::{
    Result,
    engines::{Settings, version},
};
use native_db::{Builder, Database, Models, ToKey, native_db};
use native_model::{Model, native_model};
use serde::{Deserialize, Serialize};
use std::{path::Path, sync::LazyLock};

#[derive(Clone, Debug, Serialize, Deserialize)]
#[native_model(id = 1, version = 1)]
#[native_db]
struct Account {
    #[primary_key]
    id: u64,
    #[secondary_key(unique)]
    email: String,
    name: String,
    #[secondary_key]
    joined: u64,
    active: bool,
    score: f64,
    note: Option<String>,
    balance: i64,
}
can_be_seen!(Account);

impl From<Row> for Account {
    fn from(row: Row) -> Self {
        let Row { id, email, name, joined, active, score, note, balance } = row;
        Self { id, email, name, joined, active, score, note, balance }
    }
}

/// They have to live as long as the database.
static MODELS: LazyLock<Models> = LazyLock::new(|| {
    let mut models = Models::new();
    models.define::<Account>().expect("invariant: the model is well-formed");
    models
});

/// An open database.
pub(crate) struct Native(Database<'static>);

impl Typed for Native {
    fn settings() -> Settings {
        Settings {
            name: format!("native_db {} on redb", version("native_db")),
            options: "cache as stated, records by bincode as by default",
            durable: "redb's `Durability::Immediate`, its default: one fdatasync per commit",
            relaxed: ALWAYS_DURABLE,
        }
    }

    fn open(folder: &Path, cache: u64) -> Result<Self> {
        let mut builder = Builder::new();
        builder.set_cache_size(usize::try_from(cache)?);
        Ok(Self(builder.create(&MODELS, folder.join("accounts.redb"))?))
    }

    fn insert(&self, rows: Vec<Row>) -> Result<()> {
        let transaction = self.0.rw_transaction()?;
        for row in rows {
            transaction.insert(Account::from(row))?;
        }
        Ok(transaction.commit()?)
    }

    fn get(&self, id: u64, look: impl FnOnce(Seen<'_>)) -> Result<()> {
        let account: Option<Account> = self.0.r_transaction()?.get().primary(id)?;
        look(account.ok_or("no such account")?.seen());
        Ok(())
    }

    fn get_unique(&self, email: &str, look: impl FnOnce(Seen<'_>)) -> Result<()> {
        let transaction = self.0.r_transaction()?;
        let account: Option<Account> =
            transaction.get().secondary(AccountKey::email, email.to_owned())?;
        look(account.ok_or("no such account")?.seen());
        Ok(())
    }

    fn range(&self, from: u64, to: u64, mut look: impl FnMut(Seen<'_>)) -> Result<()> {
        let transaction = self.0.r_transaction()?;
        let scan = transaction.scan().secondary::<Account>(AccountKey::joined)?;
        let accounts = scan.range(from..to)?.collect::<Result<Vec<Account>, _>>()?;
        for account in &accounts {
            look(account.seen());
        }
        Ok(())
    }

    fn add(&self, id: u64, by: i64) -> Result<()> {
        let transaction = self.0.rw_transaction()?;
        let account: Option<Account> = transaction.get().primary(id)?;
        let old = account.ok_or("no such account")?;
        let balance = old.balance + by;
        transaction.update(old.clone(), Account { balance, ..old })?;
        Ok(transaction.commit()?)
    }
}
