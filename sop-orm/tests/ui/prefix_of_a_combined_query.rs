use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(index(feed(author, at desc)))]
struct Article {
    #[sop(key(auto = uuid7))]
    id: Id<Article>,
    author: Id<User>,
    at: Timestamp,
    #[sop(unique(by_slug))]
    slug: String,
    #[sop(default)]
    views: u64,
}

#[derive(SopStore)]
struct User {
    #[sop(key(auto = uuid7))]
    id: Id<User>,
}

async fn wrong(s: &Session) -> Result<()> {
    let articles = s.of::<Article>();
    articles.feed().or(articles.by_key()).prefix(Id::<User>::new()).all().await?;
    Ok(())
}

fn main() {}
