use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(store = "sop.users")]
struct User {
    #[sop(key)]
    id: u64,
}

fn main() {}
