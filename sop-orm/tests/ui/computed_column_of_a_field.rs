use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(index(by_name(title: String = name)))]
struct Shop {
    #[sop(key)]
    number: u32,
    name: String,
}

fn main() {}
