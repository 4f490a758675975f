use sop_orm::prelude::*;

#[derive(SopEmbed)]
struct Address {
    street: String,
}

#[derive(SopStore)]
struct Shop {
    #[sop(key)]
    number: u32,
    #[sop(merge = nested)]
    address: Address,
}

fn main() {}
