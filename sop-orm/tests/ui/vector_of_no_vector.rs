use sop_orm::prelude::*;

#[derive(SopStore)]
struct Photo {
    #[sop(key)]
    number: u32,
    #[sop(vector)]
    seen: Vec<f32>,
}

fn main() {}
