//! Sessions that change the same record at once, and all commit.
//!
//! ```sh
//! cargo run --release -p sop-examples --example merging
//! ```
#![expect(clippy::print_stdout, reason = "the example talks to a person")]

use std::collections::BTreeSet;

use sop_orm::prelude::*;

/// Sessions that edit different fields both commit; some fields merge even if both changed them.
#[derive(SopStore, Debug)]
#[sop(store = "articles", merge_record = fields)]
struct Article {
    #[sop(key(auto = increment))]
    number: u64,
    author: String,
    /// The last one to write it wins.
    #[sop(merge = last_writer)]
    title: String,
    /// What each session added adds up.
    #[sop(merge = add, default)]
    views: u64,
    /// What either added is there, what either removed is not; the index follows.
    #[sop(merge = union, index(by_tag, each), default)]
    tags: BTreeSet<String>,
}

#[tokio::main]
async fn main() -> Result<()> {
    let db = Db::builder().store::<Article>().ephemeral().await?;
    let s = db.session();
    let new = NewArticle { author: "Ann".into(), title: "Trees".into() };
    let number = s.of::<Article>().insert(new).await?.number;
    s.commit().await?;

    fields(&db, number).await?;
    counter(&db, number).await?;
    clash(&db, number).await
}

/// Two sessions, several fields each.
async fn fields(db: &Db, number: u64) -> Result<()> {
    let (one, two) = (db.session(), db.session());
    {
        let mut article = one.of::<Article>().edit(number).await?;
        article.author = "Ann Lee".into();
        article.tags.insert("storage".into());
    }
    {
        let mut article = two.of::<Article>().edit(number).await?;
        article.title = "B+trees".into();
        article.tags.insert("trees".into());
    }
    one.commit().await?;
    let report = two.commit().await?;
    for merged in &report.merges {
        println!(
            "merged {} {}: this session changed {:?}",
            merged.store, merged.key, merged.fields
        );
    }
    let s = db.session();
    println!("{:?}", s.of::<Article>().require(number).await?);
    println!("{} tagged \"trees\"", s.of::<Article>().by_tag().prefix("trees").count().await?);
    Ok(())
}

/// Many tasks count at once. None of them has to try again.
async fn counter(db: &Db, number: u64) -> Result<()> {
    let readers: Vec<_> = (0..16)
        .map(|_| {
            let db = db.clone();
            tokio::spawn(async move {
                for _ in 0..100 {
                    let s = db.session();
                    s.of::<Article>().edit(number).await?.views += 1;
                    s.commit().await?;
                }
                Ok::<_, Error>(())
            })
        })
        .collect();
    for reader in readers {
        reader.await.expect("the task ends")?;
    }
    println!("{} views", db.session().of::<Article>().require(number).await?.views);
    Ok(())
}

/// Where two sessions mean different things, the second one is told; `Db::run` would try again.
async fn clash(db: &Db, number: u64) -> Result<()> {
    let (one, two) = (db.session(), db.session());
    one.of::<Article>().edit(number).await?.author = "Bob".into();
    two.of::<Article>().edit(number).await?.author = "Eve".into();
    one.commit().await?;
    match two.commit().await {
        Err(error) if error.is_retryable() => println!("{error}"),
        outcome => panic!("expected a conflict, not {outcome:?}"),
    }
    Ok(())
}
