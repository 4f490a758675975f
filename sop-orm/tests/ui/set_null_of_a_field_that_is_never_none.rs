use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key(auto = uuid7))]
    id: Id<User>,
}

#[derive(SopStore)]
struct Article {
    #[sop(key)]
    number: u64,
    #[sop(belongs_to(on_delete = set_null))]
    author: Id<User>,
}

fn main() {}
