use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key)]
    id: u64,
    #[sop(renamed_from = name)]
    first: String,
    #[sop(renamed_from = name)]
    last: String,
}

fn main() {}
