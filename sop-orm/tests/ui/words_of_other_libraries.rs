use sop_orm::prelude::*;

#[derive(SopStore)]
#[sop(table = "users")]
struct User {
    #[sop(primary_key)]
    id: u64,
    #[sop(rename = "mail")]
    email: String,
    #[sop(auto_increment)]
    number: u64,
}

fn main() {}
