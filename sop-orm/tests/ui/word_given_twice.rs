use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(store = "users", store = "people")]
struct User {
    #[sop(key)]
    #[sop(key)]
    id: u32,
}

fn main() {}
