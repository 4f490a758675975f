use sop_orm::prelude::*;

#[derive(SopEmbed)]
#[sop(tag = 1)]
enum Role {
    #[sop(tag = 0)]
    Guest,
}

fn main() {}
