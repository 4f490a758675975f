use sop_orm::prelude::*;

#[derive(SopStore)]
struct Article {
    #[sop(key)]
    number: u32,
    #[sop(merge = "add")]
    views: u64,
}

fn main() {}
