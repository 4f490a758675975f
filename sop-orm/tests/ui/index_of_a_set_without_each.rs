use sop_orm::prelude::*;

#[derive(SopStore)]
struct Article {
    #[sop(key)]
    id: u64,
    #[sop(index(by_tag))]
    tags: std::collections::BTreeSet<String>,
}

fn main() {}
