use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key)]
    number: u64,
}

#[derive(SopStore)]
struct Article {
    #[sop(key)]
    number: u64,
    #[sop(belongs_to(User))]
    author: u32,
    #[sop(belongs_to(User))]
    editor: Option<u32>,
}

fn main() {}
