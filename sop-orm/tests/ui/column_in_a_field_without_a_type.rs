use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(index(by_city(address.city)))]
struct Shop {
    #[sop(key)]
    number: u32,
    address: Address,
}

#[derive(SopEmbed)]
struct Address {
    city: String,
}

fn main() {}
