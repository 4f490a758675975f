use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(stores = "users")]
struct User {
    #[sop(key(auto = uuid7))]
    id: Id<User>,
}

fn main() {}
