use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(version)]
struct User {
    #[sop(key)]
    number: u32,
    name: String,
}

fn main() {}
