//! Repositories: plain async functions over a session, as an application would have them.
//!
//! ```sh
//! cargo run --release -p sop-examples --example repository
//! ```
//!
//! The functions neither begin nor commit anything. Whoever calls them decides what belongs
//! together, and `Db::run` makes that one unit of work: all of it happens, or nothing.
#![expect(clippy::print_stdout, reason = "the example talks to a person")]

use std::sync::Arc;

use sop_orm::prelude::*;

#[derive(SopStore)]
struct Author {
    #[sop(key(auto = uuid7))]
    id: Id<Author>,
    #[sop(unique(by_email))]
    email: String,
    /// Articles of this author that can be read.
    #[sop(default)]
    published: u32,
}

#[derive(SopStore)]
#[sop(index(feed(author, status, written_at desc)))]
struct Article {
    #[sop(key(auto = uuid7))]
    id: Id<Article>,
    author: Id<Author>,
    title: String,
    #[sop(default = Status::Draft)]
    status: Status,
    #[sop(default = Timestamp::now())]
    written_at: Timestamp,
}

/// The tags stand for the variants in what is stored; names and order may change.
#[derive(SopEmbed, Clone, Copy, PartialEq)]
enum Status {
    #[sop(tag = 0)]
    Draft,
    #[sop(tag = 1)]
    Published,
}

/// Authors and what they write. Cheap to make, so make one wherever it reads well.
#[derive(Clone, Copy)]
struct Library<'s>(&'s Session);

impl Library<'_> {
    /// The author with this address, who is added if need be.
    async fn author(self, email: &str) -> Result<Id<Author>> {
        let authors = self.0.of::<Author>();
        if let Some(known) = authors.by_email(email).await? {
            return Ok(known.id);
        }
        Ok(authors.insert(NewAuthor { email: email.to_owned() }).await?.id)
    }

    async fn write(self, author: Id<Author>, title: &str) -> Result<Id<Article>> {
        let article = NewArticle { author, title: title.to_owned() };
        Ok(self.0.of::<Article>().insert(article).await?.id)
    }

    /// Publishes a draft and counts it. Fails if it is published already.
    async fn publish(self, id: Id<Article>) -> Result<()> {
        let mut article = self.0.of::<Article>().edit(id).await?;
        if article.status == Status::Published {
            return Err(Error::Invalid(format!("{:?} is published already", article.title).into()));
        }
        article.status = Status::Published;
        self.0.of::<Author>().edit(article.author).await?.published += 1;
        Ok(())
    }

    /// The newest published articles of an author.
    async fn newest(self, author: Id<Author>, limit: u64) -> Result<Vec<Arc<Article>>> {
        let published = self.0.of::<Article>().feed().prefix((author, Status::Published));
        published.limit(limit).all().await
    }
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // In memory, as in a test of your own repositories.
    let db = Db::builder().store::<Author>().store::<Article>().ephemeral().await?;

    // One unit of work. It may run more than once, so it returns what it made.
    let (ann, articles) = db
        .run(async |session| {
            let library = Library(session);
            let ann = library.author("ann@example.org").await?;
            let mut articles = Vec::new();
            for title in ["On trees", "On logs", "On merging"] {
                articles.push(library.write(ann, title).await?);
            }
            Ok((ann, articles))
        })
        .await?;

    // Another one, for two articles at once.
    db.run(async |session| {
        for id in articles.iter().take(2) {
            Library(session).publish(*id).await?;
        }
        Ok(())
    })
    .await?;

    // This one fails at its second article: then the first one is not published either.
    let all = db
        .run(async |session| {
            for id in articles.iter().rev() {
                Library(session).publish(*id).await?;
            }
            Ok(())
        })
        .await;
    println!("refused: {}", all.expect_err("two of them are published"));

    let session = db.session();
    for article in Library(&session).newest(ann, 10).await? {
        println!("{} ({})", article.title, article.written_at);
    }
    println!("{} published", session.of::<Author>().require(ann).await?.published);
    Ok(())
}
