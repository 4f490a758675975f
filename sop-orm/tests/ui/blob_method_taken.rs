use sop_orm::{Blob, prelude::*};

#[derive(SopStore)]
struct Photo {
    #[sop(key)]
    number: u32,
    #[sop(index(image))]
    year: u32,
    #[sop(blob)]
    image: Blob,
}

fn main() {}
