use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(has_many(articles = article::ByAuthor))]
struct Tag {
    #[sop(key(auto = uuid7))]
    id: Id<Tag>,
}

#[derive(SopStore)]
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
}

fn main() {}
