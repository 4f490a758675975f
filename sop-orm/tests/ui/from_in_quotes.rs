use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(version = 2, from = "v1::User")]
struct User {
    #[sop(key)]
    id: u32,
}

fn main() {}
