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

async fn wrong(db: &Db) -> Result<()> {
    db.run(|s| {
        s.of::<User>();
        Ok(())
    })
    .await
}

fn main() {}
