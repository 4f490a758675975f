use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key)]
    number: u32,
    #[sop(soft_delete)]
    deleted: bool,
}

fn main() {}
