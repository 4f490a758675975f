//! Fields that refer to records.

mod deletion;
mod kinds;
mod merging;
mod opening;
mod preload;
mod references;
mod soft_deletion;

use std::sync::Arc;

use sop_orm::{Session, prelude::*};

#[derive(SopStore, Debug, PartialEq)]
#[sop(store = "users", merge_record = fields, has_many(articles = article::Feed, edited = article::ByEditor))]
struct User {
    #[sop(key(auto = uuid7))]
    id: Id<User>,
    name: String,
    #[sop(default, merge = add)]
    visits: i64,
}

#[derive(SopStore, Debug, PartialEq)]
#[sop(store = "articles", merge_record = fields, index(feed(author, title desc)))]
#[sop(has_many(comments = comment::ByArticle))]
struct Article {
    #[sop(key(auto = uuid7))]
    id: Id<Article>,
    #[sop(belongs_to(on_delete = restrict))]
    author: Id<User>,
    #[sop(belongs_to(on_delete = set_null), default)]
    editor: Option<Id<User>>,
    title: String,
    #[sop(belongs_to_many(on_delete = remove), default, merge = union)]
    tags: Vec<Id<Tag>>,
}

#[derive(SopStore, Debug, PartialEq)]
#[sop(store = "comments", has_many(answers = comment::ByAnswered))]
struct Comment {
    #[sop(key(auto = increment))]
    number: u64,
    #[sop(belongs_to(on_delete = cascade))]
    article: Id<Article>,
    #[sop(belongs_to(Comment, on_delete = cascade), default)]
    answered: Option<u64>,
}

#[derive(SopStore, Debug, PartialEq)]
#[sop(store = "tags", has_many(articles = article::ByTags))]
struct Tag {
    #[sop(key(auto = uuid7))]
    id: Id<Tag>,
    name: String,
}

async fn database() -> Result<Db> {
    let types = Db::builder().store::<User>().store::<Article>().store::<Comment>();
    types.store::<Tag>().ephemeral().await
}

async fn user(s: &Session, name: &str) -> Result<Arc<User>> {
    s.of::<User>().insert(NewUser { name: name.to_owned() }).await
}

async fn article(s: &Session, author: Id<User>, title: &str) -> Result<Arc<Article>> {
    s.of::<Article>().insert(NewArticle { author, title: title.to_owned() }).await
}

async fn comment(s: &Session, article: Id<Article>, answered: Option<u64>) -> Result<u64> {
    let new = s.of::<Comment>().insert(NewComment { article }).await?;
    if answered.is_some() {
        s.of::<Comment>().edit(new.number).await?.answered = answered;
    }
    Ok(new.number)
}

/// A database with Ann and an article of hers.
async fn ann_and_hello() -> Result<(Db, Id<User>, Id<Article>)> {
    let db = database().await?;
    let s = db.session();
    let ann = user(&s, "Ann").await?.id;
    let hello = article(&s, ann, "Hello").await?.id;
    s.commit().await?;
    Ok((db, ann, hello))
}

async fn assert_whole(db: &Db) -> Result<()> {
    let (references, indexes) = (db.check_references().await?, db.check_indexes().await?);
    assert!(references.is_sound(), "{references:?}");
    assert!(indexes.is_sound(), "{indexes:?}");
    Ok(())
}
