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

async fn wrong(s: &Session) -> Result<()> {
    let user = s.of::<User>().require(1).await?;
    user.age = 30;
    Ok(())
}

fn main() {}
