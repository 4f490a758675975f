use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(new(Debug))]
struct User {
    #[sop(key(auto = uuid7))]
    id: Id<User>,
}

fn main() {}
