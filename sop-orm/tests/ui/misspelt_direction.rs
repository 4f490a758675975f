use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(index(feed(author, at dsc)))]
struct Article {
    #[sop(key)]
    number: u32,
    author: u32,
    at: Timestamp,
}

fn main() {}
