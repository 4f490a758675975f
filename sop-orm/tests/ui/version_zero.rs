use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(version = 0)]
struct User {
    #[sop(key)]
    id: u32,
}

fn main() {}
