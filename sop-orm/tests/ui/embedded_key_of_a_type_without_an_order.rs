use sop_orm::prelude::*;

#[derive(SopEmbed)]
#[sop(key)]
struct Words {
    count: std::collections::BTreeMap<String, u32>,
}

fn main() {}
