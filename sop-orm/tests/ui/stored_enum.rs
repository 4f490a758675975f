use sop_orm::prelude::*;

#[derive(SopStore)]
enum Shape {
    Round,
    Square,
}

fn main() {}
