use sop_orm::prelude::*;

#[derive(SopEmbed)]
enum Role {
    #[sop(tag = 0)]
    Guest,
}

#[derive(SopStore)]
struct User {
    #[sop(key)]
    id: u64,
    #[sop(default)]
    role: Role,
}

fn main() {}
