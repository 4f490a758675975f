use sop_orm::prelude::*;

#[derive(SopEmbed)]
#[sop(index(by_city(city)))]
struct Address {
    city: String,
}

fn main() {}
