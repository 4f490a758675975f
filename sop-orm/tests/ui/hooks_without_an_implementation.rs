use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(hooks)]
struct User {
    #[sop(key)]
    number: u64,
    name: String,
}

fn main() {}
