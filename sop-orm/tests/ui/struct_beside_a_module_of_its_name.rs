use sop_orm::prelude::*;

mod user {}

#[derive(SopStore)]
struct User {
    #[sop(key)]
    id: u64,
}

fn main() {}
