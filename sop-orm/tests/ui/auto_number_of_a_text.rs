use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key(auto = increment))]
    id: String,
}

fn main() {}
