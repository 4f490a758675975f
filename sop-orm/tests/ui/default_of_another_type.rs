use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key)]
    id: u64,
    #[sop(default = "none")]
    name: String,
}

fn main() {}
