use sop_orm::prelude::*;

#[derive(SopEmbed, Debug)]
#[sop(debug)]
struct Login {
    name: String,
    #[sop(sensitive)]
    pin: String,
}

fn main() {}
