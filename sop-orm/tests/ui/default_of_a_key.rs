use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key, default)]
    id: u32,
}

fn main() {}
