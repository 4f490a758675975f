//! Evolution: a struct changes three times while its records stay where they are.
//!
//! ```sh
//! cargo run --release -p sop-examples --example evolution
//! ```
//!
//! Each module is the program of another year. What only adds, widens or renames is found out by
//! comparing the struct with what the database remembers of it. What gives values another meaning
//! has a version and a `From`. What would lose something is refused, with the difference.
#![expect(clippy::print_stdout, reason = "the example talks to a person")]

use std::path::Path;

use sop_orm::prelude::*;

/// The first program.
mod first_year {
    use sop_orm::prelude::*;

    #[derive(SopStore)]
    #[sop(store = "articles")]
    pub(crate) struct Article {
        #[sop(key(auto = increment))]
        pub(crate) number: u64,
        #[sop(index(by_title))]
        pub(crate) title: String,
        pub(crate) stock: u8,
        pub(crate) euros: f64,
    }
}

/// More may be in stock, the title is called a name, and there are notes. No version is needed.
mod second_year {
    use sop_orm::prelude::*;

    #[derive(SopStore, Clone)]
    #[sop(store = "articles")]
    pub(crate) struct Article {
        #[sop(key(auto = increment))]
        pub(crate) number: u64,
        #[sop(renamed_from = title, index(by_name))]
        pub(crate) name: String,
        pub(crate) stock: u32,
        pub(crate) euros: f64,
        #[sop(default)]
        pub(crate) notes: Vec<String>,
    }
}

/// Somebody forgot that stored articles have fractions of euros.
mod mistake {
    use sop_orm::prelude::*;

    #[derive(SopStore)]
    #[sop(store = "articles")]
    pub(crate) struct Article {
        #[sop(key(auto = increment))]
        pub(crate) number: u64,
        pub(crate) euros: u32,
    }
}

/// Prices are in cents. That is another meaning, so it is another version.
mod third_year {
    use sop_orm::prelude::*;

    #[derive(SopStore)]
    #[sop(store = "articles", version = 2, from = super::second_year::Article)]
    pub(crate) struct Article {
        #[sop(key(auto = increment))]
        pub(crate) number: u64,
        #[sop(index(by_name))]
        pub(crate) name: String,
        pub(crate) stock: u32,
        #[sop(index(by_price))]
        pub(crate) cents: i64,
        pub(crate) notes: Vec<String>,
    }

    impl From<super::second_year::Article> for Article {
        fn from(old: super::second_year::Article) -> Self {
            let super::second_year::Article { number, name, stock, euros, notes } = old;
            #[expect(clippy::cast_possible_truncation, reason = "prices are far from that large")]
            let cents = (euros * 100.0).round() as i64;
            Self { number, name, stock, cents, notes }
        }
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    first(folder.path()).await?;
    second(folder.path()).await?;
    let refused = Db::builder().store::<mistake::Article>().open(folder.path()).await;
    println!("\nrefused: {}\n", refused.expect_err("a price may have cents"));
    third(folder.path()).await?;
    Ok(())
}

async fn first(folder: &Path) -> Result<()> {
    use first_year::{Article, NewArticle};
    let db = Db::builder().store::<Article>().open(folder).await?;
    db.run(async |s| {
        for (title, euros) in [("lamp", 19.99), ("chair", 49.5), ("table", 120.0)] {
            let new = NewArticle { title: title.to_owned(), stock: 200, euros };
            s.of::<Article>().insert(new).await?;
        }
        Ok(())
    })
    .await
}

async fn second(folder: &Path) -> Result<()> {
    use second_year::Article;
    let db = Db::builder().store::<Article>().open(folder).await?;
    // Read by plan: the stock is widened, the notes are the default.
    let lamp = db.session().of::<Article>().require(1).await?;
    println!("{}: {} in stock, {} notes", lamp.name, lamp.stock, lamp.notes.len());
    // Written anew because it changes.
    db.run(async |s| {
        let mut lamp = s.of::<Article>().edit(1).await?;
        lamp.stock += 1_000;
        lamp.notes.push("sells well".to_owned());
        Ok(())
    })
    .await
}

async fn third(folder: &Path) -> Result<()> {
    use third_year::Article;
    // Records of both years come through `From`; the indexes are made of what it gives.
    let db = Db::builder().store::<Article>().open(folder).await?;
    let s = db.session();
    for article in s.of::<Article>().by_price().all().await? {
        println!("{}: {} cents, {} in stock", article.name, article.cents, article.stock);
    }
    // Now that no record needs it any more, `from` and the older structs can go.
    let mut migration = db.migrate::<Article>();
    while let Some(progress) = migration.step().await? {
        println!("{} of {} records are of version 2", progress.done, progress.total);
    }
    Ok(())
}
