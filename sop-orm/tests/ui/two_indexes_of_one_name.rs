use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(index(by_name(last)))]
struct Person {
    #[sop(key)]
    number: u32,
    #[sop(index(by_name))]
    first: String,
    last: String,
}

fn main() {}
