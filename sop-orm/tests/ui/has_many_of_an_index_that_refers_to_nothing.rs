use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(has_many(articles = article::ByTitle))]
struct User {
    #[sop(key(auto = uuid7))]
    id: Id<User>,
}

#[derive(SopStore)]
struct Article {
    #[sop(key)]
    number: u64,
    #[sop(belongs_to)]
    author: Id<User>,
    #[sop(index(by_title))]
    title: String,
}

fn main() {}
