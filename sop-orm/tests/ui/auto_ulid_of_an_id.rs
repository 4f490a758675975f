use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key(auto = ulid))]
    id: Id<User>,
}

fn main() {}
