use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(key(nubmer))]
struct User {
    number: u64,
}

fn main() {}
