use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(crate = "sop_orm")]
struct User {
    #[sop(key)]
    id: u64,
}

fn main() {}
