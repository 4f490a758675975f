//! A small service, started three times, whose processes share one catalogue in one folder.
//!
//! `cargo run --release -p sop-examples --example cluster`
//!
//! There is no server and no leader: each process opens the folder by itself. On a shared file system
//! they could as well run on three machines.
#![expect(clippy::print_stdout, reason = "the example talks to a person")]

use std::{
    env,
    error::Error,
    path::Path,
    process::{Child, Command},
};

use sop_orm::prelude::*;

/// What the service has to offer.
#[derive(Debug, SopStore)]
struct Product {
    #[sop(key)]
    sku: String,
    #[sop(index(by_supplier))]
    supplier: String,
    /// Sales of all processes add up, also when two of them sell the same product at once.
    #[sop(merge = add)]
    sold: u64,
}

const PROCESSES: u32 = 3;
const PRODUCTS: u32 = 20;
const SALES: u32 = 50;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    match (arguments.next(), arguments.next()) {
        (Some(folder), Some(number)) => serve(Path::new(&folder), &number).await,
        _ => start().await,
    }
}

async fn open(folder: &Path) -> Result<Db> {
    // With Redis: `.cluster("redis://host:6379")`, and the feature `redis`.
    Db::builder().store::<Product>().cluster(None).open(folder).await
}

/// Starts the processes, and looks at what they leave.
async fn start() -> Result<(), Box<dyn Error>> {
    let folder = tempfile::tempdir()?;
    let service = |number: u32| -> std::io::Result<Child> {
        Command::new(env::current_exe()?).arg(folder.path()).arg(number.to_string()).spawn()
    };
    let started = (1..=PROCESSES).map(service).collect::<Result<Vec<_>, _>>()?;
    for mut process in started {
        if !process.wait()?.success() {
            return Err("one of the processes failed".into());
        }
    }
    let db = open(folder.path()).await?;
    let s = db.session();
    let products = s.of::<Product>().by_key().all().await?;
    let sold: u64 = products.iter().map(|product| product.sold).sum();
    let of_two = s.of::<Product>().by_supplier().prefix("supplier 2").count().await?;
    println!("{} products, {of_two} of them from supplier 2, {sold} sold", products.len());
    assert_eq!(products.len(), (PROCESSES * PRODUCTS + 1) as usize);
    assert_eq!(sold, u64::from(PROCESSES * SALES));
    Ok(())
}

/// One process: offers products of its own, and sells what all of them offer.
async fn serve(folder: &Path, number: &str) -> Result<(), Box<dyn Error>> {
    let db = open(folder).await?;
    db.run(async |s| {
        // All of them want to be the first one to offer this.
        let gift = || Product { sku: "gift".into(), supplier: "all".into(), sold: 0 };
        s.of::<Product>().get("gift").or_insert_with(gift).await?;
        let product = |item| Product {
            sku: format!("{number}-{item}"),
            supplier: format!("supplier {number}"),
            sold: 0,
        };
        s.of::<Product>().insert_many((0..PRODUCTS).map(product)).await?;
        Ok(())
    })
    .await?;
    for _ in 0..SALES {
        db.run(async |s| {
            s.of::<Product>().edit("gift").await?.sold += 1;
            Ok(())
        })
        .await?;
    }
    println!("process {number} has sold {SALES} gifts");
    Ok(db.close().await?)
}
