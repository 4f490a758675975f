//! What the examples of relations in the documentation of `sop_orm` are about: people and what they
//! write.

use sop_orm::prelude::*;

use crate::shop::run;

/// Somebody who may write.
#[derive(SopStore, Clone, Debug, PartialEq)]
#[sop(store = "users", has_many(articles = article::ByAuthor))]
pub struct User {
    /// Who it is.
    #[sop(key)]
    pub name: String,
}

/// What was written.
#[derive(SopStore, Clone, Debug, PartialEq)]
#[sop(store = "articles", new(derive(Clone, Debug)))]
pub struct Article {
    /// Counts up from 1.
    #[sop(key(auto = increment))]
    pub number: u64,
    /// Who wrote it.
    #[sop(belongs_to(User, on_delete = restrict))]
    pub author: String,
    /// What it is about.
    pub title: String,
}

/// An article to be inserted.
pub fn article(author: &str, title: &str) -> NewArticle {
    NewArticle { author: author.to_owned(), title: title.to_owned() }
}

/// A blog in memory: Ann has written two articles, Bob none.
pub async fn blog() -> Result<Db> {
    let db = Db::builder().store::<User>().store::<Article>().ephemeral().await?;
    let s = db.session();
    s.of::<User>().insert_many(["Ann", "Bob"].map(|name| User { name: name.to_owned() })).await?;
    s.of::<Article>().insert_many(["Trees", "Logs"].map(|title| article("Ann", title))).await?;
    s.commit().await?;
    Ok(db)
}

/// Runs an example on a blog of its own, with a session.
///
/// # Panics
///
/// If the example fails.
pub fn example(body: impl AsyncFnOnce(Db, Session) -> Result<()>) {
    run(async {
        let db = blog().await?;
        let session = db.session();
        body(db, session).await
    });
}
