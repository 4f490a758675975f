use sop_orm::{Blob, prelude::*};

#[derive(SopStore)]
struct Photo {
    #[sop(key)]
    number: u32,
    #[sop(blob(chunk_len = 1_024))]
    image: Blob,
    #[sop(blob(chunk_len = 99_999_999_999))]
    sound: Blob,
}

fn main() {}
