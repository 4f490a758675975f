use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(unique(by_name(name, deleted_at)))]
struct User {
    #[sop(key)]
    number: u32,
    name: String,
    #[sop(soft_delete)]
    deleted_at: Option<Timestamp>,
    #[sop(soft_delete)]
    removed_at: Option<Timestamp>,
}

fn main() {}
