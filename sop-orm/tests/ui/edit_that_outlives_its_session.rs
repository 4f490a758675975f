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

async fn wrong(db: &Db) -> Result<Edit<'static, User>> {
    let s = db.session();
    s.of::<User>().edit(1).await
}

fn main() {}
