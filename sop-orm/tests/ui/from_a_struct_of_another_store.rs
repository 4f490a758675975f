use sop_orm::prelude::*;

mod v1 {
    #[derive(sop_orm::SopStore)]
    #[sop(store = "people")]
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

impl From<v1::User> for User {
    fn from(old: v1::User) -> Self {
        Self { id: old.id }
    }
}

fn main() {}
