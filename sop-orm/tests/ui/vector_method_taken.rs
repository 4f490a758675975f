use sop_orm::{Vector, prelude::*};

#[derive(SopStore)]
struct Photo {
    #[sop(key)]
    number: u32,
    #[sop(index(near_seen))]
    year: u32,
    #[sop(vector)]
    seen: Vector<3>,
}

fn main() {}
