//! Rules, hooks and versions of stored types: what must hold, what happens around changes, and how
//! a caller finds out that somebody else was faster.
//!
//! ```sh
//! cargo run --release -p sop-examples --example hooks
//! ```
#![expect(clippy::print_stdout, reason = "the example talks to a person")]

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use sop_orm::{Hooks, Invalid, Scope, prelude::*};

/// What is in the shop. Its hooks keep a journal.
#[derive(SopStore, Debug)]
#[sop(store = "products", hooks)]
struct Product {
    #[sop(key(auto = increment))]
    number: u64,
    #[sop(validate = not_empty, unique(by_name))]
    name: String,
    cents: i64,
    #[sop(version)]
    version: u32,
}

/// What happened to the price of a product.
#[derive(SopStore, Debug)]
#[sop(store = "prices")]
struct PriceChange {
    #[sop(key(auto = uuid7))]
    id: Id<PriceChange>,
    #[sop(index(by_product))]
    product: u64,
    from: i64,
    to: i64,
}

fn not_empty(text: &str) -> Result<(), &'static str> {
    if text.is_empty() { Err("is empty") } else { Ok(()) }
}

impl Hooks for Product {
    fn validate(&self) -> Result<(), Invalid> {
        if self.cents < 0 { Err(Invalid::field("cents", "is negative")) } else { Ok(()) }
    }

    fn before_insert(&mut self) -> Result<(), Invalid> {
        self.name = self.name.trim().to_owned();
        Ok(())
    }

    fn after_update(&self, old: &Self, scope: &mut Scope<'_>) -> Result<()> {
        if self.cents != old.cents {
            scope.insert(NewPriceChange {
                product: self.number,
                from: old.cents,
                to: self.cents,
            })?;
        }
        Ok(())
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<()> {
    let db = Db::builder().store::<Product>().store::<PriceChange>().ephemeral().await?;

    let new = || NewProduct { name: "  Tea ".to_owned(), cents: 450 };
    let tea = db.run(async |s| s.of::<Product>().insert(new()).await).await?;
    assert_eq!((tea.name.as_str(), tea.version), ("Tea", 1));

    // A rule that is broken names the field; nothing was written, and the session goes on.
    let s = db.session();
    let refused = s.of::<Product>().insert(NewProduct { name: " ".to_owned(), cents: 1 }).await;
    if let Err(refused) = refused {
        println!("refused: {refused}");
    }

    // What should follow a commit and must not happen twice.
    let mails = Arc::new(AtomicUsize::new(0));
    let sent = Arc::clone(&mails);
    s.after_commit(move |report| {
        sent.fetch_add(1, Ordering::Relaxed);
        println!("committed {report}");
    })?;
    s.of::<Product>().edit_at(tea.number, tea.version).await?.cents = 500;
    s.commit().await?;
    assert_eq!(mails.load(Ordering::Relaxed), 1);

    // Somebody who still looks at the first version is told.
    let s = db.session();
    let stale = s.of::<Product>().edit_at(tea.number, tea.version).await;
    if let Err(stale) = stale {
        println!("too late: {stale}");
    }

    let changes = s.of::<PriceChange>().by_product().prefix(tea.number).all().await?;
    assert_eq!(
        changes.iter().map(|change| (change.from, change.to)).collect::<Vec<_>>(),
        [(450, 500)]
    );
    Ok(())
}
