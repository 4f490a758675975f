use sop_orm::{Blob, prelude::*};

#[derive(SopStore)]
struct Photo {
    #[sop(key, blob)]
    image: Blob,
}

fn main() {}
