use sop_orm::prelude::*;

#[derive(SopStore)]
struct Article {
    #[sop(key)]
    number: u64,
    #[sop(belongs_to(on_delete = restrict))]
    author: u64,
}

fn main() {}
