use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(store = "users/old")]
struct User {
    #[sop(key)]
    id: u32,
}

fn main() {}
