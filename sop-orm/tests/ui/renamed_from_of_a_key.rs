use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key, renamed_from = number)]
    id: u64,
}

fn main() {}
