use sop_orm::prelude::*;

#[derive(SopStore)]
struct Article {
    #[sop(key)]
    number: u32,
    #[sop(merge = union)]
    views: u64,
}

fn main() {}
