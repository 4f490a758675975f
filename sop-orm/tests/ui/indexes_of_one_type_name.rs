use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key)]
    id: u64,
    #[sop(index(by_name))]
    name: String,
    #[sop(index(by__name))]
    other: String,
    #[sop(index(by_key_))]
    third: String,
}

fn main() {}
