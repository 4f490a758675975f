use sop_orm::{Vector, prelude::*};

#[derive(SopStore)]
struct Photo {
    #[sop(key)]
    number: u32,
    #[sop(index(by_year))]
    year: u32,
    #[sop(vector(filter = by_yeer))]
    seen: Vector<3>,
}

fn main() {}
