use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(index(by_city("city", name)))]
struct User {
    #[sop(key)]
    id: u64,
    name: String,
    city: String,
}

fn main() {}
