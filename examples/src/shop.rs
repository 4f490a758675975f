//! What most examples in the documentation of `sop_orm` are about: a small shop.
//!
//! That documentation shows the two types and lists what the shop holds. An example that needs
//! something else declares it.

use std::{
    pin::pin,
    sync::Arc,
    task::{Context, Poll, Wake, Waker},
    thread::{self, Thread},
};

use sop_orm::{
    DbBuilder,
    prelude::*,
    testing::{SimulatedDisk, open_on},
};
use tempfile::TempDir;

/// Somebody who may order.
#[derive(SopStore, Clone, Debug, PartialEq)]
#[sop(store = "users", index(by_city(city, age desc)))]
#[sop(new(derive(Clone, Debug)))]
pub struct User {
    /// Who it is.
    #[sop(key(auto = uuid7))]
    pub id: Id<User>,
    /// No two users have the same one.
    #[sop(unique(by_email))]
    pub email: String,
    /// Where they live.
    pub city: String,
    /// In years.
    pub age: u8,
    /// How often they came.
    #[sop(default, merge = add)]
    pub visits: u32,
}

/// What was ordered.
#[derive(SopStore, Clone, Debug, PartialEq)]
#[sop(store = "orders")]
#[sop(new(derive(Clone, Debug)))]
pub struct Order {
    /// Counts up from 1.
    #[sop(key(auto = increment))]
    pub number: u64,
    /// What it costs.
    #[sop(index(by_total))]
    pub total: i64,
    /// What it has to do with.
    #[sop(default, index(by_tag, each))]
    pub tags: Vec<String>,
}

/// The orders as a program wrote them that had no indexes yet.
pub mod earlier {
    use sop_orm::prelude::*;

    /// What was ordered.
    #[derive(SopStore, Clone, Debug, PartialEq)]
    #[sop(store = "orders")]
    pub struct Order {
        /// Counts up from 1.
        #[sop(key(auto = increment))]
        pub number: u64,
        /// What it costs.
        pub total: i64,
        /// What it has to do with.
        #[sop(default)]
        pub tags: Vec<String>,
    }
}

/// The database of an earlier program that knew of no indexes, opened by another one: with orders
/// of these totals.
pub async fn earlier(totals: &[i64], builder: DbBuilder) -> Result<Db> {
    let disk = SimulatedDisk::new();
    let db = open_on(Db::builder().store::<earlier::Order>(), &disk).await?;
    let new = totals.iter().map(|&total| earlier::NewOrder { total });
    let s = db.session();
    s.of::<earlier::Order>().insert_many(new).await?;
    s.commit().await?;
    db.close().await?;
    open_on(builder, &disk).await
}

/// A shop in memory.
pub async fn shop() -> Result<Db> {
    let db = Db::builder().store::<User>().store::<Order>().ephemeral().await?;
    let s = db.session();
    let user = |(email, city, age): (&str, &str, u8)| NewUser {
        email: email.to_owned(),
        city: city.to_owned(),
        age,
    };
    let users = [("ann@x.io", "Rome", 40), ("bob@x.io", "Rome", 17), ("cleo@x.io", "Oslo", 29)];
    s.of::<User>().insert_many(users.map(user)).await?;
    s.of::<Order>().insert_many([10, 20, 30].map(|total| NewOrder { total })).await?;
    s.commit().await?;
    Ok(db)
}

/// A folder that is removed when it is dropped.
///
/// # Panics
///
/// If the system gives none.
pub fn folder() -> TempDir {
    tempfile::tempdir().expect("a temporary folder")
}

/// Runs an example on a shop of its own, with a session.
///
/// # Panics
///
/// If the example fails.
pub fn example(body: impl AsyncFnOnce(Db, Session) -> Result<()>) {
    run(async {
        let db = shop().await?;
        let session = db.session();
        body(db, session).await
    });
}

/// Runs an example to its end.
pub(crate) fn run(example: impl Future<Output = Result<()>>) {
    if let Err(error) = block_on(example) {
        panic!("the example failed: {error}");
    }
}

struct Unpark(Thread);

impl Wake for Unpark {
    fn wake(self: Arc<Self>) {
        self.0.unpark();
    }
}

/// The least executor there is: the library needs no more.
fn block_on<T>(future: impl Future<Output = T>) -> T {
    let mut future = pin!(future);
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
            return value;
        }
        thread::park();
    }
}
