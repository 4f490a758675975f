use sop_orm::prelude::*;

#[derive(SopStore)]
struct Article {
    #[sop(key)]
    number: u32,
    #[sop(merge = add)]
    title: String,
}

fn main() {}
