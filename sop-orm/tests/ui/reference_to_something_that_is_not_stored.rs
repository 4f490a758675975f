use sop_orm::prelude::*;

struct User;

#[derive(SopStore)]
struct Article {
    #[sop(key)]
    number: u64,
    #[sop(belongs_to)]
    author: Id<User>,
}

fn main() {}
