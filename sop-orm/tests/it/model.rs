//! The types that the tests keep.

use std::collections::BTreeSet;

use sop_orm::{Db, prelude::*};

#[derive(SopStore, Debug, PartialEq)]
#[sop(store = "users")]
pub struct User {
    #[sop(key(auto = uuid7))]
    pub id: Id<User>,
    #[sop(unique(by_email))]
    pub email: String,
    #[sop(default)]
    pub articles: i64,
}

#[derive(SopEmbed, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    #[sop(tag = 0)]
    Draft,
    #[sop(tag = 1)]
    Live,
    #[sop(tag = 7)]
    Gone,
}

#[derive(SopEmbed, Clone, Debug, PartialEq)]
pub enum Origin {
    #[sop(tag = 1)]
    Written,
    #[sop(tag = 2)]
    Imported { from: String, at: Timestamp },
    #[sop(tag = 3)]
    Copied(Id<Article>),
}

#[derive(SopStore, Debug, PartialEq)]
#[sop(store = "articles")]
#[sop(unique(by_slug(tenant, slug)))]
#[sop(index(feed(author_id, published_at desc)))]
pub struct Article {
    #[sop(key(auto = uuid7))]
    pub id: Id<Article>,
    pub tenant: u32,
    pub author_id: Id<User>,
    pub slug: String,
    #[sop(index(by_title))]
    pub title: String,
    #[sop(index(by_status))]
    pub status: Status,
    pub published_at: Option<Timestamp>,
    #[sop(index(by_tag, each))]
    pub tags: BTreeSet<String>,
    #[sop(default = Origin::Written)]
    pub origin: Origin,
    #[sop(default)]
    pub views: i64,
}

#[derive(SopStore, Debug, PartialEq)]
#[sop(store = "readings", key(sensor, at))]
pub struct Reading {
    pub at: Timestamp,
    pub sensor: String,
    #[sop(index(by_value, desc))]
    pub value: f64,
}

#[derive(SopStore, Debug, PartialEq)]
pub struct Order {
    #[sop(key(auto = increment))]
    pub number: u64,
    #[sop(unique(by_reference))]
    pub reference: Option<String>,
    #[sop(index(by_total))]
    pub total: i32,
}

/// A database with everything, in memory.
pub async fn database() -> Result<Db> {
    Db::builder()
        .store::<User>()
        .store::<Article>()
        .store::<Reading>()
        .store::<Order>()
        .ephemeral()
        .await
}

pub fn user(email: &str) -> NewUser {
    NewUser { email: email.to_owned() }
}

pub fn article(author: Id<User>, title: &str) -> NewArticle {
    NewArticle {
        tenant: 1,
        author_id: author,
        slug: title.to_lowercase(),
        title: title.to_owned(),
        status: Status::Draft,
        published_at: None,
        tags: BTreeSet::new(),
    }
}
