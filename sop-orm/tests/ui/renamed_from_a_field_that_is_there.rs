use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key)]
    id: u32,
    #[sop(renamed_from = email)]
    mail: String,
    email: String,
}

fn main() {}
