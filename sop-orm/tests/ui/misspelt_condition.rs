use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(unique(by_name(name), wen = Self::is_live))]
#[sop(index(by_both(name, number), version = "2"))]
struct Shop {
    #[sop(key)]
    number: u32,
    #[sop(index(by_first, version = 1, version = 2))]
    name: String,
}

fn main() {}
