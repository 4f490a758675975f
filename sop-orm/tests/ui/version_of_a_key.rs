use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key, version)]
    number: u64,
    name: String,
}

fn main() {}
