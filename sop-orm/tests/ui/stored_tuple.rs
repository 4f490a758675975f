use sop_orm::prelude::*;

#[derive(SopStore)]
struct Pair(u32, u32);

fn main() {}
