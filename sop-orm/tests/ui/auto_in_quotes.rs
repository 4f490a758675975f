use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key(auto = "uuid7"))]
    id: Id<User>,
}

fn main() {}
