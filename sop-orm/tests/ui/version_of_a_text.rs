use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key)]
    number: u64,
    #[sop(version)]
    revision: String,
}

fn main() {}
