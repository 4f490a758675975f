use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(key(auto = uuid7))]
struct User {
    id: Id<User>,
}

fn main() {}
