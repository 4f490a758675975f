use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop]
    id: u32,
    #[sop(key)]
    number: u32,
}

fn main() {}
