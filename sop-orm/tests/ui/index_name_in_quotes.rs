use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key)]
    number: u32,
    #[sop(unique("by_name"))]
    name: String,
}

fn main() {}
