use sop_orm::{Ulid, prelude::*};

#[derive(SopStore)]
struct User {
    #[sop(key, ulid)]
    id: Ulid,
}

fn main() {}
