use sop_orm::{Vector, prelude::*};

#[derive(SopStore)]
struct Photo {
    #[sop(key)]
    number: u32,
    album: String,
    #[sop(vector(partition(album, seen)))]
    seen: Vector<3>,
}

fn main() {}
