use sop_orm::prelude::*;

mod v1 {
    #[derive(sop_orm::SopStore)]
    #[sop(store = "users")]
    pub struct User {
        #[sop(key)]
        pub id: u32,
    }
}

#[derive(SopStore)]
#[sop(store = "users", version = 2, from = v1::User)]
struct User {
    #[sop(key)]
    id: u32,
}

fn main() {}
