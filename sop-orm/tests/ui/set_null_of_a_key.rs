use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key(auto = uuid7))]
    id: Id<User>,
}

#[derive(SopStore)]
struct Profile {
    #[sop(key, belongs_to(on_delete = set_null))]
    user: Option<Id<User>>,
}

fn main() {}
