use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key)]
    id: u64,
    #[sop(index(__))]
    name: String,
    #[sop(index(_1))]
    city: String,
    #[sop(index(self_))]
    street: String,
}

fn main() {}
