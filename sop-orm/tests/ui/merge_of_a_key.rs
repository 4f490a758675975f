use sop_orm::prelude::*;

#[derive(SopStore)]
struct Article {
    #[sop(key, merge = max)]
    number: u32,
}

fn main() {}
