use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(merge_record = field)]
struct Article {
    #[sop(key)]
    number: u32,
}

fn main() {}
