use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(index(by_age(age desc desc, name)))]
struct User {
    #[sop(key)]
    id: u64,
    name: String,
    age: u8,
}

fn main() {}
