use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key sensitive)]
    name: String,
}

fn main() {}
