use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key(auto))]
    id: Id<User>,
}

fn main() {}
