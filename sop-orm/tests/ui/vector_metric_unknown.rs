use sop_orm::{Vector, prelude::*};

#[derive(SopStore)]
struct Photo {
    #[sop(key)]
    number: u32,
    #[sop(vector(metric = cosinus))]
    seen: Vector<3>,
}

fn main() {}
