use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key)]
    id: u64,
    #[sop(sensitive = true)]
    name: String,
}

fn main() {}
