use sop_orm::prelude::*;

#[derive(SopStore)]
struct Article {
    #[sop(key)]
    number: u32,
    #[sop(index(by_views, each))]
    views: u64,
}

fn main() {}
