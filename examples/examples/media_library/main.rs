//! A media library: files of any length in records, uploaded in parts that survive a crash, and
//! served over HTTP, of which a player asks for ranges.
//!
//! ```sh
//! cargo run --release -p sop-examples --example media_library
//! cargo run --release -p sop-examples --example media_library -- serve 127.0.0.1:8080 FILE..
//! ```
//!
//! The first one adds a file, asks for parts of it as a browser would, and ends. The second one adds
//! the files and goes on serving: `curl -r 0-99 http://127.0.0.1:8080/FILE`.
#![expect(clippy::print_stdout, reason = "the example talks to a person")]

mod library;
mod player;
mod range;
mod server;

use std::{env, path::Path};

use anyhow::{Context, Result, ensure};
use indicatif::ProgressBar;
use sop_orm::Db;
use tokio::net::TcpListener;

/// What is added if no files are given.
const OWN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/data/packages.jsonl");

#[tokio::main]
async fn main() -> Result<()> {
    let mut arguments = env::args().skip(1);
    match arguments.next().as_deref() {
        Some("serve") => {
            let address = arguments.next().context("serve where? Say 127.0.0.1:8080")?;
            let db = library::open(Path::new("media.sop")).await?;
            for file in arguments {
                add(&db, Path::new(&file)).await?;
            }
            let listener = TcpListener::bind(&address).await?;
            println!("serving at http://{}", listener.local_addr()?);
            server::serve(db, listener).await
        }
        Some(other) => anyhow::bail!("{other}? The only word is `serve`"),
        None => show().await,
    }
}

/// Adds a file under its own name, and shows how far that has come.
async fn add(db: &Db, file: &Path) -> Result<String> {
    let name = file.file_name().and_then(|name| name.to_str()).context("a file without a name")?;
    let bar = ProgressBar::new(file.metadata()?.len());
    let added = library::add(db, name, file, |bytes| bar.set_position(bytes)).await?;
    bar.finish_and_clear();
    println!("{name}: {added} bytes added");
    Ok(name.to_owned())
}

/// Adds one file, serves it, and plays it.
async fn show() -> Result<()> {
    let folder = tempfile::tempdir()?;
    let db = library::open(folder.path()).await?;
    let name = add(&db, Path::new(OWN)).await?;
    ensure!(library::add(&db, &name, Path::new(OWN), |_| {}).await? == 0, "it is there already");

    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(server::serve(db.clone(), listener));
    player::play(address, &name, &std::fs::read(OWN)?).await?;
    player::play_while_it_is_deleted(&db, address, &name).await
}
