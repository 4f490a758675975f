use sop_orm::prelude::*;

#[derive(SopEmbed)]
enum Role {
    Guest = 3,
}

fn main() {}
