use sop_orm::prelude::*;

#[derive(SopStore)]
struct User {
    #[sop(key(auto = increment))]
    number: u64,
    #[sop(unique(by_email))]
    email: String,
    #[sop(index(by_age))]
    age: u8,
}

async fn wrong(s: &Session) -> Result<u64> {
    s.of::<User>().by_email().starts_with("ann").count().await
}

fn main() {}
