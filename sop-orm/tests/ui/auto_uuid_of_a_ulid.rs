use sop_orm::{Ulid, prelude::*};

#[derive(SopStore)]
struct User {
    #[sop(key(auto = uuid7))]
    id: Ulid,
}

fn main() {}
