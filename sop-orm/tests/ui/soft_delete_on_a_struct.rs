use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(soft_delete)]
struct User {
    #[sop(key)]
    number: u32,
    deleted_at: Option<Timestamp>,
}

fn main() {}
