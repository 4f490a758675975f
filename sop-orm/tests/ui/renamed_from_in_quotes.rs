use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key)]
    id: u64,
    #[sop(renamed_from = "mail")]
    email: String,
}

fn main() {}
