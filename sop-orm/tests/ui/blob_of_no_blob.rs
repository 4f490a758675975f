use sop_orm::prelude::*;

#[derive(SopStore)]
struct Photo {
    #[sop(key)]
    number: u32,
    #[sop(blob)]
    image: Vec<u8>,
}

fn main() {}
