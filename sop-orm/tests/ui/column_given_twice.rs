use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(index(by_name(name, name)))]
struct User {
    #[sop(key)]
    number: u32,
    name: String,
}

fn main() {}
