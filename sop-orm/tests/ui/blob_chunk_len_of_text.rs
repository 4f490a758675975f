use sop_orm::{Blob, prelude::*};

#[derive(SopStore)]
struct Photo {
    #[sop(key)]
    number: u32,
    #[sop(blob(chunk_len = "64 KiB"))]
    image: Blob,
}

fn main() {}
