use sop_orm::{Ulid, prelude::*};

#[derive(SopStore)]
struct User {
    #[sop(key(auto = increment))]
    id: Ulid,
}

fn main() {}
