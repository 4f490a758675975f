use sop_orm::prelude::*;

fn longest(_: &String, ours: &String, _: String) -> Result<String, sop_orm::CannotMerge> {
    Ok(ours.clone())
}

#[derive(SopStore)]
struct Article {
    #[sop(key)]
    number: u32,
    #[sop(merge = custom(longest))]
    views: u64,
}

fn main() {}
