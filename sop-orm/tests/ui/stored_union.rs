use sop_orm::prelude::*;

#[derive(SopStore)]
union User {
    id: u64,
}

fn main() {}
