use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key)]
    number: u32,
    #[sop(index)]
    name: String,
}

fn main() {}
