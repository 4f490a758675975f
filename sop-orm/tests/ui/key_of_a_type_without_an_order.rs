use sop_orm::prelude::*;

#[derive(SopStore)]
struct Article {
    #[sop(key)]
    words: std::collections::BTreeMap<String, u32>,
}

fn main() {}
