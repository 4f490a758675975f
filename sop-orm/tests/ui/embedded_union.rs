use sop_orm::prelude::*;

#[derive(SopEmbed)]
union Bits {
    int: u32,
    float: f32,
}

fn main() {}
