use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(default)]
struct User {
    #[sop(key(auto = uuid7), store = "users")]
    id: Id<User>,
}

fn main() {}
