use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(index(by_both(tags each, names each)))]
struct Article {
    #[sop(key)]
    number: u32,
    tags: Vec<String>,
    names: Vec<String>,
}

fn main() {}
