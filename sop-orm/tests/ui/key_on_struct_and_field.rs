use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(key(tenant, id))]
struct User {
    #[sop(key)]
    id: Id<User>,
    tenant: u32,
}

fn main() {}
