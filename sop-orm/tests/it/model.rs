//! The types that the tests keep.

use std::collections::BTreeSet;

use sop_orm::{Db, prelude::*};

#[derive(SopStore, Debug, PartialEq)]
#[sop(store = "users")]
pub(crate) struct User {
    #[sop(key(auto = uuid7))]
    pub(crate) id: Id<User>,
    #[sop(unique(by_email))]
    pub(crate) email: String,
    #[sop(default)]
    pub(crate) articles: i64,
}

#[derive(SopEmbed, Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Status {
    #[sop(tag = 0)]
    Draft,
    #[sop(tag = 1)]
    Live,
    #[sop(tag = 7)]
    Gone,
}

#[derive(SopEmbed, Clone, Debug, PartialEq)]
pub(crate) enum Origin {
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
pub(crate) struct Article {
    #[sop(key(auto = uuid7))]
    pub(crate) id: Id<Article>,
    pub(crate) tenant: u32,
    pub(crate) author_id: Id<User>,
    pub(crate) slug: String,
    #[sop(index(by_title))]
    pub(crate) title: String,
    #[sop(index(by_status))]
    pub(crate) status: Status,
    pub(crate) published_at: Option<Timestamp>,
    #[sop(index(by_tag, each))]
    pub(crate) tags: BTreeSet<String>,
    #[sop(default = Origin::Written)]
    pub(crate) origin: Origin,
    #[sop(default)]
    pub(crate) views: i64,
}

#[derive(SopStore, Debug, PartialEq)]
#[sop(store = "readings", key(sensor, at))]
pub(crate) struct Reading {
    pub(crate) at: Timestamp,
    pub(crate) sensor: String,
    #[sop(index(by_value, desc))]
    pub(crate) value: f64,
}

#[derive(SopStore, Debug, PartialEq)]
#[sop(new(derive(Clone, Debug)))]
pub(crate) struct Order {
    #[sop(key(auto = increment))]
    pub(crate) number: u64,
    #[sop(unique(by_reference))]
    pub(crate) reference: Option<String>,
    #[sop(index(by_total))]
    pub(crate) total: i32,
}

/// A database with everything, in memory.
pub(crate) async fn database() -> Result<Db> {
    Db::builder()
        .store::<User>()
        .store::<Article>()
        .store::<Reading>()
        .store::<Order>()
        .ephemeral()
        .await
}

pub(crate) fn user(email: &str) -> NewUser {
    NewUser { email: email.to_owned() }
}

pub(crate) fn article(author: Id<User>, title: &str) -> NewArticle {
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
