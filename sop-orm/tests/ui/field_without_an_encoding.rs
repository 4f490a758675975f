use sop_orm::prelude::*;

#[derive(SopStore)]
struct Article {
    #[sop(key)]
    number: u32,
    views: usize,
}

fn main() {}
