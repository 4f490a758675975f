use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(index(by_city(city: String = address.town)))]
#[sop(index(by_street(street: String = adress.street)))]
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
