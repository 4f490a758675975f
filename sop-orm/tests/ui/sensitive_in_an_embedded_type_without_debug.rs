use sop_orm::prelude::*;

#[derive(SopEmbed, Debug)]
struct Login {
    name: String,
    #[sop(sensitive)]
    pin: String,
}

#[derive(SopEmbed)]
enum Payment {
    #[sop(tag = 0)]
    Card(#[sop(sensitive)] String),
}

fn main() {}
