//! Asking: every kind of index, and every kind of question it answers.

use sop_orm::prelude::*;

use crate::{
    model::{Month, Package, package},
    report::Step,
};

/// Asks what can be asked, and prints the answers.
///
/// All questions go to one session, so they are answered from one state of the database, whatever
/// others commit meanwhile. A session that only reads needs no commit.
pub async fn ask(db: &Db) -> Result<()> {
    let session = db.session();
    let packages = session.of::<Package>();

    let step = Step::begin("Which package is called sqlalchemy-triopg?");
    step.end(packages.by_name("sqlalchemy-triopg").await?);

    // A unique index is a method that finds one record; as a query it is named by its type.
    let step = Step::begin("Which names begin with \"sqlalchemy-json\"?");
    step.end(packages.query(package::ByName).starts_with("sqlalchemy-json").all().await?);

    let step = Step::begin("What is new in the family of flask?");
    step.end(packages.by_tenant().prefix("flask").limit(3).all().await?);

    // The second column as a range, within one value of the first. Nothing is read for a count.
    let step = Step::begin("How many packages of django date from 2024?");
    let (january, december) = (Month { year: 2024, month: 1 }, Month { year: 2024, month: 12 });
    let in_2024 = packages.by_tenant().range(("django", january)..=("django", december));
    step.end([in_2024.count().await?]);

    // Any index can be walked from either end.
    let step = Step::begin("Which package is the oldest, and which is the newest?");
    let oldest = packages.by_date().first().await?;
    let newest = packages.by_date().desc().first().await?;
    step.end(oldest.into_iter().chain(newest));

    let step = Step::begin("How many packages have the tag \"database\"?");
    step.end([packages.by_tag().prefix("database").count().await?]);

    // A filter is any closure. It looks at the records that the index has selected.
    let step = Step::begin("Which three of these have the tag \"vector\" too?");
    let of_databases = packages.by_tag().prefix("database");
    let of_vectors = of_databases.filter(|package| package.tags.contains("vector"));
    step.end(of_vectors.limit(3).all().await?);

    let step = Step::begin("How many packages has nobody reviewed?");
    step.end([packages.by_review().prefix(None).count().await?]);
    Ok(())
}

/// Reads the packages of one tenant a page at a time, the way a web service would: each page in a
/// session of its own, with nothing kept in between but a cursor.
pub async fn read_in_pages(db: &Db) -> anyhow::Result<()> {
    let step = Step::begin("Read the family of mcp in pages of 100");
    let (mut lens, mut after) = (Vec::new(), None);
    loop {
        let session = db.session();
        let page = session.of::<Package>().by_tenant().prefix("mcp").page(100, after).await?;
        lens.push(page.items.len());
        let Some(next) = page.next else { break };
        // A cursor can be sent away as text, for the next request to bring it back.
        after = Some(next.to_string().parse::<Cursor>()?);
    }
    step.end([format!("pages of {lens:?}")]);
    Ok(())
}

/// The downloads of all packages, which are read one after the other.
pub async fn sum_of_downloads(db: &Db) -> Result<u64> {
    let session = db.session();
    let (mut packages, mut sum) = (session.of::<Package>().by_key().stream(), 0);
    while let Some(package) = packages.try_next().await? {
        sum += package.downloads;
    }
    Ok(sum)
}
