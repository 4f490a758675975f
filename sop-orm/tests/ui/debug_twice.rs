use sop_orm::prelude::*;

#[derive(SopStore, Debug)]
#[sop(debug)]
struct User {
    #[sop(key)]
    number: u32,
    #[sop(sensitive)]
    name: String,
}

fn main() {}
