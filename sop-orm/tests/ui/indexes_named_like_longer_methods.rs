use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key)]
    number: u32,
    #[sop(index(edit_at))]
    name: String,
    #[sop(unique(delete_at))]
    email: String,
    #[sop(index(insert_or_ignore))]
    city: String,
}

fn main() {}
