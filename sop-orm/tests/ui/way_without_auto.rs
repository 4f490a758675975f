use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key(uuid7))]
    id: Id<User>,
}

fn main() {}
