use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(index(by_lower(lower: String = Self::lower())))]
#[sop(index(by_name(name), when = Self::is_live()))]
struct Shop {
    #[sop(key)]
    number: u32,
    name: String,
}

fn main() {}
