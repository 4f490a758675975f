//! A whole program: it imports a catalogue of packages, answers questions about it, lets forty
//! sessions work on it at once, and checks after reopening that everything is there.
//!
//! ```sh
//! cargo run --release -p sop-examples --example quickstart [-- FOLDER]
//! ```
//!
//! Without a folder it works in a temporary one and leaves nothing behind. Given a folder, it
//! keeps the database there, and the next run goes on with it.
#![expect(clippy::print_stdout, reason = "the example talks to a person")]
#![expect(unreachable_pub, reason = "nothing of a program can be reached from outside")]

mod concurrency;
mod import;
mod model;
mod questions;
mod report;

use std::{env, path::Path};

use anyhow::{bail, ensure};
use sop_orm::prelude::*;

use crate::{
    concurrency::REVIEWS,
    model::{Package, package},
    report::Step,
};

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let arguments: Vec<_> = env::args_os().skip(1).collect();
    match arguments.as_slice() {
        [] => {
            let folder = tempfile::tempdir()?;
            run(folder.path()).await?;
            Ok(folder.close()?)
        }
        [folder] => run(Path::new(folder)).await,
        _ => bail!("expected at most one argument: the folder of the database"),
    }
}

async fn run(folder: &Path) -> anyhow::Result<()> {
    let db = open(folder).await?;
    import::import(&db).await?;
    questions::ask(&db).await?;
    questions::read_in_pages(&db).await?;

    let now = Timestamp::now();
    concurrency::review(&db, now).await?;
    let downloads = concurrency::download(&db).await?;
    close(db).await?;

    let db = open(folder).await?;
    check(&db, now, downloads).await?;
    close(db).await
}

/// Opens the database in a folder, or creates it. Every stored type is named here.
async fn open(folder: &Path) -> anyhow::Result<Db> {
    let step = Step::begin("Open the database");
    let db = Db::builder().store::<Package>().open(folder).await?;
    step.end([folder.display()]);
    Ok(db)
}

/// Nothing is lost without this either, but the next opening is faster after it.
async fn close(db: Db) -> anyhow::Result<()> {
    let step = Step::begin("Close it");
    db.close().await?;
    step.end_silently();
    Ok(())
}

/// Checks that a reopened database holds what was committed, all of it and once.
async fn check(db: &Db, reviewed_at: Timestamp, downloads: u64) -> anyhow::Result<()> {
    let step = Step::begin("Is everything still there?");
    let session = db.session();
    let packages = session.of::<Package>();

    let (count, expected) = (packages.by_key().count().await?, import::catalogue_len());
    ensure!(count == expected, "{count} packages instead of {expected}");
    let names = packages.query(package::ByName).count().await?;
    ensure!(names == expected, "{names} names instead of {expected}");

    let reviews = packages.by_review().prefix(reviewed_at).count().await?;
    ensure!(reviews == REVIEWS, "{reviews} reviews instead of {REVIEWS}");
    let sum = questions::sum_of_downloads(db).await?;
    ensure!(sum == downloads, "{sum} downloads instead of {downloads}");

    step.end([format!("yes: {count} packages, {reviews} of them reviewed now, {sum} downloads")]);
    Ok(())
}
