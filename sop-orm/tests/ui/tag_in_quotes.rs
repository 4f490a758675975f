use sop_orm::prelude::*;

#[derive(SopEmbed)]
enum Role {
    #[sop(tag = "guest")]
    Guest,
}

fn main() {}
