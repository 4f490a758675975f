use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key)]
    number: u64,
    #[sop(version)]
    revision: u64,
    #[sop(version)]
    changes: u32,
    #[sop(version, default = 5)]
    edits: u32,
}

fn main() {}
