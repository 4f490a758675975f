use sop_orm::{Vector, prelude::*};

#[derive(SopStore)]
struct Photo {
    #[sop(key, vector)]
    seen: Vector<3>,
}

fn main() {}
