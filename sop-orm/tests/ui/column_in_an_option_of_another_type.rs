use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(index(by_city(city: String = address.city)))]
struct Shop {
    #[sop(key)]
    number: u32,
    address: Option<Address>,
}

#[derive(SopEmbed)]
struct Address {
    city: String,
}

fn main() {}
