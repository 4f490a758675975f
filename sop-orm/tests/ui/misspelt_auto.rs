use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key(auto = uuid))]
    id: Id<User>,
}

fn main() {}
