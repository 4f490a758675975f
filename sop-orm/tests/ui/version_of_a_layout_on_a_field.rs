use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key)]
    number: u32,
    #[sop(version = 2)]
    name: String,
}

fn main() {}
