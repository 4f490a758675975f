use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key)]
    id: u64,
    #[sop(index(by_city(city, name)))]
    name: String,
    city: String,
}

fn main() {}
