use sop_orm::prelude::*;

#[derive(SopEmbed)]
struct Address {
    #[sop(merge = add)]
    visits: u32,
}

fn main() {}
