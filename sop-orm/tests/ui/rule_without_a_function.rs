use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key)]
    number: u64,
    #[sop(validate)]
    name: String,
}

fn main() {}
