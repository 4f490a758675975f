use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(store)]
struct User {
    #[sop(key)]
    id: u64,
}

fn main() {}
