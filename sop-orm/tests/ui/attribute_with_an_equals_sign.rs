use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop = "key"]
    id: u64,
}

fn main() {}
