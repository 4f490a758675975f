use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key)]
    id: u64,
    #[sop(index = by_name)]
    name: String,
}

fn main() {}
