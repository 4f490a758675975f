use sop_orm::prelude::*;

#[derive(SopEmbed)]
enum Role {
    #[sop(tag = -1)]
    Guest,
}

fn main() {}
