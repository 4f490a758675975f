use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key)]
    number: u32,
    #[sop(index(get))]
    name: String,
}

fn main() {}
