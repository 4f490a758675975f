use sop_orm::{Blob, prelude::*};

#[derive(SopStore)]
struct Photo {
    #[sop(key)]
    number: u32,
    #[sop(blob(chunk = 65_536))]
    image: Blob,
}

fn main() {}
