use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(key)]
struct User {
    id: u64,
}

fn main() {}
